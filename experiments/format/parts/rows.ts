import { InputError } from '../../../src/util/errors';
import { drawnOrder } from '../../shared/data/draws';
import { type InstructionRow, loadInstructionRows } from '../../shared/data/instructionRows';
import { groupBy } from '../../shared/groupBy';
import { augmentedReader } from './augmented';

/** Answers to these are longer: the paper gives them 1024 new tokens in place of 768. */
const LONG = ['detectable_format:json_format', 'detectable_format:multiple_sections'];

/** New tokens for an instruction's answers. */
export function answerLength(
  id: string,
  config: { max_generation_length: number; max_generation_length_long: number },
): number {
  return LONG.includes(id) ? config.max_generation_length_long : config.max_generation_length;
}

/**
 * The rows that are about a single instruction; says how many others were left out.
 * @throws InputError as `loadInstructionRows`, and when no row is left
 */
export function loadFormatRows(file: string, options: { checked: boolean }): InstructionRow[] {
  const reader = augmentedReader();
  const rows = loadInstructionRows(file, { ...options, reader });
  const single = rows.filter(({ ids }) => ids.length === 1);
  if (!single.length) throw new InputError(`${file} has no row with a single instruction.`);
  const others = rows.length - single.length;
  if (others) console.log(`${others} rows of ${file} have several instructions: left out.`);
  for (const reason of reader.leftOut()) console.log(`Left out of ${file}: ${reason}.`);
  return single;
}

/** Rows that vectors and layers may be chosen with: those not kept for evaluation. */
export function trainingRows(rows: InstructionRow[], file: string): InstructionRow[] {
  const training = rows.filter(({ split }) => split !== 'eval');
  if (training.length) return training;
  throw new InputError(`All rows of ${file} have the split "eval": none is left for vectors.`);
}

/** Rows to evaluate: those of the split `eval`; all, where the file has no splits. */
export function evaluationRows(rows: InstructionRow[], file: string): InstructionRow[] {
  if (rows.every(({ split }) => split === undefined)) return rows;
  const kept = rows.filter(({ split }) => split === 'eval');
  if (kept.length) return kept;
  throw new InputError(`${file} has splits, but no row of the split "eval" to evaluate.`);
}

/** The first so many rows of every instruction; null: all. */
export const firstOfEach = (rows: InstructionRow[], n: number | null): InstructionRow[] =>
  byId(rows).flatMap((group) => group.slice(0, n ?? group.length));

const byId = (rows: InstructionRow[]) => groupBy(rows, ({ id }) => id);

/** A drawn share of every instruction's rows, one at least; of the paper's, 0.7 give the vectors. */
export function drawSubset(rows: InstructionRow[], ratio: number, seed: number): InstructionRow[] {
  return byId(rows).flatMap((group) => {
    const count = Math.max(1, Math.floor(ratio * group.length + 1e-9));
    const drawn = drawnOrder(group, ({ key }) => key, seed, 'subset').slice(0, count);
    return group.filter((row) => drawn.includes(row));
  });
}

/**
 * Rows for the layer search: up to n of every instruction, one of every language. Rows that gave the
 * vectors come last, and only where there are too few others.
 * @param used keys of the rows that gave the vectors
 */
export function drawSearchRows(
  rows: InstructionRow[],
  n: number,
  seed: number,
  used: ReadonlySet<string>,
): InstructionRow[] {
  return byId(rows).flatMap((group) => {
    const drawn = drawnOrder(group, ({ key }) => key, seed, 'search');
    const fresh = drawn.filter(({ key }) => !used.has(key));
    const again = drawn.filter(({ key }) => used.has(key));
    return [...fresh, ...again].slice(0, group[0].id.startsWith('language:') ? 1 : n);
  });
}

/**
 * The layers that the search tries: those asked for; else every layer of a model of up to 8; else, as
 * in the paper, every second from a fifth of the depth on, every third of a model of 42 (the 9B one).
 * @throws InputError for a layer that the model does not have
 */
export function searchLayers(asked: number[] | null, nLayers: number): number[] {
  const none = asked?.find((layer) => layer >= nLayers);
  if (none !== undefined) {
    throw new InputError(`layers: there is no layer ${none}; the model has 0 to ${nLayers - 1}.`);
  }
  if (asked) return [...new Set(asked)].sort((a, b) => a - b);
  const small = nLayers <= 8;
  const [first, step] = small ? [0, 1] : [Math.floor(nLayers / 5), nLayers === 42 ? 3 : 2];
  const count = Math.ceil((nLayers - first) / step);
  return Array.from({ length: count }, (_, i) => first + i * step);
}
