import { checkParameters, PARAMETERS } from '../engine/edit';
import { type Condition, EDIT_KINDS, type Edit } from '../engine/steering';
import { checkKeys, checkOneOf } from '../util/check';
import { InputError } from '../util/errors';
import { findDirection, indexOfLayer, middle, type Vectors } from './lookUp';
import type { Setting, SettingCondition } from './setting';
import { given, parametersOf } from './steerParameters';

export { findDirection, indexOfLayer, meanAlong, type Vectors } from './lookUp';

/** How a vector steers; where no layer is given, as the vector's file says. */
export interface SteerOptions extends Partial<Setting> {
  /** Which vector of the file; may be left out where there is one. */
  name?: string;
  when?: SteerCondition;
}

/** When it steers; the probe may be of another file than the vector. */
export interface SteerCondition extends SettingCondition {
  vectors?: Vectors;
}

const PLACE = ['layer', 'source', 'kind', 'positions', 'when'];
const CONDITION = ['vectors', 'name', 'source', 'layer', 'above', 'below', 'of', 'at'];

/**
 * The edit that steers by a vector: for `edits` of `generate`, `generateText` and `runWithCache`. The
 * kinds, and what each takes, are in docs/steering.md.
 * @throws InputError for a vector or layer that is not there, an option that does not fit the kind, or
 *   one that is missing and can't be told from the vector: vectors from other programs have no means
 */
export function steer(vectors: Vectors, options: SteerOptions = {}): Edit {
  checkKeys('steer: options', options, ['name', ...PLACE, ...PARAMETERS]);
  const direction = findDirection(vectors.directions, options.name);
  const setting: Setting & SteerOptions =
    options.layer === undefined
      ? storedSetting(vectors, options)
      : { ...options, layer: options.layer };
  const { layer, kind = 'add', positions, source = layer, when } = setting;
  checkOneOf('steer: kind', kind, EDIT_KINDS);
  const at = indexOfLayer(vectors.layers, source);
  const { name: _, ...settings } = given(setting);
  const parameters = Object.fromEntries(
    Object.entries(settings).filter(([key]) => !PLACE.includes(key)),
  );
  checkParameters('steer', kind, parameters);
  return {
    kind,
    layer,
    vector: direction.unit[at],
    ...(positions && { positions }),
    ...parametersOf(kind, parameters, { direction, at, vectors }),
    ...(when && { when: conditionOf(when, vectors, options.name, layer) }),
  } as Edit;
}

/** A condition with its numbers. */
function conditionOf(
  when: SteerCondition,
  own: Vectors,
  steers: string | undefined,
  edited: number,
): Condition {
  checkKeys('steer: when', when, CONDITION);
  const { vectors = own, name, source, ...rest } = given(when);
  const probe = findDirection(vectors.directions, name ?? (vectors === own ? steers : undefined));
  const at = indexOfLayer(vectors.layers, source ?? rest.layer ?? edited);
  const condition = { vector: probe.unit[at], ...rest };
  if (rest.above !== undefined || rest.below !== undefined) return condition;
  if (rest.of === 'cosine') {
    throw new InputError('steer: when: a cosine needs a threshold: above or below.');
  }
  return { ...condition, above: middle(probe, at, 'when needs a threshold (above or below)') };
}

/**
 * The setting that a file has for a vector, with what the options give in its place; of another kind
 * than was asked for, only where it acts.
 */
function storedSetting({ directions, settings = {} }: Vectors, options: SteerOptions): Setting {
  const name = options.name ?? [...directions.keys()][0];
  const stored = Object.hasOwn(settings, name) ? settings[name] : undefined;
  if (!stored) {
    throw new InputError(
      `steer: "${name}" needs a layer: its file holds no setting for it, as a search would write.`,
    );
  }
  const { layer, source, positions, when } = stored;
  const sameKind = (options.kind ?? stored.kind ?? 'add') === (stored.kind ?? 'add');
  const where = given({ layer, source, positions, when });
  return { ...(sameKind ? stored : where), ...given(options) };
}
