import * as tf from '@tensorflow/tfjs-core';
import { checkCount, checkKeys, checkList } from '../util/check';
import { InputError } from '../util/errors';
import { type Branch, Branches, canBranch } from './branches';
import { checkEditsOf, checkModel, checkPrompts } from './checks';
import type { Hooks } from './hooks';
import { KVCache } from './kvCache';
import type { CausalLM } from './model';
import { type Edit, Steering } from './steering';

/**
 * So many tokens go through the model at once. More would not be faster: on two CPU cores, 32 prompts
 * of 128 tokens (GPT-2) take 8.8 s in one pass and 8.0 s in four.
 */
const PASS_TOKENS = 1024;

export interface PrefillOptions {
  /** The edits of each prompt. */
  edits: Edit[][];
  hooks?: Hooks;
  padId?: number;
}

/** Prompts that have been through the model: their cache, and the logits [B, V] of the next token. */
export interface Started {
  cache: KVCache;
  logits: tf.Tensor2D;
  /** The edits of each prompt as they go on: what the prompt decides is decided. */
  edits: Edit[][];
}

/**
 * Prompts as rows of one length, filled with `padId` on the left.
 * @throws InputError where there is no prompt
 */
export function leftPad(prompts: number[][], padId = 0): { ids: number[][]; pads: number[] } {
  checkList('leftPad: prompts', prompts, 'a list of prompts');
  if (!prompts.length) throw new InputError('leftPad: there are no prompts.');
  for (const [i, prompt] of prompts.entries()) {
    checkList(`leftPad: prompt ${i}`, prompt, 'a list of token ids');
  }
  checkCount('leftPad: padId', padId);
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  const pads = prompts.map((prompt) => longest - prompt.length);
  const ids = prompts.map((prompt, row) => [...new Array(pads[row]).fill(padId), ...prompt]);
  return { ids, pads };
}

/**
 * Runs whole prompts. Those that come more than once go together with others of their length, as
 * branches of one pass; the rest are padded to one length.
 * @returns one row per prompt, in their order
 * @throws InputError where there is no prompt, for an empty one, or edits that do not fit
 */
export function prefill(model: CausalLM, prompts: number[][], options: PrefillOptions): Started {
  checkModel('prefill', model);
  checkPrompts('prefill', prompts, model.config);
  if (!prompts.length) throw new InputError('prefill: there are no prompts.');
  checkKeys('prefill: options', options, ['edits', 'hooks', 'padId']);
  checkEditsOf('prefill', options.edits, prompts, model.config);
  const names = prompts.map((prompt) => prompt.join());
  // Hooks would see the trunks of a branching pass, not the rows that they expect.
  const repeated = (row: number) =>
    !options.hooks &&
    canBranch(options.edits[row]) &&
    names.indexOf(names[row]) !== names.lastIndexOf(names[row]);
  const alone = prompts.map((_, row) => row).filter((row) => !repeated(row));
  const lengths = new Set(prompts.filter((_, row) => repeated(row)).map(({ length }) => length));
  const groups = [...lengths].map((length) =>
    prompts.map((_, row) => row).filter((row) => repeated(row) && prompts[row].length === length),
  );
  const order: number[] = [];
  const parts: Started[] = [];
  try {
    for (const rows of passes(alone, prompts)) {
      order.push(...rows);
      parts.push(padded(model, prompts, rows, options));
    }
    for (const group of groups) {
      order.push(...group);
      parts.push(branched(model, prompts, group, options));
    }
    return assemble(
      parts,
      prompts.map((_, row) => order.indexOf(row)),
    );
  } catch (error) {
    for (const { cache, logits } of parts) {
      cache.dispose();
      logits.dispose();
    }
    throw error;
  }
}

/** Rows in groups of so many tokens, their padding included. */
function passes(rows: number[], prompts: number[][]): number[][] {
  const groups: number[][] = [];
  let longest = 0;
  for (const row of rows) {
    const group = groups.at(-1);
    longest = Math.max(longest, prompts[row].length);
    if (group && (group.length + 1) * longest <= PASS_TOKENS) group.push(row);
    else {
      groups.push([row]);
      longest = prompts[row].length;
    }
  }
  return groups;
}

/** Different prompts, each a row from the start. */
function padded(
  model: CausalLM,
  prompts: number[][],
  rows: number[],
  { edits, hooks, padId }: PrefillOptions,
): Started {
  const { ids, pads } = leftPad(
    rows.map((row) => prompts[row]),
    padId,
  );
  const own = rows.map((row) => edits[row]);
  const steering = own.some((list) => list.length) ? new Steering(own, model.config) : undefined;
  const cache = newCache(pads, ids[0].length);
  try {
    const logits = lastLogits(model, ids, { cache, steering, hooks });
    return { cache, logits, edits: steering?.decided() ?? own };
  } catch (error) {
    cache.dispose();
    throw error;
  } finally {
    steering?.dispose();
  }
}

/** Prompts of one length, each of them several times with other edits. */
function branched(
  model: CausalLM,
  prompts: number[][],
  rows: number[],
  { edits }: PrefillOptions,
): Started {
  const names = [...new Set(rows.map((row) => prompts[row].join()))];
  const ids = names.map((name) => name.split(',').map(Number));
  const branches = rows.map((row): Branch => {
    return { trunk: names.indexOf(prompts[row].join()), edits: edits[row] };
  });
  const steering = new Branches(branches, ids.length, model.config);
  const cache = newCache(
    ids.map(() => 0),
    ids[0].length,
  );
  try {
    const all = lastLogits(model, ids, { cache, steering });
    const logits = tf.tidy(() => tf.gather(all, tf.tensor1d(steering.settle(cache), 'int32')));
    all.dispose();
    return { cache, logits, edits: branches.map((branch) => branch.edits) };
  } catch (error) {
    cache.dispose();
    throw error;
  }
}

/** One cache and one table of logits, rows in the given order. */
function assemble(parts: Started[], order: number[]): Started {
  const [{ cache }, ...others] = parts;
  if (others.length) cache.join(...others.map((other) => other.cache));
  const sorted = order.every((row, i) => row === i);
  if (!sorted) cache.selectRows(order);
  if (parts.length === 1 && sorted) return parts[0];
  const lists = parts.flatMap((part) => part.edits);
  const logits = tf.tidy(() => {
    const all = parts.length === 1 ? parts[0].logits : tf.concat(parts.map((part) => part.logits));
    return tf.gather(all, tf.tensor1d(order, 'int32'));
  });
  for (const part of parts) part.logits.dispose();
  return { cache, logits, edits: order.map((row) => lists[row]) };
}

const newCache = (pads: number[], promptEnd: number) =>
  new KVCache(
    pads,
    pads.map(() => promptEnd),
  );

/** [rows, V] of the last column. */
function lastLogits(
  model: CausalLM,
  ids: number[][],
  options: Parameters<CausalLM['forward']>[1],
): tf.Tensor2D {
  return tf.tidy(() => {
    const logits = model.forward(ids, { ...options, logits: 'last' });
    return tf.reshape(logits, [logits.shape[0], model.config.vocabSize]);
  });
}
