import { Safetensors, writeSafetensors } from '../../../weights/safetensors';
import { fromArrays, toArrays } from './schema';
import type { ExtraTensors, VectorFile } from './types';

/** @throws InputError as `fromArrays`, and for a file that is no safetensors file */
export function readSafetensorsVectors(file: string): VectorFile {
  const tensors = Safetensors.open(file);
  try {
    return fromArrays({
      file,
      metadata: tensors.metadata,
      names: [...tensors.tensors.keys()],
      read: (name) => {
        const data = tensors.readFloat32(name);
        return { shape: tensors.tensors.get(name)!.shape, data };
      },
    });
  } finally {
    tensors.close();
  }
}

export function writeSafetensorsVectors(
  file: string,
  vectors: VectorFile,
  extra: ExtraTensors = {},
): void {
  const { arrays, metadata } = toArrays(vectors);
  const tensors: ExtraTensors = { ...extra };
  for (const [name, array] of Object.entries(arrays)) tensors[name] = { dtype: 'F32', ...array };
  writeSafetensors(file, tensors, metadata);
}

/** What a vector file says about itself, without its numbers. */
export function readSafetensorsMetadata(file: string): Record<string, string> {
  const tensors = Safetensors.open(file);
  tensors.close();
  return tensors.metadata;
}
