/** Checks of what several functions of the engine are given. */
import * as tf from '@tensorflow/tfjs-core';
import { checkCount, checkKeys, checkList, checkOneOf, optional, refuse } from '../util/check';
import { InputError } from '../util/errors';
import { checkEdits } from './edit';
import type { Edit } from './edits';
import { KVCache } from './kvCache';
import type { CausalLM, ForwardOptions, ModelDims } from './model';

export function checkModel(caller: string, model: unknown): asserts model is CausalLM {
  const { config, forward } = (model ?? {}) as Partial<CausalLM>;
  if (!config || typeof forward !== 'function')
    refuse(`${caller}: the model`, model, 'a loaded one');
}

/** Token ids, one list for each prompt; none may be empty. */
export function checkPrompts(caller: string, prompts: unknown, { vocabSize }: ModelDims): void {
  checkList(`${caller}: prompts`, prompts, 'a list of prompts, each a list of token ids');
  for (const [i, prompt] of prompts.entries()) {
    const what = `${caller}: prompt ${i}`;
    checkList(what, prompt, 'a list of token ids (prompts are a list of such lists)');
    if (!prompt.length) throw new InputError(`${what} has no tokens.`);
    for (const id of prompt) checkId(what, id, vocabSize);
  }
}

export function checkId(what: string, id: unknown, vocabSize: number): void {
  if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabSize) return;
  if (typeof id !== 'number')
    refuse(`${what}: a token id`, id, 'a number (a tokenizer gives them)');
  throw new InputError(`${what}: token id ${id} is outside the vocabulary of ${vocabSize}.`);
}

/** For each prompt, its list of edits. */
export function checkEditsOf(
  caller: string,
  edits: unknown,
  prompts: number[][],
  config: ModelDims,
): void {
  checkEdits(`${caller}: edits`, edits, config);
  const { length } = edits as Edit[][];
  if (length === prompts.length) return;
  throw new InputError(
    `${caller}: ${length} lists of edits for ${prompts.length} prompts; an unsteered prompt has an empty one.`,
  );
}

/** Rows of one length, of ids that the model knows. */
export function checkRows(ids: unknown, { vocabSize }: ModelDims): void {
  checkList('forward: ids', ids, 'a list of rows of token ids');
  const rows = ids as number[][];
  const length = rows[0]?.length ?? 0;
  if (!length) throw new InputError('A forward pass needs at least one row with one token.');
  for (const [i, row] of rows.entries()) {
    checkList(`forward: row ${i}`, row, 'a list of token ids (ids are a list of such rows)');
    if (row.length !== length) {
      throw new InputError(
        `Rows of ${length} and ${row.length} tokens in one batch: pad them on the left.`,
      );
    }
    for (const id of row) checkId(`forward: row ${i}`, id, vocabSize);
  }
}

const FORWARD_OPTIONS = [
  ...['cache', 'pads', 'promptEnd', 'steering', 'hooks', 'lengths', 'logits', 'mask', 'graph'],
];

/** @param seen columns in the cache and in this pass */
export function checkForward(ids: number[][], seen: number, options: ForwardOptions): void {
  checkKeys('forward: options', options, FORWARD_OPTIONS, {
    edits: 'Edits are given as a steerer: steering: new Steering(edits, model.config).',
  });
  const { cache, pads, promptEnd, steering, lengths, logits, mask, graph } = options;
  const rows = ids.length;
  if (cache !== undefined) {
    if (!(cache instanceof KVCache)) refuse('forward: cache', cache, 'a KVCache');
    if (cache.length && !cache.pieces().length) {
      throw new InputError('forward: the cache was disposed; clear() would make it new.');
    }
    if (pads ?? promptEnd) {
      throw new InputError("forward: pads and promptEnd are the cache's where there is one.");
    }
    if (cache.pads.length !== rows) {
      throw new InputError(
        `forward: ${rows} rows of ids for a cache of ${cache.pads.length} rows.`,
      );
    }
  }
  optional(pads, () => checkCounts('forward: pads', pads, rows, 0, ids[0].length - 1));
  optional(lengths, () => checkCounts('forward: lengths', lengths, rows, 1));
  optional(promptEnd, () => checkCount('forward: promptEnd', promptEnd));
  optional(logits, () => checkOneOf('forward: logits', logits, ['all', 'last', 'none']));
  // Lists have an `at` too.
  if (steering && (Array.isArray(steering) || typeof steering.at !== 'function')) {
    refuse('forward: steering', steering, 'a Steering: new Steering(edits, model.config)');
  }
  if (graph !== undefined && typeof graph !== 'boolean')
    refuse('forward: graph', graph, 'a boolean');
  if (mask === undefined) return;
  if (!(mask instanceof tf.Tensor)) refuse('forward: mask', mask, 'a tensor');
  const [batch, heads, length, columns] = mask.shape;
  const fits = heads === 1 && length === ids[0].length && columns === seen;
  if (mask.rank === 4 && fits && (batch === 1 || batch === rows)) return;
  throw new InputError(
    `forward: mask has shape [${mask.shape}], not [${rows}, 1, ${ids[0].length}, ${seen}].`,
  );
}

/** A whole number for each row. */
function checkCounts(what: string, list: unknown, rows: number, least: number, most?: number) {
  checkList(what, list, 'a list of a number for each row');
  if (list.length !== rows)
    throw new InputError(`${what}: ${list.length} numbers for ${rows} rows.`);
  for (const [row, value] of list.entries()) checkCount(`${what}[${row}]`, value, least, most);
}
