import type { Edit } from '../engine/steering';
import { checkKeys } from '../util/check';
import { didYouMean, InputError } from '../util/errors';
import { dot, hasMeans, type SteeringVector } from './direction';
import type { Setting } from './setting';
import type { VectorFile } from './vectorFile';
import { absoluteWeight } from './weight';

/** Vectors by name, and the layers that they are of. */
export type Vectors = Pick<VectorFile, 'directions' | 'layers' | 'settings'>;

/** How a vector steers; where no layer is given, as the vector's file says. */
export interface SteerOptions extends Partial<Setting> {
  /** Which vector of the file; may be left out where there is one. */
  name?: string;
}

const OPTIONS = ['name', 'layer', 'source', 'kind', 'weight', 'target', 'positions'];

/**
 * The edit that steers by a vector: for `edits` of `generate`, `generateText` and `runWithCache`.
 * @throws InputError for a vector or layer that is not there, or an option that does not fit the kind
 */
export function steer(vectors: Vectors, options: SteerOptions = {}): Edit {
  checkKeys('steer: options', options, OPTIONS);
  const { directions, layers } = vectors;
  const direction = findDirection(directions, options.name);
  const setting = options.layer === undefined ? storedSetting(vectors, options) : options;
  const { layer, kind = 'add', positions, weight, target } = setting as Setting;
  const at = indexOfLayer(layers, setting.source ?? layer);
  const vector = direction.unit[at];
  const where = { layer, vector, ...(positions && { positions }) };
  if (kind === 'project') {
    return { kind, ...where, target: target ?? meanAlong(direction, at, vector) };
  }
  if (weight === undefined) {
    throw new InputError('steer: an edit of kind add needs a weight, such as 2 or "1x".');
  }
  return { kind, ...where, weight: absoluteWeight(weight, direction.norm[at]) };
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
  const { layer, source, positions } = stored;
  const sameKind = (options.kind ?? stored.kind ?? 'add') === (stored.kind ?? 'add');
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...(sameKind ? stored : { layer, source, positions }), ...Object.fromEntries(given) };
}

/**
 * How far the prompts with a vector's instruction lie along a unit vector, at one of its layers: the
 * target of kind project.
 * @throws InputError for a vector without means
 */
export function meanAlong(of: SteeringVector, at: number, unit: Float32Array): number {
  if (hasMeans(of)) return dot(of.meanWith[at], unit);
  throw new InputError(
    'steer: an edit of kind project needs a target: this vector comes without the mean activations that would give one.',
  );
}

/** @throws InputError for a name that is not there, or none where there are several */
export function findDirection<V extends SteeringVector>(
  directions: Map<string, V>,
  name?: string,
): V {
  const names = [...directions.keys()];
  if (name === undefined && names.length === 1) return directions.get(names[0])!;
  const direction = name === undefined ? undefined : directions.get(name);
  if (direction) return direction;
  const there = `there are: ${names.join(', ')}`;
  throw new InputError(
    name === undefined
      ? `Which vector? Give its name (${there}).`
      : `There is no vector "${name}" (${there}).${didYouMean(name, names)}`,
  );
}

/** Where a layer stands among those that vectors are of. @throws InputError where it does not */
export function indexOfLayer(layers: number[], layer: number): number {
  const at = layers.indexOf(layer);
  if (at >= 0) return at;
  throw new InputError(`There is no vector for layer ${layer} (there are: ${layers.join(', ')}).`);
}
