/**
 * Conditional steering: an edit acts only where a probe direction says so. After CAST (Lee et al.
 * 2024, "Programming Refusal with Conditional Activation Steering"), with these differences:
 * - CAST decides once for a prompt, by the mean of its tokens or the last of them; here each token
 *   decides for itself, or (`at: 'prompt'`) the last prompt token for all of the row.
 * - CAST compares the cosine of h and tanh of h's projection on the probe, which has no sign; here it
 *   is the signed projection, or the cosine of h and the probe.
 */
import * as tf from '@tensorflow/tfjs-core';
import { checkKeys, checkNumber, checkOneOf, optional } from '../../util/check';
import { InputError } from '../../util/errors';
import { along } from './along';
import { checkUnit, checkVector } from './vector';

/** When an edit acts: where h·c, or its cosine, is above or below a threshold; one of them is given. */
export interface Condition {
  /** c, [D], of length 1. */
  vector: Float32Array;
  /**
   * After which block it is read, before that block's edits; at most the edited layer, which is the
   * default.
   */
  layer?: number;
  above?: number;
  below?: number;
  /** What is compared: h·c (default), or the cosine of h and c. */
  of?: 'projection' | 'cosine';
  /** Each `token` decides for itself (default), or the last token of the `prompt` for its row. */
  at?: 'token' | 'prompt';
}

/** @throws InputError unless it is a condition for an edit at `layer` of a vector of length `dModel` */
export function checkCondition(what: string, condition: unknown, layer: number, dModel: number) {
  checkKeys(what, condition, ['vector', 'layer', 'above', 'below', 'of', 'at']);
  const { vector, layer: probed, above, below, of, at } = condition as Condition;
  checkVector(`${what}: vector`, vector, dModel);
  checkUnit(what, vector, 'a condition');
  if (probed !== undefined && !(Number.isInteger(probed) && probed >= 0 && probed <= layer)) {
    throw new InputError(
      `${what} is read at layer ${probed}: it must be known at the edited layer, so from 0 to ${layer}.`,
    );
  }
  optional(above, (value) => checkNumber(`${what}: above`, value));
  optional(below, (value) => checkNumber(`${what}: below`, value));
  if ((above === undefined) === (below === undefined)) {
    throw new InputError(`${what} needs a threshold: above or below, one of them.`);
  }
  optional(of, (value) => checkOneOf(`${what}: of`, value, ['projection', 'cosine']));
  optional(at, (value) => checkOneOf(`${what}: at`, value, ['token', 'prompt']));
  if (of === 'cosine' && Math.abs((above ?? below)!) > 1) {
    throw new InputError(`${what}: a cosine is from -1 to 1, not ${above ?? below}.`);
  }
}

/** The conditions that are read at one layer, for every row at once; rows without one pass. */
export class Probe {
  /** c, [B, 1, D] */
  private readonly vector: tf.Tensor3D;
  /** 1 for above, -1 for below, 0 for rows without a condition; [B, 1, 1] as the others */
  private readonly sign: tf.Tensor3D;
  /** sign · threshold of projections; -1 for rows without a condition, which is always passed. */
  private readonly offset: tf.Tensor3D;
  /** sign · threshold of cosines, which is for h of length 1; null where there are none. */
  private readonly share: tf.Tensor3D | null;

  constructor(
    readonly layer: number,
    readonly at: 'token' | 'prompt',
    readonly conditions: (Condition | undefined)[],
    dModel: number,
  ) {
    const batch = conditions.length;
    const column = (of: (condition?: Condition) => number) =>
      tf.tensor3d(conditions.map(of), [batch, 1, 1]);
    const signOf = (c: Condition) => (c.above === undefined ? -1 : 1);
    const threshold = (c: Condition) => signOf(c) * (c.above ?? c.below)!;
    const isCosine = (c?: Condition) => c?.of === 'cosine';
    const vectors = new Float32Array(batch * dModel);
    for (const [row, c] of conditions.entries()) if (c) vectors.set(c.vector, row * dModel);
    this.vector = tf.tensor3d(vectors, [batch, 1, dModel]);
    this.sign = column((c) => (c ? signOf(c) : 0));
    this.offset = column((c) => (c ? (isCosine(c) ? 0 : threshold(c)) : -1));
    this.share = conditions.some(isCosine)
      ? column((c) => (isCosine(c) ? threshold(c!) : 0))
      : null;
  }

  /** Differs where the ops of `passes` do. */
  get key(): string {
    return `${this.layer}${this.share ? 'c' : ''}`;
  }

  get tensors(): tf.Tensor[] {
    return [this.vector, this.sign, this.offset, ...(this.share ? [this.share] : [])];
  }

  /** h [B, T, D] → 1 where the condition holds, else 0: [B, T, 1]. */
  passes(h: tf.Tensor3D): tf.Tensor {
    let limit: tf.Tensor = this.offset;
    if (this.share) limit = tf.add(limit, tf.mul(this.share, tf.sqrt(along(h, h))));
    return tf.relu(tf.sign(tf.sub(tf.mul(this.sign, along(h, this.vector)), limit)));
  }

  dispose(): void {
    tf.dispose(this.tensors);
  }
}
