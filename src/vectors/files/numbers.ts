/** Vectors from bare numbers, as other programs write them. */
import { InputError } from '../../util/errors';
import { dot, type SteeringVector } from '../direction';
import type { VectorFile } from './types';

/**
 * The vectors of a file that holds what is to be added, [L][D] by name. Layers at which all are zero
 * are left out: adding them changes nothing.
 * @param file for messages
 * @throws InputError for numbers that are not finite, rows of different widths, or zero at some layers
 */
export function fromNumbers(
  file: string,
  rows: Map<string, Float32Array[]>,
  layers: number[],
): Pick<VectorFile, 'directions' | 'layers'> {
  const norms = new Map([...rows].map(([name, of]) => [name, of.map(lengthOf)]));
  checkRows(file, rows, layers);
  const isZero = (at: number) => [...norms.values()].every((of) => of[at] === 0);
  const kept = [...layers.keys()].filter((at) => !isZero(at));
  if (!kept.length) throw new InputError(`${file}: all that it holds is zero, at every layer.`);
  const directions = new Map<string, SteeringVector>();
  for (const [name, of] of rows) {
    const norm = Float32Array.from(kept, (at) => norms.get(name)![at]);
    const zero = kept.find((_, i) => !(norm[i] > 0));
    if (zero !== undefined) {
      throw new InputError(`${file}: "${name}" is zero at layer ${layers[zero]}: no direction.`);
    }
    // Divided by the double, so that the unit vector is as exact as float32 can have it.
    const unit = kept.map((at) => of[at].map((value) => value / norms.get(name)![at]));
    directions.set(name, { unit, norm });
  }
  return { directions, layers: kept.map((at) => layers[at]) };
}

function checkRows(file: string, rows: Map<string, Float32Array[]>, layers: number[]): void {
  const width = [...rows.values()][0]?.[0]?.length ?? 0;
  for (const [name, of] of rows) {
    for (const [at, row] of of.entries()) {
      const where = `"${name}" at layer ${layers[at]}`;
      if (row.length !== width || !width) {
        throw new InputError(
          `${file}: ${where} has ${row.length} numbers; elsewhere it has ${width}.`,
        );
      }
      if (row.every(Number.isFinite)) continue;
      throw new InputError(`${file}: ${where} holds a number that is not finite.`);
    }
  }
}

const lengthOf = (row: Float32Array) => Math.sqrt(dot(row, row));
