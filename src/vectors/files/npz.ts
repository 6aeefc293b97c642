/** numpy's .npz: a zip file of .npy arrays. Ours, and the plain layouts that others write. */
import { InputError } from '../../util/errors';
import { stemOf } from '../../util/fileName';
import { npyBytes, readNpy } from './npy';
import { fromNumbers } from './numbers';
import { fromArrays, type NumberArray, toArrays } from './schema';
import type { VectorFile } from './types';
import { unzip, zip } from './zip';

/** The array of one text, in JSON, that holds what safetensors has in its `__metadata__`. */
const METADATA = '__metadata__';

/** @throws InputError saying what is damaged, or in what the arrays are not those of vectors */
export function readNpzVectors(file: string, given: Uint8Array): VectorFile {
  const arrays = new Map<string, NumberArray>();
  let metadata: Record<string, string> | undefined;
  for (const [entry, bytes] of filesIn(file, given)) {
    const name = entry.replace(/\.npy$/, '');
    const array = readNpy(`${file}, array "${name}"`, bytes);
    if (typeof array !== 'string') arrays.set(name, array);
    else if (name === METADATA) metadata = parseTexts(file, array);
  }
  if (!metadata) return fromPlain(file, arrays);
  const read = (name: string) => {
    const array = arrays.get(name);
    if (array) return array;
    throw new InputError(`${file}: array "${name}" is missing.`);
  };
  return fromArrays({ file, metadata, names: [...arrays.keys()], read });
}

function filesIn(file: string, bytes: Uint8Array): Map<string, Uint8Array> {
  try {
    return unzip(bytes);
  } catch (error) {
    throw new InputError(
      `${file} can't be read as an .npz (a zip file): ${(error as Error).message}.`,
    );
  }
}

function parseTexts(file: string, text: string): Record<string, string> {
  try {
    const value: unknown = JSON.parse(text);
    if (Object.values(value as object).every((one) => typeof one === 'string')) {
      return value as Record<string, string>;
    }
  } catch {
    // said below
  }
  throw new InputError(`${file}: its ${METADATA} is not an object of texts, in JSON.`);
}

/** A row for one layer: `layer_3`, `layers.3`, `direction.3` or `3`, also behind a name. */
const OF_LAYER = /^(?:(.+)[./:])?(?:(?:layers?|direction)[._-]?)?(\d{1,6})$/s;

/** Arrays without metadata: of [L, D] for layers 0 to L − 1, or one of D numbers for each layer. */
function fromPlain(file: string, arrays: Map<string, NumberArray>): VectorFile {
  const named = stemOf(file);
  const rows = new Map<string, Map<number, Float32Array>>();
  const add = (name: string, layer: number, row: Float32Array) => {
    const of = rows.get(name) ?? new Map<number, Float32Array>();
    if (of.has(layer))
      throw new InputError(`${file}: "${name}" is there twice for layer ${layer}.`);
    rows.set(name, of.set(layer, row));
  };
  for (const [array, { shape, data }] of arrays) {
    const [, name = named, layer] = OF_LAYER.exec(array) ?? [];
    if (shape.length === 1 && layer !== undefined) add(name, Number(layer), data);
    else if (shape.length === 2) {
      const of = array === 'arr_0' && arrays.size === 1 ? named : array;
      for (let l = 0; l < shape[0]; l++) {
        add(of, l, data.slice(l * shape[1], (l + 1) * shape[1]));
      }
    } else {
      throw new InputError(
        `${file}: array "${array}" has shape [${shape}]. Vectors are arrays of [layers, numbers], or one ` +
          'for each layer that says so in its name: layer_3.',
      );
    }
  }
  if (!rows.size) throw new InputError(`${file} holds no array of numbers.`);
  return { ...fromNumbers(file, ...sameLayers(file, rows)), provenance: {} };
}

/** The rows of every vector, in the order of the layers, which all must have. */
function sameLayers(
  file: string,
  rows: Map<string, Map<number, Float32Array>>,
): [Map<string, Float32Array[]>, number[]] {
  const layersOf = (of: Map<number, Float32Array>) => [...of.keys()].sort((a, b) => a - b);
  const [[first, some]] = rows;
  const layers = layersOf(some);
  for (const [name, of] of rows) {
    if (String(layersOf(of)) === String(layers)) continue;
    throw new InputError(
      `${file}: "${first}" has layers ${layers.join(', ')}, "${name}" ${layersOf(of).join(', ')}: vectors ` +
        'of one file have the same ones.',
    );
  }
  const inOrder = [...rows].map(
    ([name, of]) => [name, layers.map((layer) => of.get(layer)!)] as const,
  );
  return [new Map(inOrder), layers];
}

/** The bytes of a file of vectors. */
export function npzBytes(vectors: VectorFile): Uint8Array {
  const { arrays, metadata } = toArrays(vectors);
  const files = Object.entries(arrays).map(([name, array]) => [`${name}.npy`, npyBytes(array)]);
  const says = [`${METADATA}.npy`, npyBytes(JSON.stringify(metadata))];
  return zip(Object.fromEntries([...files, says]));
}
