/** Vector files made of others: a part of one, several together, sums. */
import { InputError } from '../util/errors';
import type { SteeringVector } from './direction';
import { fromNumbers } from './files/numbers';
import type { VectorFile } from './files/types';
import { findDirection, indexOfLayer } from './lookUp';
import { originOf, type Provenance } from './provenance';

const BY_NAME = ['settings', 'curves', 'origins'] as const;

/**
 * Some vectors of a file, at some of its layers. A setting at a layer that goes, goes too.
 * @throws InputError for a name or layer that is not there
 */
export function selectVectors(
  vectors: VectorFile,
  { names = [...vectors.directions.keys()], layers = vectors.layers }: Partial<Selection>,
): VectorFile {
  const at = layers.map((layer) => indexOfLayer(vectors.layers, layer));
  const directions = names.map((name) => {
    const vector = findDirection(vectors.directions, name);
    const parts = Object.entries(vector).map(([part, values]) => [part, pick(values, at)]);
    return [name, Object.fromEntries(parts) as SteeringVector] as const;
  });
  const settings = Object.fromEntries(
    Object.entries(vectors.settings ?? {}).filter(
      ([, { layer, source = layer }]) => layers.includes(layer) && layers.includes(source),
    ),
  );
  const of = { ...vectors, settings };
  const kept = BY_NAME.flatMap((key) => {
    const some = Object.entries(of[key] ?? {}).filter(([name]) => names.includes(name));
    return some.length ? [[key, Object.fromEntries(some)]] : [];
  });
  const { provenance } = vectors;
  return { directions: new Map(directions), layers, provenance, ...Object.fromEntries(kept) };
}

export interface Selection {
  names: string[];
  layers: number[];
}

/** Entries of a list of rows, or of numbers. */
const pick = (values: Float32Array | Float32Array[], at: number[]) =>
  Array.isArray(values) ? at.map((i) => values[i]) : Float32Array.from(at, (i) => values[i]);

/** A file to be merged. */
export interface Part {
  file: string;
  vectors: VectorFile;
  /** What its vector is called from now on. */
  rename?: string;
}

/**
 * The vectors of several files in one. What all say about where they come from is said once, the rest
 * for each vector.
 * @throws InputError for files of different models, widths or layers, and names that are there twice
 */
export function mergeVectors(parts: Part[]): VectorFile {
  const renamed = parts.map((part) => ({ ...part, vectors: renameVector(part) }));
  const [first, ...others] = renamed;
  for (const other of others) checkAlike(first, other);
  const of = renamed.flatMap(({ file, vectors }) =>
    [...vectors.directions].map(([name, vector]) => ({ file, vectors, name, vector })),
  );
  for (const [i, { name, file }] of of.entries()) {
    const before = of.slice(0, i).find((one) => one.name === name);
    if (!before) continue;
    throw new InputError(
      `${before.file} and ${file} both have a vector "${name}". Give one of them another name: ${file}:new-name.`,
    );
  }
  const origins = of.map(({ vectors, name }) => [name, originOf(vectors, name)] as const);
  const [, some] = origins[0];
  const common = Object.entries(some).filter(([key, value]) =>
    origins.every(([, origin]) => origin[key] === value),
  );
  const provenance = Object.fromEntries(common);
  const own = origins.flatMap(([name, origin]) => {
    const rest = Object.entries(origin).filter(([key]) => !(key in provenance));
    return rest.length ? [[name, Object.fromEntries(rest)] as const] : [];
  });
  return {
    directions: new Map(of.map(({ name, vector }) => [name, vector])),
    layers: first.vectors.layers,
    provenance,
    ...(own.length && { origins: Object.fromEntries(own) as Record<string, Provenance> }),
    ...together(renamed, 'settings'),
    ...together(renamed, 'curves'),
  };
}

function together(parts: Part[], key: 'settings' | 'curves'): Pick<VectorFile, typeof key> {
  const all = Object.assign({}, ...parts.map(({ vectors }) => vectors[key]));
  return Object.keys(all).length ? { [key]: all } : {};
}

function renameVector({ file, vectors, rename }: Part): VectorFile {
  if (rename === undefined) return vectors;
  const names = [...vectors.directions.keys()];
  if (names.length !== 1) {
    throw new InputError(`${file}:${rename}: the file has several vectors (${names.join(', ')}).`);
  }
  const [[name, vector]] = vectors.directions;
  const byName = BY_NAME.flatMap((key) => {
    const value = vectors[key]?.[name];
    return value === undefined ? [] : [[key, { [rename]: value }]];
  });
  return {
    ...vectors,
    directions: new Map([[rename, vector]]),
    ...Object.fromEntries(byName),
  };
}

/** @throws InputError where two files can't be of one model, or are of other layers */
function checkAlike(a: Part, b: Part): void {
  const differ = (what: string, one: unknown, other: unknown, hint = '') => {
    if (String(one) === String(other)) return;
    throw new InputError(`${a.file} and ${b.file} differ in ${what}: ${one}, ${other}.${hint}`);
  };
  const [ofA, ofB] = [a.vectors, b.vectors];
  const width = ({ directions }: VectorFile) => [...directions.values()][0].unit[0].length;
  differ('width', width(ofA), width(ofB));
  for (const key of ['model_fingerprint', 'model_type', 'model_hint'] as const) {
    const [one, other] = [ofA, ofB].map(({ provenance }) => provenance[key]);
    // One that doesn't say will be of the same.
    if (one !== undefined && other !== undefined) differ(key, one, other);
  }
  const both = ofA.layers.filter((layer) => ofB.layers.includes(layer));
  const [one, other] = [ofA, ofB].map(({ layers }) => layers.join(' '));
  const hint = both.length ? ` Take those that both have: --layers ${both.join(',')}.` : '';
  differ('layers', one, other, hint);
}

/** A vector times a number. */
export interface Term {
  factor: number;
  name: string;
}

/**
 * The vectors of a file, and a sum of some: at each layer, of factor · norm · unit.
 * @param name what the sum is called
 * @throws InputError for a vector that is not there, a name that is, or a sum of zero
 */
export function addSum(file: string, vectors: VectorFile, name: string, terms: Term[]): VectorFile {
  const { directions, layers, origins } = vectors;
  if (directions.has(name)) throw new InputError(`${file}: there is a vector "${name}" already.`);
  const rows = layers.map((_, at) => {
    const sum = new Float64Array([...directions.values()][0].unit[0].length);
    for (const term of terms) {
      const { unit, norm } = findDirection(directions, term.name);
      unit[at].forEach((value, i) => {
        sum[i] += term.factor * norm[at] * value;
      });
    }
    return Float32Array.from(sum);
  });
  const made = fromNumbers(file, new Map([[name, rows]]), layers);
  if (made.layers.length < layers.length) {
    throw new InputError(`${file}: the sum "${name}" is zero at some layers: no direction.`);
  }
  const text = terms.map((term) => `${term.factor}*${term.name}`).join('+');
  return {
    ...vectors,
    directions: new Map([...directions, ...made.directions]),
    origins: { ...origins, [name]: { method: 'sum', sum: text } },
  };
}
