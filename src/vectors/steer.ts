import type { Edit, Positions } from '../engine/steering';
import { checkKeys } from '../util/check';
import { didYouMean, InputError } from '../util/errors';
import { type Direction, dot } from './direction';
import type { VectorFile } from './vectorFile';
import { absoluteWeight, type Weight } from './weight';

/** Directions by name, and the layers that they are of. */
export type Vectors = Pick<VectorFile, 'directions' | 'layers'>;

/** How a vector steers. */
export interface SteerOptions {
  /** Which vector of the file; may be left out where there is one. */
  name?: string;
  /** The block whose output is edited. */
  layer: number;
  /** The layer whose vector is taken; default: `layer`. */
  source?: number;
  /** `add` (default): weight · u is added. `project`: h·u becomes `target` (the paper's adjust_rs). */
  kind?: Edit['kind'];
  /** For `add`. */
  weight?: Weight;
  /** For `project`; default: the mean h·u of the prompts with the instruction. */
  target?: number;
  /** Default: at all positions. */
  positions?: Positions;
}

const OPTIONS = ['name', 'layer', 'source', 'kind', 'weight', 'target', 'positions'];

/**
 * The edit that steers by a vector: for `edits` of `generate`, `generateText` and `runWithCache`.
 * @throws InputError for a vector or layer that is not there, or an option that does not fit the kind
 */
export function steer({ directions, layers }: Vectors, options: SteerOptions): Edit {
  checkKeys('steer: options', options, OPTIONS);
  const { layer, kind = 'add', positions, weight, target } = options;
  const direction = findDirection(directions, options.name);
  const at = indexOfLayer(layers, options.source ?? layer);
  const vector = direction.unit[at];
  const where = { layer, vector, ...(positions && { positions }) };
  if (kind === 'project') {
    return { kind, ...where, target: target ?? dot(direction.meanWith[at], vector) };
  }
  if (weight === undefined) {
    throw new InputError('steer: an edit of kind add needs a weight, such as 2 or "1x".');
  }
  return { kind, ...where, weight: absoluteWeight(weight, direction.norm[at]) };
}

/** @throws InputError for a name that is not there, or none where there are several */
export function findDirection(directions: Map<string, Direction>, name?: string): Direction {
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
