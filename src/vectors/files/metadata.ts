/** What a vector file says beside its numbers: the keys of its metadata, to and fro. */
import { show } from '../../util/check';
import { InputError } from '../../util/errors';
import type { VectorFile } from './types';

const FORMAT = 'tiller-vectors';
/** Grows when a file could be misread by older code: docs/vectors.md says what is in which. */
export const VERSION = 1;

/** Written as JSON, by the name of a vector. */
const BY_NAME = ['settings', 'curves', 'origins'] as const;
const OWN_KEYS = ['format', 'version', 'layers', 'checksum', ...BY_NAME];

export const damaged = (file: string, what: string) =>
  new InputError(`${file} is damaged: ${what}. Remove it, and make it or fetch it again.`);

type Said = Omit<VectorFile, 'directions'>;

/** All that a file says, but for the checksum. @throws InputError for what stands for no vector */
export function metadataOf(vectors: VectorFile): Record<string, string> {
  const { layers, provenance, directions } = vectors;
  const byName = BY_NAME.flatMap((key) => {
    const value = vectors[key];
    if (value === undefined || !Object.keys(value).length) return [];
    for (const name of Object.keys(value)) {
      if (directions.has(name)) continue;
      throw new InputError(`${key}: there is no vector "${name}" for what it says.`);
    }
    return [[key, JSON.stringify(value)]];
  });
  const free = Object.entries(provenance).filter(([key]) => !OWN_KEYS.includes(key));
  return {
    ...Object.fromEntries(free),
    ...Object.fromEntries(byName),
    format: FORMAT,
    version: String(VERSION),
    layers: JSON.stringify(layers),
  };
}

/**
 * What metadata says. Files from before version 1 have neither format nor version.
 * @throws InputError for what is no vector file, a version that is not known, or a value that is none
 */
export function parseMetadata(file: string, metadata: Record<string, string>): Said {
  const { format, version, layers } = metadata;
  if (!layers || (format !== undefined && format !== FORMAT)) {
    throw new InputError(`${file} does not say which layers it holds: it is not a vector file.`);
  }
  if (version !== undefined && version !== String(VERSION)) {
    throw new InputError(
      `${file} is of version ${show(version)} of the vector format; this tiller reads version ${VERSION}. ` +
        'A newer tiller reads it: update, or have the vectors sent as .npz or .gguf.',
    );
  }
  const byName = BY_NAME.flatMap((key) => {
    const text = metadata[key];
    return text === undefined ? [] : [[key, parseByName(file, key, text)]];
  });
  return {
    ...Object.fromEntries(byName),
    layers: parseLayers(file, layers),
    provenance: freeKeys(metadata),
  };
}

/** Where vectors come from, of all that a file says. */
export function freeKeys(metadata: Record<string, string>): Record<string, string> {
  const free = Object.entries(metadata).filter(([key]) => !OWN_KEYS.includes(key));
  return Object.fromEntries(free);
}

/** An object of objects, or of lists: what they hold is checked where it is used. */
function parseByName(file: string, key: string, text: string): Record<string, unknown> {
  const value = parseJson(text);
  const isList = key === 'curves';
  const fits = isList ? Array.isArray : isObject;
  if (isObject(value) && Object.values(value).every(fits)) {
    return value as Record<string, unknown>;
  }
  const wanted = isList ? 'lists' : 'objects';
  throw damaged(file, `its ${key} are ${show(text)}, not ${wanted} by the names of vectors`);
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseLayers(file: string, text: string): number[] {
  const layers = parseJson(text);
  const sound =
    Array.isArray(layers) &&
    layers.length > 0 &&
    layers.every((layer) => Number.isSafeInteger(layer) && layer >= 0) &&
    new Set(layers).size === layers.length;
  if (sound) return layers as number[];
  throw damaged(file, `its layers are ${JSON.stringify(text).slice(0, 80)}, not a list of numbers`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
