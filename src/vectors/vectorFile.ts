import * as path from 'node:path';
import { checkKeys } from '../util/check';
import { didYouMean, InputError } from '../util/errors';
import { makeFolder } from '../util/files';
import { readControlVector, writeControlVector } from './files/controlVector';
import { freeKeys } from './files/metadata';
import { readNpzVectors, writeNpzVectors } from './files/npz';
import {
  readSafetensorsMetadata,
  readSafetensorsVectors,
  writeSafetensorsVectors,
} from './files/safetensors';
import type { SaveOptions, VectorFile } from './files/types';
import { checkVectorsFit, type FittingModel } from './fit';
import type { Provenance } from './provenance';

export type { ExtraTensors, SaveOptions, VectorFile } from './files/types';
export type { Provenance } from './provenance';

/** A kind of vector file, chosen by how its name ends. */
interface Format {
  read(file: string): VectorFile;
  write(file: string, vectors: VectorFile, options: SaveOptions): void;
  options: (keyof SaveOptions)[];
}

const FORMATS: Record<string, Format> = {
  '.safetensors': {
    read: readSafetensorsVectors,
    write: (file, vectors, { extra }) => writeSafetensorsVectors(file, vectors, extra),
    options: ['extra'],
  },
  '.npz': { read: readNpzVectors, write: writeNpzVectors, options: [] },
  '.gguf': { read: readControlVector, write: writeControlVector, options: ['scale', 'modelType'] },
};

/** @throws InputError for a name that ends like no vector file */
function formatOf(file: string): Format {
  const ending = path.extname(file).toLowerCase();
  if (Object.hasOwn(FORMATS, ending)) return FORMATS[ending];
  const known = Object.keys(FORMATS);
  throw new InputError(
    `${file}: a vector file ends in ${known.join(', ')}.${didYouMean(ending, known)}`,
  );
}

export interface LoadOptions {
  /** The model to be steered: vectors that do not fit it are refused. */
  model?: FittingModel;
  /** Vectors of another model will do, as long as their width and layers fit. */
  anyModel?: boolean;
}

/**
 * Reads a vector file (.safetensors, .npz or a control vector in .gguf: docs/vectors.md) and checks
 * that it is whole.
 * @throws InputError saying what is damaged, in what a file of this name is no vector file, or in what
 *   its vectors do not fit the model
 */
export function loadVectors(file: string, options: LoadOptions = {}): VectorFile {
  checkKeys('loadVectors: options', options, ['model', 'anyModel']);
  const { model, anyModel } = options;
  const vectors = formatOf(file).read(file);
  if (model) checkVectorsFit(vectors, model, { file, anyModel });
  return vectors;
}

/**
 * Writes vectors and where they come from as one file, whole or not at all; how its name ends decides
 * about the format.
 * @throws InputError for vectors that the format can't hold
 */
export function saveVectors(file: string, vectors: VectorFile, options: SaveOptions = {}): void {
  const format = formatOf(file);
  checkKeys(`${file}: options`, options, format.options);
  makeFolder(path.dirname(file));
  format.write(file, vectors, options);
}

/** What a safetensors file says about its vectors, the layers included. */
export function readProvenance(file: string): Provenance {
  const metadata = readSafetensorsMetadata(file);
  const { layers } = metadata;
  return { ...freeKeys(metadata), ...(layers && { layers }) };
}

/** @throws InputError when vectors of another model have another width: D of `model`'s activations */
export function checkWidth({ directions }: VectorFile, dModel: number, model: string): void {
  const [first] = directions.values();
  const width = first?.unit[0].length ?? dModel;
  if (width === dModel) return;
  throw new InputError(
    `The vectors have ${width} numbers; the activations of ${model} have ${dModel}. ` +
      'vectors_model must be a model of the same width, such as the instruct model of a base model.',
  );
}
