/** Ops of libtensorflow on its own tensors, below tfjs: for kernels that are made of several. */
import type * as tf from '@tensorflow/tfjs-core';
import { type Attribute, attributeMakers, is16Bit, type NodeBackend, type Output } from './binding';

/** Shapes change with every token; so many are kept, then the oldest are freed. */
const MOST_CONSTANTS = 4096;

/** A tensor of numbers that never change. */
export interface Constant {
  shape: number[];
  dtype: number;
  data: Int32Array | Float32Array;
}

/** A tensor of libtensorflow on its way from one op to another. */
export interface Value extends Output {
  /** The op that reads it frees it. */
  passing: boolean;
}

/** The same value for a reader that is not the last. */
export const notLast = (x: Value): Value => ({ ...x, passing: false });

export type TensorflowOps = ReturnType<typeof tensorflowOps>;

/**
 * Ops in float32; `slice` and `gather` also take the 16-bit tensors of weights16.ts. An op frees the values it reads, so that a chain of them holds no more memory than
 * it needs: wrap a value in `notLast` for all readers but the last. Shapes, axes and numbers are
 * tensors to libtensorflow; they are made once and kept.
 */
export function tensorflowOps(backend: NodeBackend) {
  const { binding, tensorMap } = backend;
  const { type, flag, count } = attributeMakers(binding);
  const float = type('T', binding.TF_FLOAT);
  const index = (name: string) => [float, type(name, binding.TF_INT32)];
  const attributes = {
    elementwise: [float],
    reshape: index('Tshape'),
    transpose: index('Tperm'),
    roll: [...index('Tshift'), type('Taxis', binding.TF_INT32)],
    slice: (dtype: number) => [type('T', dtype), type('Index', binding.TF_INT32)],
    gather: (dtype: number) => [
      count('batch_dims', 0),
      type('Tparams', dtype),
      type('Tindices', binding.TF_INT32),
      type('Taxis', binding.TF_INT32),
    ],
    reduce: [false, true].map((keep) => [flag('keep_dims', keep), ...index('Tidx')]),
    product: [false, true].map((x) =>
      [false, true].map((y) => [float, flag('adj_x', x), flag('adj_y', y)]),
    ),
  };

  const kept = new Map<string, Value>();
  const constants = new Map<number, Constant>();
  const constant = (key: string, make: () => Constant): Value => {
    const known = kept.get(key);
    if (known) return known;
    if (kept.size >= MOST_CONSTANTS) forgetOldest();
    const { shape, dtype, data } = make();
    const id = binding.createTensor(shape, dtype, data);
    const value = { id, shape, dtype, passing: false };
    kept.set(key, value);
    constants.set(id, { shape, dtype, data });
    return value;
  };
  const forgetOldest = () => {
    for (const [key, { id }] of [...kept].slice(0, MOST_CONSTANTS / 2)) {
      binding.deleteTensor(id);
      constants.delete(id);
      kept.delete(key);
    }
  };
  /** int32 numbers: [n], or a scalar. */
  const int32 = (values: number[], scalar = false) =>
    constant(`${scalar} ${values}`, () => ({
      shape: scalar ? [] : [values.length],
      dtype: binding.TF_INT32,
      data: Int32Array.from(values),
    }));
  const number = (value: number) =>
    constant(`float ${value}`, () => ({
      shape: [],
      dtype: binding.TF_FLOAT,
      data: Float32Array.of(value),
    }));

  /** Values under way: what an op that fails leaves behind. */
  let live = new Set<number>();
  const runAll = (name: string, list: Attribute[], inputs: Value[], outputs: number): Value[] => {
    const ids = inputs.map(({ id }) => id);
    // Not `binding`: while ops are noted, the backend has another one.
    const made = backend.binding.executeOp(name, list, ids, outputs);
    for (const { id, passing } of inputs) {
      if (!passing) continue;
      binding.deleteTensor(id);
      live.delete(id);
    }
    return made.map((output) => {
      live.add(output.id);
      return { ...output, passing: true };
    });
  };
  const run = (name: string, list: Attribute[], ...inputs: Value[]) =>
    runAll(name, list, inputs, 1)[0];
  const unary = (name: string) => (x: Value) => run(name, attributes.elementwise, x);
  const binary = (name: string) => (x: Value, y: Value | number) =>
    run(name, attributes.elementwise, x, typeof y === 'number' ? number(y) : y);

  /** Values made by `body`, as tensors of tfjs; when it throws, nothing of it stays. */
  const tensors = (body: () => Value[]): tf.Tensor[] => {
    const outer = live;
    live = new Set();
    try {
      const values = body();
      for (const { id } of values) live.delete(id);
      return values.map((value) => backend.createOutputTensor(value));
    } finally {
      for (const id of live) binding.deleteTensor(id);
      live = outer;
    }
  };

  return {
    add: binary('AddV2'),
    sub: binary('Sub'),
    mul: binary('Mul'),
    square: unary('Square'),
    rsqrt: unary('Rsqrt'),
    tanh: unary('Tanh'),
    sigmoid: unary('Sigmoid'),
    softmax: unary('Softmax'),
    reduce: (name: 'Mean' | 'Sum', x: Value, axes: number[], keepDims = true) =>
      run(name, attributes.reduce[Number(keepDims)], x, int32(axes)),
    reshape: (x: Value, shape: number[]) => run('Reshape', attributes.reshape, x, int32(shape)),
    transpose: (x: Value, perm: number[]) => run('Transpose', attributes.transpose, x, int32(perm)),
    roll: (x: Value, shift: number, axis: number) =>
      run('Roll', attributes.roll, x, int32([shift], true), int32([axis], true)),
    product: (x: Value, y: Value, adjoint: { x?: boolean; y?: boolean } = {}) =>
      run('BatchMatMulV2', attributes.product[Number(!!adjoint.x)][Number(!!adjoint.y)], x, y),
    concat: (parts: Value[], axis: number) =>
      run('ConcatV2', [count('N', parts.length), ...index('Tidx')], ...parts, int32([axis], true)),
    /** `sizes` are numbers, or a tensor of `parts` of them. */
    split(x: Value, sizes: number[] | Value, axis: number, parts: number): Value[] {
      const list = [count('num_split', parts), ...index('Tlen')];
      const wanted = Array.isArray(sizes) ? int32(sizes) : sizes;
      return runAll('SplitV', list, [x, wanted, int32([axis], true)], parts);
    },
    gather: (x: Value, indices: Value, axis: number) =>
      run('GatherV2', attributes.gather(x.dtype), x, indices, int32([axis], true)),
    slice: (x: Value, begin: number[], size: number[]) =>
      run('Slice', attributes.slice(x.dtype), x, int32(begin), int32(size)),
    addN: (parts: Value[]) => run('AddN', [count('N', parts.length), float], ...parts),

    isFloat: (x: tf.TensorInfo) => tensorMap.get(x.dataId).dtype === binding.TF_FLOAT,
    isFloatOr16Bit(x: tf.TensorInfo): boolean {
      const { dtype } = tensorMap.get(x.dataId);
      return dtype === binding.TF_FLOAT || is16Bit(dtype);
    },
    isInt32: (x: tf.TensorInfo) => tensorMap.get(x.dataId).dtype === binding.TF_INT32,
    /** A tensor of tfjs, which stays its owner's. */
    from: (x: tf.TensorInfo): Value => {
      const { id, values, dtype } = tensorMap.get(x.dataId);
      const { shape } = x;
      // A number in the code, which is a tensor to tfjs.
      if (id < 0 && !shape.length && dtype === binding.TF_FLOAT && values) return number(values[0]);
      const [sent] = id < 0 ? backend.getInputTensorIds([x]) : [id];
      return { id: sent, shape, dtype, passing: false };
    },
    /** The numbers of a kept constant. */
    constantOf: (id: number) => constants.get(id),
    tensors,
    /** The same for one value. */
    tensor: (body: () => Value): tf.Tensor => tensors(() => [body()])[0],
  };
}
