/**
 * Ops as methods of tensors, `x.reshape([2, 3])` for `tf.reshape(x, [2, 3])`. tfjs-core's Node bundle
 * leaves them out; tfjs-node brings them, so that a script would run on tensorflow alone.
 */
/// <reference types="@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops" />
import * as tf from '@tensorflow/tfjs-core';

/** Methods that are the function of the same name, the tensor first. */
const SAME = [
  ...['abs', 'acos', 'acosh', 'add', 'all', 'any', 'argMax', 'argMin', 'asin', 'asinh', 'atan'],
  ...['atan2', 'atanh', 'avgPool', 'batchNorm', 'batchToSpaceND', 'broadcastTo', 'cast', 'ceil'],
  ...['clipByValue', 'conv1d', 'conv2d', 'conv2dTranspose', 'cos', 'cosh', 'cumprod', 'cumsum'],
  ...['depthToSpace', 'depthwiseConv2d', 'dilation2d', 'div', 'divNoNan', 'dot', 'elu', 'equal'],
  ...['erf', 'euclideanNorm', 'exp', 'expandDims', 'expm1', 'floor', 'floorDiv', 'gather'],
  ...['greater', 'greaterEqual', 'isFinite', 'isInf', 'isNaN', 'leakyRelu', 'less', 'lessEqual'],
  ...['localResponseNormalization', 'log', 'log1p', 'logSigmoid', 'logSoftmax', 'logSumExp'],
  ...['logicalAnd', 'logicalNot', 'logicalOr', 'logicalXor', 'matMul', 'max', 'maxPool', 'maximum'],
  ...['mean', 'min', 'minimum', 'mirrorPad', 'mod', 'mul', 'neg', 'norm', 'notEqual', 'oneHot'],
  ...['onesLike', 'pad', 'pool', 'pow', 'prelu', 'prod', 'reciprocal', 'relu', 'relu6', 'reshape'],
  ...['reverse', 'round', 'rsqrt', 'selu', 'separableConv2d', 'sigmoid', 'sign', 'sin', 'sinh'],
  ...['slice', 'softmax', 'softplus', 'spaceToBatchND', 'split', 'sqrt', 'square'],
  ...['squaredDifference', 'squeeze', 'step', 'stridedSlice', 'sub', 'sum', 'tan', 'tanh', 'tile'],
  ...['topk', 'transpose', 'unique', 'unsortedSegmentSum', 'unstack', 'zerosLike'],
] as const satisfies (keyof typeof tf)[];

type List<T> = T | T[];
const list = <T>(x: List<T>): T[] => (Array.isArray(x) ? x : [x]);
const reshapeTo = (x: tf.Tensor, ...shape: number[]) => tf.reshape(x, shape);

/** The others. */
const OTHERS: Record<string, (x: tf.Tensor, ...args: never[]) => unknown> = {
  as1D: (x) => tf.reshape(x, [x.size]),
  as2D: reshapeTo,
  as3D: reshapeTo,
  as4D: reshapeTo,
  as5D: reshapeTo,
  asScalar: (x) => tf.reshape(x, []),
  asType: (x, dtype: tf.DataType) => tf.cast(x, dtype),
  concat: (x, others: List<tf.Tensor>, axis?: number) => tf.concat([x, ...list(others)], axis),
  fft: (x) => tf.spectral.fft(x),
  flatten: (x) => tf.reshape(x, [x.size]),
  ifft: (x) => tf.spectral.ifft(x),
  irfft: (x) => tf.spectral.irfft(x),
  reshapeAs: (x, other: tf.Tensor) => tf.reshape(x, other.shape),
  resizeBilinear: (x, ...args) => tf.image.resizeBilinear(x as tf.Tensor4D, ...(args as [never])),
  resizeNearestNeighbor: (x, ...args) =>
    tf.image.resizeNearestNeighbor(x as tf.Tensor4D, ...(args as [never])),
  rfft: (x) => tf.spectral.rfft(x),
  stack: (x, others: List<tf.Tensor>, axis?: number) => tf.stack([x, ...list(others)], axis),
  toBool: (x) => tf.cast(x, 'bool'),
  toFloat: (x) => tf.cast(x, 'float32'),
  toInt: (x) => tf.cast(x, 'int32'),
  // tfjs has it that way round.
  where: (x, condition: tf.Tensor, other: tf.Tensor) => tf.where(condition, x, other),
};

/** Gives tensors the methods; does nothing when they are there already (tfjs-node brings them). */
export function registerChainedOps(): void {
  const methods = tf.Tensor.prototype as unknown as Record<string, unknown>;
  const functions = tf as unknown as Record<string, (x: tf.Tensor, ...args: never[]) => unknown>;
  const same = SAME.map((name) => [name, functions[name]] as const);
  for (const [name, run] of [...same, ...Object.entries(OTHERS)]) {
    methods[name] ??= function (this: tf.Tensor, ...args: never[]) {
      this.throwIfDisposed();
      return run(this, ...args);
    };
  }
}
