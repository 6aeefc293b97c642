/**
 * Kernels of the tensorflow backend that models call hundreds of times per token. tfjs-node makes a
 * tensor for every shape, axis and permutation, each time anew; here these are made once and kept.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type Attribute, type NodeBackend, replaceKernel } from './tensorflowBackend';

/** Shapes change with every token; so many are kept, then all are made again. */
const MOST_CONSTANTS = 4096;

/** Puts the faster kernels in the place of tfjs-node's. What they compute stays the same. */
export function speedUpKernels(backend: NodeBackend): void {
  const { binding, tensorMap } = backend;
  const constants = new Map<string, number>();
  /** The id of an int32 tensor that holds these numbers: [n], or a scalar. */
  const int32 = (values: number[], scalar = false): number => {
    const key = `${scalar} ${values}`;
    let id = constants.get(key);
    if (id === undefined) {
      if (constants.size >= MOST_CONSTANTS) {
        for (const old of constants.values()) binding.deleteTensor(old);
        constants.clear();
      }
      const shape = scalar ? [] : [values.length];
      id = binding.createTensor(shape, binding.TF_INT32, Int32Array.from(values));
      constants.set(key, id);
    }
    return id;
  };
  const typed = (name: string, value: number): Attribute => ({
    name,
    type: binding.TF_ATTR_TYPE,
    value,
  });
  const index = (name: string) => typed(name, binding.TF_INT32);
  const idOf = (x: tf.TensorInfo) => backend.getInputTensorIds([x])[0];
  const isFloat = (x: tf.TensorInfo) => tensorMap.get(x.dataId).dtype === binding.TF_FLOAT;
  const float = typed('T', binding.TF_FLOAT);
  const run = (name: string, attributes: Attribute[], ids: number[]) =>
    backend.createOutputTensor(binding.executeOp(name, attributes, ids, 1)[0]);

  replaceKernel(tf.Reshape, (stock, args) => {
    const x = args.inputs.x as tf.Tensor;
    if (!isFloat(x)) return stock(args);
    const { shape } = args.attrs as { shape: number[] };
    return run('Reshape', [float, index('Tshape')], [idOf(x), int32(shape)]);
  });
  replaceKernel(tf.Transpose, (stock, args) => {
    const x = args.inputs.x as tf.Tensor;
    if (!isFloat(x)) return stock(args);
    const { perm } = args.attrs as { perm: number[] };
    return run('Transpose', [float, index('Tperm')], [idOf(x), int32(perm)]);
  });
  for (const name of [tf.Mean, tf.Sum] as const) {
    replaceKernel(name, (stock, args) => {
      const x = args.inputs.x as tf.Tensor;
      if (!isFloat(x)) return stock(args);
      const { axis, keepDims } = args.attrs as { axis: number | number[]; keepDims: boolean };
      const axes = tf.util.parseAxisParam(axis, x.shape);
      const keep = { name: 'keep_dims', type: binding.TF_ATTR_BOOL, value: Boolean(keepDims) };
      return run(name, [keep, float, index('Tidx')], [idOf(x), int32(axes)]);
    });
  }
  replaceKernel(tf.Concat, (stock, args) => {
    const tensors = args.inputs as unknown as tf.Tensor[];
    if (!tensors.every(isFloat)) return stock(args);
    const { axis } = args.attrs as { axis: number };
    const count = { name: 'N', type: binding.TF_ATTR_INT, value: tensors.length };
    const ids = [...tensors.map(idOf), int32([axis], true)];
    return run('ConcatV2', [count, index('Tidx'), float], ids);
  });
  replaceKernel(tf.SplitV, (stock, args) => {
    const x = args.inputs.x as tf.Tensor;
    if (!isFloat(x)) return stock(args);
    const { numOrSizeSplits, axis } = args.attrs as { numOrSizeSplits: number[]; axis: number };
    const [at] = tf.util.parseAxisParam(axis, x.shape);
    const sizes = tf.backend_util.prepareSplitSize(x, numOrSizeSplits, at);
    const count = { name: 'num_split', type: binding.TF_ATTR_INT, value: sizes.length };
    const ids = [idOf(x), int32(sizes), int32([at], true)];
    return binding
      .executeOp('SplitV', [count, float, index('Tlen')], ids, sizes.length)
      .map((output) => backend.createOutputTensor(output));
  });
}
