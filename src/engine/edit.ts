/** What steering does to one row: its edits of the residual stream. */
import { checkKeys, checkList, checkOneOf, show } from '../util/check';
import { InputError } from '../util/errors';
import { EDIT_KINDS, type EditKindName, kindOf, POSITIONS } from './edits';
import { checkCondition } from './edits/condition';
import { checkUnit, checkVector } from './edits/vector';

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

const PLACE = ['kind', 'layer', 'vector', 'positions', 'when'];
/** Every parameter that some kind takes. */
export const PARAMETERS = [...new Set(EDIT_KINDS.flatMap((name) => kindOf(name).parameters))];

/**
 * @param what names the edit in errors
 * @throws InputError unless it is an edit that fits the model
 */
export function checkEdit(what: string, edit: unknown, { nLayers, dModel }: Sizes): void {
  checkKeys(what, edit, [...PLACE, ...PARAMETERS]);
  const given = edit as Record<string, unknown>;
  const { kind: name, layer, vector, positions, when } = given;
  checkOneOf(`${what}: kind`, name, EDIT_KINDS);
  if (!Number.isInteger(layer) || (layer as number) < 0 || (layer as number) >= nLayers) {
    throw new InputError(
      `${what} is at layer ${show(layer)}: this model has layers 0 to ${nLayers - 1}.`,
    );
  }
  if (positions !== undefined) checkOneOf(`${what}: positions`, positions, POSITIONS);
  checkVector(`${what}: vector`, vector, dModel);
  checkParameters(what, name as EditKindName, given);
  const kind = kindOf(name as EditKindName);
  if (kind.unit) checkUnit(what, vector, `kind ${name}`);
  kind.check(what, { ...given, vector });
  if (when !== undefined) checkCondition(`${what}: when`, when, layer as number, dModel);
}

/** @throws InputError for a parameter of another kind */
export function checkParameters(what: string, name: EditKindName, given: object): void {
  const { parameters, takes } = kindOf(name);
  const foreign = PARAMETERS.find((key) => key in given && !parameters.includes(key));
  if (foreign === undefined) return;
  const others = EDIT_KINDS.filter((other) => kindOf(other).parameters.includes(foreign));
  throw new InputError(
    `${what}: an edit of kind ${name} has ${takes}, no ${foreign} (${others.join(', ')} has).`,
  );
}
