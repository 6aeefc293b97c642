/** Vectors of a file by name and layer, and what their statistics say. */
import { didYouMean, InputError } from '../util/errors';
import { dot, hasMeans, type SteeringVector } from './direction';
import type { VectorFile } from './files/types';

/** Vectors by name, and the layers that they are of. */
export type Vectors = Pick<VectorFile, 'directions' | 'layers' | 'settings'>;

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

/**
 * How far the prompts with a vector's instruction lie along a unit vector, at one of its layers.
 * @param use what it is for: `an edit of kind project needs a target`
 * @throws InputError for a vector without means
 */
export function meanAlong(
  of: SteeringVector,
  at: number,
  unit: Float32Array,
  use = 'an edit of kind project needs a target',
): number {
  if (hasMeans(of)) return dot(of.meanWith[at], unit);
  throw withoutMeans(use);
}

/**
 * The middle between the mean projections with and without the instruction.
 * @throws InputError for a vector without means
 */
export function middle(of: SteeringVector, at: number, use: string): number {
  if (!hasMeans(of)) throw withoutMeans(use);
  return (dot(of.meanWith[at], of.unit[at]) + dot(of.meanWithout[at], of.unit[at])) / 2;
}

const withoutMeans = (use: string) =>
  new InputError(
    `steer: ${use}: this vector comes without the mean activations that would give one.`,
  );
