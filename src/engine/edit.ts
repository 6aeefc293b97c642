/** What steering does to one row: its edits of the residual stream. */
import { checkKeys, checkList, checkNumber, checkOneOf, refuse, show } from '../util/check';
import { InputError } from '../util/errors';

/**
 * Where a vector acts: at `all` columns (the paper's default), on the `prompt`, at the `last`
 * prompt token, or on `generated` tokens only.
 */
export const POSITIONS = ['all', 'prompt', 'last', 'generated'] as const;
export type Positions = (typeof POSITIONS)[number];

/** One edit of the residual stream after block `layer`; `vector` is [D]. */
export type Edit = { layer: number; vector: Float32Array; positions?: Positions } & (
  | { /** h + weight · u */ kind: 'add'; weight: number }
  | { /** h + (target − h·u) · u, for unit u */ kind: 'project'; target: number }
);

/** The sizes of a model that edits must fit. */
interface Sizes {
  nLayers: number;
  dModel: number;
}

/**
 * @param what names the lists in errors
 * @param edits a list for each row, of the edits of that row
 * @throws InputError unless they are lists of edits that fit the model
 */
export function checkEdits(what: string, edits: unknown, sizes: Sizes): void {
  const expected = 'a list for each row, of the edits of that row: [[{ … }], []]';
  checkList(what, edits, expected);
  for (const [row, list] of edits.entries()) {
    checkList(`${what}[${row}]`, list, 'the list of edits of a row: [[{ … }], []]');
    for (const [i, edit] of list.entries()) checkEdit(`${what}[${row}][${i}]`, edit, sizes);
  }
}

/** How far from 1 the length of a vector may be that is projected on: rounding to 16 bit is less. */
const UNIT_TOLERANCE = 5e-3;

/**
 * @param what names the edit in errors
 * @throws InputError unless it is an edit that fits the model
 */
export function checkEdit(what: string, edit: unknown, { nLayers, dModel }: Sizes): void {
  checkKeys(what, edit, ['layer', 'vector', 'positions', 'kind', 'weight', 'target']);
  const { kind, layer, vector, positions, weight, target } = edit as Record<string, unknown>;
  checkOneOf(`${what}: kind`, kind, ['add', 'project']);
  if (!Number.isInteger(layer) || (layer as number) < 0 || (layer as number) >= nLayers) {
    throw new InputError(
      `${what} is at layer ${show(layer)}: this model has layers 0 to ${nLayers - 1}.`,
    );
  }
  if (positions !== undefined) checkOneOf(`${what}: positions`, positions, POSITIONS);
  checkVector(what, vector, dModel);
  const [amount, other] = kind === 'add' ? ['weight', 'target'] : ['target', 'weight'];
  checkNumber(`${what}: ${amount}`, kind === 'add' ? weight : target);
  if (other in (edit as object)) {
    throw new InputError(`${what}: an edit of kind ${kind} has a ${amount}, no ${other}.`);
  }
  if (kind !== 'project') return;
  const norm = Math.sqrt((vector as Float32Array).reduce((sum, x) => sum + x * x, 0));
  if (Math.abs(norm - 1) > UNIT_TOLERANCE) {
    throw new InputError(
      `${what}: projecting needs a vector of length 1; this one has ${norm.toPrecision(4)}. Divide it by that.`,
    );
  }
}

function checkVector(what: string, vector: unknown, dModel: number): void {
  if (!Array.isArray(vector) && !ArrayBuffer.isView(vector)) {
    refuse(`${what}: vector`, vector, `a Float32Array of ${dModel} numbers`);
  }
  const { length } = vector as Float32Array;
  if (length !== dModel) {
    throw new InputError(
      `${what}: the vector has ${length} numbers; this model's residual stream has ${dModel}. Was it computed with another model?`,
    );
  }
  if (!(vector as Float32Array).every(Number.isFinite)) {
    throw new InputError(`${what}: the vector holds a number that is not finite.`);
  }
}
