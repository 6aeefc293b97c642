import type { TensorReader } from '../../../weights/safetensors/tensorReader';
import { fromArrays, toArrays } from './schema';
import type { ExtraTensors, VectorFile } from './types';

/** @throws InputError as `fromArrays` */
export function readTensorVectors(file: string, tensors: TensorReader): VectorFile {
  return fromArrays({
    file,
    metadata: tensors.metadata,
    names: [...tensors.tensors.keys()],
    read: (name) => {
      const data = tensors.readFloat32(name);
      return { shape: tensors.tensors.get(name)!.shape, data };
    },
  });
}

/** What a .safetensors file of vectors holds. */
export function tensorsOfVectors(
  vectors: VectorFile,
  extra: ExtraTensors = {},
): { tensors: ExtraTensors; metadata: Record<string, string> } {
  const { arrays, metadata } = toArrays(vectors);
  const tensors: ExtraTensors = { ...extra };
  for (const [name, array] of Object.entries(arrays)) tensors[name] = { dtype: 'F32', ...array };
  return { tensors, metadata };
}
