import * as tf from '@tensorflow/tfjs-core';

export interface SamplingOptions {
  /** 0 (the default) is greedy. */
  temperature?: number;
  /** Only the smallest set of tokens that holds this much probability is drawn from; default 1. */
  topP?: number;
}

/**
 * The most likely token of each row of logits [B, V].
 * @throws Error when a row holds a NaN or an infinity
 */
export async function greedy(logits: tf.Tensor2D): Promise<number[]> {
  const [batch] = logits.shape;
  // One read for both: a sum is finite only when every logit is.
  const both = tf.tidy(() =>
    tf.concat([tf.cast(tf.argMax(logits, 1), 'float32'), tf.sum(logits, 1)]),
  );
  const values = await both.data();
  both.dispose();
  for (let row = 0; row < batch; row++) refuseNaN(values[batch + row]);
  return Array.from(values.slice(0, batch));
}

/**
 * One draw from a row of logits [V] after temperature and nucleus (top-p) truncation.
 * @param random a number in [0, 1)
 */
export function draw(
  logits: Float32Array,
  { temperature = 1, topP = 1 }: SamplingOptions,
  random: number,
): number {
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = logits.map((logit) => Math.exp((logit - top) / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  refuseNaN(total);
  const order = Array.from(weights.keys()).sort((a, b) => weights[b] - weights[a] || a - b);
  let kept = 0;
  let mass = 0;
  while (kept < order.length && (kept === 0 || mass < topP * total)) mass += weights[order[kept++]];
  let left = random * mass;
  for (let i = 0; i < kept; i++) {
    left -= weights[order[i]];
    if (left < 0) return order[i];
  }
  return order[kept - 1];
}

function refuseNaN(value: number) {
  if (!Number.isFinite(value)) {
    throw new Error(
      'The logits are not finite. A steering weight may be far too large, or the weights are broken.',
    );
  }
}
