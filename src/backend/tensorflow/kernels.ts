/**
 * Kernels of the tensorflow backend for what models do hundreds of times per token.
 *
 * tfjs-node makes a tensor for every shape, axis and permutation, each time anew; `speedUpKernels`
 * puts kernels in place that keep them. `registerFusedKernels` adds one kernel for each function of
 * `src/nn` that takes several ops (see `src/nn/fused.ts`): between them nothing goes through tfjs.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { FusedAttributes } from '../../nn/fused';
import { replaceKernel } from './binding';
import { notLast, type TensorflowOps, type Value } from './ops';

type FusedKernels = {
  [K in keyof FusedAttributes]: (inputs: tf.Tensor[], attributes: FusedAttributes[K]) => Value;
};

/** What models compute stays the same, but for the last bits. */
export function speedUpKernels(op: TensorflowOps): void {
  replaceStockKernels(op);
  registerFusedKernels(op);
}

function replaceStockKernels(op: TensorflowOps): void {
  /** A kernel for float32 tensors; those of others stay. */
  const replace = <A>(
    name: string,
    kernel: (inputs: tf.Tensor[], attributes: A) => Value[],
    fits = (inputs: tf.Tensor[], _: A) => inputs.every(op.isFloat),
  ) =>
    replaceKernel(name, (stock, args) => {
      const inputs = Object.values(args.inputs) as tf.Tensor[];
      const attributes = args.attrs as A;
      if (!fits(inputs, attributes)) return stock(args);
      const outputs = op.tensors(() => kernel(inputs, attributes));
      return outputs.length === 1 ? outputs[0] : outputs;
    });

  // The first axis is left open: a graph of these ops then fits batches of any size.
  replace<{ shape: number[] }>(tf.Reshape, ([x], { shape }) => {
    const whole = tf.util.inferFromImplicitShape(shape, x.size);
    return [op.reshape(op.from(x), x.size && whole.length ? [-1, ...whole.slice(1)] : whole)];
  });
  replace<{ perm: number[] }>(tf.Transpose, ([x], { perm }) => [op.transpose(op.from(x), perm)]);
  for (const name of [tf.Mean, tf.Sum] as const) {
    replace<{ axis: number | number[]; keepDims: boolean }>(name, ([x], { axis, keepDims }) => {
      const axes = tf.util.parseAxisParam(axis, x.shape);
      return [op.reduce(name, op.from(x), axes, Boolean(keepDims))];
    });
  }
  for (const [name, run] of [
    [tf.Add, op.add],
    [tf.Sub, op.sub],
    [tf.Multiply, op.mul],
  ] as const) {
    replace(name, ([x, y]) => [run(op.from(x), op.from(y))]);
  }
  replace<{ axis: number }>(tf.Concat, (tensors, { axis }) => [
    op.concat(tensors.map(op.from), axis),
  ]);
  replace<{ numOrSizeSplits: number | number[]; axis: number }>(tf.SplitV, ([x], attributes) => {
    const [axis] = tf.util.parseAxisParam(attributes.axis, x.shape);
    const sizes = tf.backend_util.prepareSplitSize(x, attributes.numOrSizeSplits, axis);
    return op.split(op.from(x), sizes, axis, sizes.length);
  });
  replace<{ begin: number[]; size: number[] }>(
    tf.Slice,
    ([x], { begin, size }) => {
      const [from, count] = tf.slice_util.parseSliceParams(x, begin, size);
      const open = count.map((n, i) => (from[i] + n === x.shape[i] ? -1 : n));
      return [op.slice(op.from(x), from, open)];
    },
    ([x]) => op.isFloatOr16Bit(x),
  );
  replace<{ axis: number; batchDims: number }>(
    tf.GatherV2,
    ([x, indices], { axis }) => {
      const [at] = tf.util.parseAxisParam(axis, x.shape);
      return [op.gather(op.from(x), op.from(indices), at)];
    },
    ([x, indices], { batchDims }) => !batchDims && op.isFloatOr16Bit(x) && op.isInt32(indices),
  );
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

    // Here too, the first axis of a shape is left open.
    Linear([x, w, bias]) {
      const [inner, outer] = w.shape as [number, number];
      const rows = x.size / inner;
      // A row alone needs no other shape; libtensorflow multiplies leading axes one by one.
      const wide = op.isFloat(w);
      const one = wide && rows === 1;
      let y = wide
        ? op.product(one ? op.from(x) : op.reshape(op.from(x), [-1, inner]), op.from(w))
        : op.from(tf.matMul(tf.reshape(x, [rows, inner]), w));
      if (bias) y = op.add(y, op.from(bias));
      const done = y.passing && (one || x.rank === 2);
      return done ? y : op.reshape(y, [-1, ...x.shape.slice(1, -1), outer]);
    },

    Rope([input, cos, sin]) {
      const x = op.from(input);
      const swapped = op.roll(x, (x.shape[3] ?? 0) / 2, 3);
      return op.add(op.mul(x, op.from(cos)), op.mul(swapped, op.from(sin)));
    },

    Attention([q, ...others], { pieces, scale, softcap }) {
      const [batch, heads, length, dim] = q.shape as [number, number, number, number];
      const keys = others.slice(0, pieces);
      const values = others.slice(pieces, 2 * pieces);
      const [columns, mask] = pieces > 1 ? others.slice(2 * pieces) : [null, others[2 * pieces]];
      const kvHeads = keys[0].shape[1] ?? 0;
      const grouped = kvHeads !== heads;
      let queries = op.mul(op.from(q), scale);
      if (grouped) queries = op.reshape(queries, [-1, kvHeads, (heads / kvHeads) * length, dim]);
      const products = keys.map((k, i) => {
        const left = i < pieces - 1 ? notLast(queries) : queries;
        return op.product(left, op.from(k), { y: true });
      });
      let scores = pieces === 1 ? products[0] : op.concat(products, 3);
      if (softcap !== null) scores = op.mul(op.tanh(op.mul(scores, 1 / softcap)), softcap);
      if (mask) {
        // One query stands for each head's, whichever key it shares.
        const regroup = grouped && length > 1;
        const grouping = scores.shape;
        if (regroup) scores = op.reshape(scores, [batch, heads, length, -1]);
        scores = op.add(scores, op.from(mask));
        if (regroup) scores = op.reshape(scores, grouping);
      }
      const shares = op.softmax(scores);
      const parts = columns ? op.split(shares, op.from(columns), 3, pieces) : [shares];
      const mixed = values.map((v, i) => op.product(parts[i], op.from(v)));
      let sum = pieces === 1 ? mixed[0] : op.addN(mixed);
      if (length > 1) {
        if (grouped) sum = op.reshape(sum, [-1, heads, length, dim]);
        sum = op.transpose(sum, [0, 2, 1, 3]);
      }
      return op.reshape(sum, [-1, length, heads * dim]);
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
