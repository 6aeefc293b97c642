/**
 * The parameters of edits by a vector, as `steer` takes them, in numbers: what a kind takes from the
 * vector's own statistics where it is not given. Kinds that are not here take what is given.
 */
import type { EditKindName, ParametersOf } from '../engine/edits';
import { InputError } from '../util/errors';
import type { SteeringVector } from './direction';
import { findDirection, meanAlong, type Vectors } from './lookUp';
import type { Setting } from './setting';
import { absoluteWeight } from './weight';

/** A vector at one layer: entry `at` of its lists. */
export interface Found {
  direction: SteeringVector;
  at: number;
  vectors: Vectors;
}

const MAKERS: { [K in EditKindName]?: (given: Setting, found: Found) => ParametersOf<K> } = {
  add({ weight }, { direction, at }) {
    if (weight === undefined) throw missing('add needs a weight, such as 2 or "1x"');
    return { weight: absoluteWeight(weight, direction.norm[at]) };
  },
  project: ({ target }, { direction, at }) => ({
    target: target ?? meanAlong(direction, at, direction.unit[at]),
  }),
  clamp({ min, max }, { direction, at }) {
    if (min !== undefined || max !== undefined) return given({ min, max });
    const use = 'an edit of kind clamp needs a min, a max or both';
    return { min: meanAlong(direction, at, direction.unit[at], use) };
  },
  rotate({ angle, second }, { at, vectors }) {
    if (angle === undefined) throw missing('rotate needs an angle, in degrees from the vector');
    if (second === undefined) return { angle };
    return { angle, second: findDirection(vectors.directions, second).unit[at] };
  },
};

/**
 * @param parameters those that are given
 * @throws InputError for one that is missing, and can't be told from the vector
 */
export function parametersOf(
  kind: EditKindName,
  parameters: Partial<Setting>,
  found: Found,
): object {
  return MAKERS[kind]?.(parameters as Setting, found) ?? parameters;
}

/** An object without what is undefined. */
export function given<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, x]) => x !== undefined)) as T;
}

const missing = (what: string) => new InputError(`steer: an edit of kind ${what}.`);
