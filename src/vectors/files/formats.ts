/** The kinds of vector files, as bytes: docs/vectors.md. Files on a disk: ../vectorFile.ts. */
import { safetensorsParts } from '../../../weights/safetensors/encode';
import { tensorsIn } from '../../../weights/safetensors/tensorReader';
import { joined } from '../../util/bytes';
import { checkKeys } from '../../util/check';
import { didYouMean, InputError } from '../../util/errors';
import { endingOf } from '../../util/fileName';
import { controlVectorBytes, readControlVector } from './controlVector';
import { npzBytes, readNpzVectors } from './npz';
import { readTensorVectors, tensorsOfVectors } from './safetensors';
import type { SaveOptions, VectorFile } from './types';

/** A kind of vector file, chosen by how its name ends. */
interface Format {
  read(file: string, bytes: Uint8Array): VectorFile;
  bytes(file: string, vectors: VectorFile, options: SaveOptions): Uint8Array;
  options: (keyof SaveOptions)[];
}

export const SAFETENSORS = '.safetensors';

const FORMATS: Record<string, Format> = {
  [SAFETENSORS]: {
    read: (file, bytes) => readTensorVectors(file, tensorsIn(file, bytes)),
    bytes(file, vectors, { extra }) {
      const { tensors, metadata } = tensorsOfVectors(vectors, extra);
      return joined([...safetensorsParts(file, tensors, metadata)]);
    },
    options: ['extra'],
  },
  '.npz': { read: readNpzVectors, bytes: (_, vectors) => npzBytes(vectors), options: [] },
  '.gguf': { read: readControlVector, bytes: controlVectorBytes, options: ['scale', 'modelType'] },
};

/** How the name of a vector file ends. @throws InputError for one that ends like no vector file */
export function formatOf(file: string): string {
  const ending = endingOf(file).toLowerCase();
  const known = Object.keys(FORMATS);
  if (known.includes(ending)) return ending;
  throw new InputError(
    `${file}: a vector file ends in ${known.join(', ')}.${didYouMean(ending, known)}`,
  );
}

/**
 * The vectors of a file, by its bytes; how its name ends decides about the format.
 * @throws InputError as `loadVectors`
 */
export const parseVectors = (file: string, bytes: Uint8Array): VectorFile =>
  FORMATS[formatOf(file)].read(file, bytes);

/** The bytes of a vector file of that name. @throws InputError as `saveVectors` */
export function vectorBytes(
  file: string,
  vectors: VectorFile,
  options: SaveOptions = {},
): Uint8Array {
  checkSaving(file, options);
  return FORMATS[formatOf(file)].bytes(file, vectors, options);
}

/** @throws InputError for an option that the format does not have */
export const checkSaving = (file: string, options: SaveOptions): void =>
  checkKeys(`${file}: options`, options, FORMATS[formatOf(file)].options);
