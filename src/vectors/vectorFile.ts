/** Vector files on a disk. */
import * as path from 'node:path';
import { Safetensors, writeSafetensors } from '../../weights/safetensors';
import { checkKeys } from '../util/check';
import { InputError } from '../util/errors';
import { makeFolder, readBytes, writeAtomic } from '../util/files';
import { checkSaving, formatOf, parseVectors, SAFETENSORS, vectorBytes } from './files/formats';
import { freeKeys } from './files/metadata';
import { readTensorVectors, tensorsOfVectors } from './files/safetensors';
import type { SaveOptions, VectorFile } from './files/types';
import { checkVectorsFit, type FittingModel } from './fit';
import type { Provenance } from './provenance';

export type { ExtraTensors, SaveOptions, VectorFile } from './files/types';
export type { Provenance } from './provenance';

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
  const vectors =
    formatOf(file) === SAFETENSORS ? readOpen(file) : parseVectors(file, readBytes(file));
  if (model) checkVectorsFit(vectors, model, { file, anyModel });
  return vectors;
}

/** Only what is asked for is read: beside the vectors, activations may lie that take gigabytes. */
const readOpen = (file: string) => using(file, (tensors) => readTensorVectors(file, tensors));

function using<T>(file: string, use: (tensors: Safetensors) => T): T {
  const tensors = Safetensors.open(file);
  try {
    return use(tensors);
  } finally {
    tensors.close();
  }
}

/**
 * Writes vectors and where they come from as one file, whole or not at all; how its name ends decides
 * about the format.
 * @throws InputError for vectors that the format can't hold
 */
export function saveVectors(file: string, vectors: VectorFile, options: SaveOptions = {}): void {
  checkSaving(file, options);
  makeFolder(path.dirname(file));
  if (formatOf(file) === SAFETENSORS) {
    const { tensors, metadata } = tensorsOfVectors(vectors, options.extra);
    writeSafetensors(file, tensors, metadata);
  } else writeAtomic(file, vectorBytes(file, vectors, options));
}

/** What a safetensors file says about its vectors, the layers included. */
export function readProvenance(file: string): Provenance {
  const { metadata } = using(file, (tensors) => tensors);
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
