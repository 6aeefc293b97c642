/**
 * Kernels of the tensorflow backend for what models do hundreds of times per token.
 *
 * tfjs-node makes a tensor for every shape, axis and permutation, each time anew; `speedUpKernels`
 * puts kernels in place that keep them. `registerFusedKernels` adds one kernel for each function of
 * `src/nn` that takes several ops (see `src/nn/fused.ts`): between them nothing goes through tfjs.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { FusedAttributes } from './nn/fused';
import { type NodeBackend, replaceKernel } from './tensorflowBackend';
import { notLast, type TensorflowOps, tensorflowOps, type Value } from './tensorflowOps';

type FusedKernels = {
  [K in keyof FusedAttributes]: (inputs: tf.Tensor[], attributes: FusedAttributes[K]) => Value;
};

/** What models compute stays the same, but for the last bits. */
export function speedUpKernels(backend: NodeBackend): void {
  const op = tensorflowOps(backend);
  replaceStockKernels(op);
  registerFusedKernels(op);
}

function replaceStockKernels(op: TensorflowOps): void {
  replaceKernel(tf.Reshape, (stock, args) => {
    const x = args.inputs.x as tf.Tensor;
    if (!op.isFloat(x)) return stock(args);
    const { shape } = args.attrs as { shape: number[] };
    return op.tensor(() => op.reshape(op.from(x), shape));
  });
  replaceKernel(tf.Transpose, (stock, args) => {
    const x = args.inputs.x as tf.Tensor;
    if (!op.isFloat(x)) return stock(args);
    const { perm } = args.attrs as { perm: number[] };
    return op.tensor(() => op.transpose(op.from(x), perm));
  });
  for (const name of [tf.Mean, tf.Sum] as const) {
    replaceKernel(name, (stock, args) => {
      const x = args.inputs.x as tf.Tensor;
      if (!op.isFloat(x)) return stock(args);
      const { axis, keepDims } = args.attrs as { axis: number | number[]; keepDims: boolean };
      const axes = tf.util.parseAxisParam(axis, x.shape);
      return op.tensor(() => op.reduce(name, op.from(x), axes, Boolean(keepDims)));
    });
  }
  replaceKernel(tf.Concat, (stock, args) => {
    const tensors = args.inputs as unknown as tf.Tensor[];
    if (!tensors.every(op.isFloat)) return stock(args);
    const { axis } = args.attrs as { axis: number };
    return op.tensor(() => op.concat(tensors.map(op.from), axis));
  });
  replaceKernel(tf.SplitV, (stock, args) => {
    const x = args.inputs.x as tf.Tensor;
    if (!op.isFloat(x)) return stock(args);
    const { numOrSizeSplits, axis } = args.attrs as { numOrSizeSplits: number[]; axis: number };
    const [at] = tf.util.parseAxisParam(axis, x.shape);
    const sizes = tf.backend_util.prepareSplitSize(x, numOrSizeSplits, at);
    return op.tensors(() => op.split(op.from(x), sizes, at));
  });
}

/** What each computes is written out, in ops of tfjs, at the function of `src/nn` that runs it. */
function registerFusedKernels(op: TensorflowOps): void {
  const kernels: FusedKernels = {
    LayerNorm([input, gain, bias], { eps }) {
      const x = op.from(input);
      const centred = op.sub(x, op.reduce('Mean', x, [-1]));
      const variance = op.reduce('Mean', op.square(notLast(centred)), [-1]);
      const normed = op.mul(centred, op.rsqrt(op.add(variance, eps)));
      return op.add(op.mul(normed, op.from(gain)), op.from(bias));
    },

    RMSNorm([input, gain], { eps }) {
      const x = op.from(input);
      const scale = op.rsqrt(op.add(op.reduce('Mean', op.square(x), [-1]), eps));
      return op.mul(op.mul(scale, x), op.from(gain));
    },

    // ½(1 + tanh u) is the sigmoid of 2u.
    GeluTanh([input], { slope, bend }) {
      const x = op.from(input);
      const u = op.mul(op.add(op.mul(op.square(x), 2 * bend), 2 * slope), x);
      return op.mul(op.sigmoid(u), x);
    },

    Linear([x, w, bias]) {
      const [inner, outer] = w.shape as [number, number];
      const rows = x.size / inner;
      // A row alone needs no other shape; libtensorflow multiplies leading axes one by one.
      const one = rows === 1;
      let y = op.isFloat(w)
        ? op.product(one ? op.from(x) : op.reshape(op.from(x), [rows, inner]), op.from(w))
        : op.from(tf.matMul(tf.reshape(x, [rows, inner]), w));
      if (bias) y = op.add(y, op.from(bias));
      const shape = [...x.shape.slice(0, -1), outer];
      return y.passing && tf.util.arraysEqual(y.shape, shape) ? y : op.reshape(y, shape);
    },

    Rope([input, cos, sin]) {
      const x = op.from(input);
      const swapped = op.roll(x, (x.shape[3] ?? 0) / 2, 3);
      return op.add(op.mul(x, op.from(cos)), op.mul(swapped, op.from(sin)));
    },

    Attention([q, ...others], { pieces, scale, softcap }) {
      const [batch, heads, length, dim] = q.shape as [number, number, number, number];
      const [keys, values, [mask]] = [
        others.slice(0, pieces),
        others.slice(pieces, 2 * pieces),
        others.slice(2 * pieces),
      ];
      const kvHeads = keys[0].shape[1] ?? 0;
      const grouped = kvHeads !== heads;
      const perKey = [batch, kvHeads, (heads / kvHeads) * length, -1];
      const perQuery = [batch, heads, length, -1];
      let queries = op.mul(op.from(q), scale);
      if (grouped) queries = op.reshape(queries, perKey);
      const products = keys.map((k, i) => {
        const left = i < pieces - 1 ? notLast(queries) : queries;
        return op.product(left, op.from(k), { y: true });
      });
      let scores = pieces === 1 ? products[0] : op.concat(products, 3);
      if (softcap !== null) scores = op.mul(op.tanh(op.mul(scores, 1 / softcap)), softcap);
      if (mask) {
        if (grouped) scores = op.reshape(scores, perQuery);
        scores = op.add(scores, op.from(mask));
        if (grouped) scores = op.reshape(scores, perKey);
      }
      const shares = op.softmax(scores);
      const columns = keys.map((k) => k.shape[2] ?? 0);
      const parts = pieces === 1 ? [shares] : op.split(shares, columns, 3);
      const mixed = values.map((v, i) => op.product(parts[i], op.from(v)));
      let sum = pieces === 1 ? mixed[0] : op.addN(mixed);
      if (length > 1) {
        if (grouped) sum = op.reshape(sum, [batch, heads, length, dim]);
        sum = op.transpose(sum, [0, 2, 1, 3]);
      }
      return op.reshape(sum, [batch, length, heads * dim]);
    },
  };
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    tf.registerKernel({
      kernelName,
      backendName: 'tensorflow',
      kernelFunc: ({ inputs, attrs }) =>
        op.tensor(() => kernel(inputs as unknown as tf.Tensor[], attrs as never)),
    });
  }
}
