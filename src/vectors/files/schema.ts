/** What a vector file holds, whatever it lies in: arrays by name and texts by key. See docs/vectors.md. */
import { sha256 } from '../../util/sha256';
import { hasMeans, type SteeringVector, whatIsWrong } from '../direction';
import { methodOf } from '../provenance';
import { damaged, metadataOf, parseMetadata } from './metadata';
import type { VectorFile } from './types';

/** Numbers of a shape, row by row. */
export interface NumberArray {
  shape: number[];
  data: Float32Array;
}

/** An open file, of which arrays are read as they are asked for. */
export interface ArraySource {
  file: string;
  metadata: Record<string, string>;
  /** The arrays that there are. */
  names: string[];
  /** @throws InputError where there is no such array, or it holds no floats */
  read(name: string): NumberArray;
}

/** The arrays and metadata that stand for vectors. @throws InputError as `metadataOf` */
export function toArrays(vectors: VectorFile): {
  arrays: Record<string, NumberArray>;
  metadata: Record<string, string>;
} {
  const arrays: Record<string, NumberArray> = {};
  for (const [name, vector] of vectors.directions) {
    const layers = vector.unit.length;
    for (const [part, rows] of Object.entries(matrices(vector))) {
      arrays[`${name}.${part}`] = { shape: [layers, rows[0].length], data: joined(rows) };
    }
    for (const [part, data] of Object.entries(scalars(vector))) {
      arrays[`${name}.${part}`] = { shape: [layers], data };
    }
  }
  const says = metadataOf(vectors);
  return { arrays, metadata: { ...says, checksum: checksumOf(vectors.directions, says) } };
}

/**
 * The vectors that arrays and metadata stand for, checked: against the means that they come from, and
 * all of it against the checksum.
 * @throws InputError for what is no vector file or one of a newer version, or saying what is damaged
 */
export function fromArrays(source: ArraySource): VectorFile {
  const { file, metadata, names } = source;
  const says = parseMetadata(file, metadata);
  const directions = new Map<string, SteeringVector>();
  const vectors = { ...says, directions };
  for (const array of names) {
    const name = /^(.+)\.unit$/s.exec(array)?.[1];
    if (name === undefined) continue;
    const vector = readVector(source, name, says.layers.length);
    const wrong = whatIsWrong(vector, says.layers, methodOf(vectors, name));
    if (wrong) throw damaged(file, `"${name}", ${wrong}`);
    directions.set(name, vector);
  }
  if (!directions.size) throw damaged(file, 'it holds no vectors');
  const { checksum, ...others } = metadata;
  // Files from before version 1 may have none.
  if (checksum === undefined && metadata.version === undefined) return vectors;
  if (checksum !== checksumOf(directions, others)) throw damaged(file, 'its checksum is another');
  return vectors;
}

const matrices = (vector: SteeringVector): Record<string, Float32Array[]> => ({
  unit: vector.unit,
  ...(hasMeans(vector) && { mean_with: vector.meanWith, mean_without: vector.meanWithout }),
});

const scalars = (vector: SteeringVector): Record<string, Float32Array> => ({
  norm: vector.norm,
  ...(hasMeans(vector) && {
    projection_with: vector.projectionWith,
    projection_without: vector.projectionWithout,
  }),
});

function joined(rows: Float32Array[]): Float32Array {
  const all = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, i) => {
    all.set(row, i * row.length);
  });
  return all;
}

/** Of vectors and all that a file says about them, but for the checksum itself. */
function checksumOf(directions: VectorFile['directions'], says: Record<string, string>): string {
  const parts = [...directions].sort(byName).flatMap(([name, vector]) => {
    const arrays = [...Object.values(matrices(vector)).flat(), ...Object.values(scalars(vector))];
    return [JSON.stringify(name), ...arrays.map(bytesOf)];
  });
  return sha256(JSON.stringify(Object.entries(says).sort(byName)), ...parts);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);

const OF_PAIRS = ['mean_with', 'mean_without', 'projection_with', 'projection_without'];

/** @param nLayers L: the first dimension of all its arrays; they have the same D besides, or none */
function readVector(source: ArraySource, name: string, nLayers: number): SteeringVector {
  const { shape } = source.read(`${name}.unit`);
  const width = shape[1] ?? 0;
  const read = (part: string, ...rest: number[]) => {
    const { shape, data } = source.read(`${name}.${part}`);
    const wanted = [nLayers, ...rest];
    if (String(shape) === String(wanted)) return data;
    throw damaged(source.file, `"${name}.${part}" has shape [${shape}], not [${wanted}]`);
  };
  const rows = (part: string) => {
    const all = read(part, width);
    return Array.from({ length: nLayers }, (_, l) => all.slice(l * width, (l + 1) * width));
  };
  const vector = { unit: rows('unit'), norm: read('norm') };
  // All four or none: with one of them, the others are missed.
  if (!OF_PAIRS.some((part) => source.names.includes(`${name}.${part}`))) return vector;
  return {
    ...vector,
    meanWith: rows('mean_with'),
    meanWithout: rows('mean_without'),
    projectionWith: read('projection_with'),
    projectionWithout: read('projection_without'),
  } as SteeringVector;
}
