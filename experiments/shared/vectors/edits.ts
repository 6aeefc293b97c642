import type { Edit, Positions } from '../../../src/engine/steering';
import { InputError } from '../../../src/util/errors';
import { type Direction, dot } from './direction';
import type { VectorFile } from './vectorFile';
import { type Weight, weightParts } from './weight';

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

/** Directions and the layers that they are of. */
export type Vectors = Pick<VectorFile, 'directions' | 'layers'>;

/**
 * The edit with its numbers.
 * @param files where its vector is: the first file that has one of this name
 * @throws InputError for a vector or layer that the files do not have
 */
export function resolveEdit(edit: NamedEdit, files: Vectors[]): Edit {
  const { layer, positions } = edit;
  const { directions, layers } = files.find((one) => one.directions.has(edit.vector)) ?? files[0];
  const direction = find(directions, edit.vector);
  const source = edit.source ?? layer;
  const at = layers.indexOf(source);
  if (at < 0) {
    throw new InputError(
      `There is no layer ${source} among the representations (${layers.join(', ')}).`,
    );
  }
  const vector = direction.unit[at];
  if (edit.kind === 'project') {
    const target = dot(find(directions, edit.target).meanWith[at], vector);
    return { kind: 'project', layer, vector, target, positions };
  }
  const { amount, unit } = weightParts(edit.weight);
  const weight = unit === 'absolute' ? amount : amount * direction.norm[at];
  return { kind: 'add', layer, vector, weight, positions };
}

function find(directions: Map<string, Direction>, name: string): Direction {
  const direction = directions.get(name);
  if (direction) return direction;
  throw new InputError(
    `There is no vector "${name}" among the representations (${[...directions.keys()].join(', ')}).`,
  );
}
