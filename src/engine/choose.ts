import * as tf from '@tensorflow/tfjs-core';
import { notFinite, readScores, type ScoredToken, scoreTable } from './logprobs';
import type { Sampler } from './sampling';

/** What a row of logits is asked for. */
export interface Wish {
  /** Without one, the most likely token. */
  sampler?: Sampler;
  /** The log-probability of the token, and of so many likeliest ones. */
  logprobs?: number;
}

export interface Choice {
  token: number;
  score?: ScoredToken;
}

/**
 * The next token of each row of logits [B, V].
 * @param wishes one for each row; null: nothing is wanted
 * @returns null where nothing was wanted; an Error where a row's logits are not finite
 */
export async function chooseTokens(
  logits: tf.Tensor2D,
  wishes: (Wish | null)[],
): Promise<(Choice | Error | null)[]> {
  const choices: (Choice | Error | null)[] = wishes.map(() => null);
  const rowsWhere = (test: (wish: Wish) => boolean) =>
    wishes.flatMap((wish, row) => (wish && test(wish) ? [row] : []));

  const greedy = rowsWhere(({ sampler }) => !sampler);
  const best = greedy.length ? await likeliest(logits) : [];
  for (const row of greedy) choices[row] = best[row];

  const drawn = rowsWhere(({ sampler }) => sampler !== undefined);
  const values = drawn.length ? await readRows(logits, drawn) : [];
  for (const [i, row] of drawn.entries()) choices[row] = drawFrom(wishes[row]!.sampler!, values[i]);

  await addScores(
    logits,
    wishes,
    choices,
    rowsWhere((wish) => wish.logprobs !== undefined),
  );
  return choices;
}

async function likeliest(logits: tf.Tensor2D): Promise<(Choice | Error)[]> {
  const [batch] = logits.shape;
  // One read for both: a sum is finite only when every logit is.
  const both = tf.tidy(() =>
    tf.concat([tf.cast(tf.argMax(logits, 1), 'float32'), tf.sum(logits, 1)]),
  );
  const values = await both.data();
  both.dispose();
  return Array.from(values.slice(0, batch), (token, row) =>
    Number.isFinite(values[batch + row]) ? { token } : notFinite(),
  );
}

function drawFrom(sampler: Sampler, logits: Float32Array): Choice | Error {
  try {
    return { token: sampler(logits) };
  } catch (error) {
    return error as Error;
  }
}

/** Each of the given rows as numbers, [V]. */
async function readRows(logits: tf.Tensor2D, rows: number[]): Promise<Float32Array[]> {
  const width = logits.shape[1];
  const picked = pickRows(logits, rows);
  const values = (await picked.data()) as Float32Array;
  picked.dispose();
  return rows.map((_, i) => values.subarray(i * width, (i + 1) * width));
}

const pickRows = (logits: tf.Tensor2D, rows: number[]): tf.Tensor2D =>
  rows.length === logits.shape[0]
    ? tf.clone(logits)
    : tf.tidy(() => tf.gather(logits, tf.tensor1d(rows, 'int32')));

/** Puts log-probabilities beside the tokens of the given rows. */
async function addScores(
  logits: tf.Tensor2D,
  wishes: (Wish | null)[],
  choices: (Choice | Error | null)[],
  asking: number[],
) {
  const rows = asking.filter((row) => !(choices[row] instanceof Error));
  if (!rows.length) return;
  const tokens = rows.map((row) => (choices[row] as Choice).token);
  const tops = rows.map((row) => wishes[row]!.logprobs!);
  const table = tf.tidy(() => scoreTable(pickRows(logits, rows), tokens, Math.max(...tops)));
  const scores = readScores((await table.data()) as Float32Array, tokens);
  table.dispose();
  for (const [i, row] of rows.entries()) {
    const score = scores[i];
    if (score instanceof Error) choices[row] = score;
    else choices[row] = { token: tokens[i], score: { ...score, top: score.top.slice(0, tops[i]) } };
  }
}
