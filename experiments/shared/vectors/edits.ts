import type { Edit, Positions } from '../../../src/engine/steering';
import {
  findDirection,
  indexOfLayer,
  meanAlong,
  steer,
  type Vectors,
} from '../../../src/vectors/steer';
import type { Weight } from '../../../src/vectors/weight';

/** One edit, described by names: what a plan, a row and a log can hold. */
export type NamedEdit = {
  vector: string;
  layer: number;
  /** The layer whose vector is taken, where it is not the one that is steered. */
  source?: number;
  positions: Positions;
} & (
  | { kind: 'add'; weight: Weight }
  /** Moves h·u to the mean that the activations with instruction `target` have. */
  | { kind: 'project'; target: string }
);

/**
 * The edit with its numbers.
 * @param files where its vector is: the first file that has one of this name
 * @throws InputError for a vector or layer that the files do not have
 */
export function resolveEdit(edit: NamedEdit, files: Vectors[]): Edit {
  const { vector: name, layer, source = layer, positions } = edit;
  const vectors = files.find(({ directions }) => directions.has(name)) ?? files[0];
  const where = { name, layer, source, positions };
  if (edit.kind === 'add') return steer(vectors, { kind: 'add', ...where, weight: edit.weight });
  const { directions, layers } = vectors;
  const at = indexOfLayer(layers, source);
  const { unit } = findDirection(directions, name);
  const target = meanAlong(findDirection(directions, edit.target), at, unit[at]);
  return steer(vectors, { kind: 'project', ...where, target });
}
