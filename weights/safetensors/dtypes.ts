/** What tensors of the format may hold, and the words in which it is said what is wrong with one. */
import { InputError } from '../../src/util/errors';
import { bf16ToFloat32, float8ToFloat32, float16ToFloat32 } from '../halfFloat';

/** Bits per element of every dtype of the format, as the safetensors library 0.8 knows them. */
export const DTYPE_BITS = {
  ...{ F64: 64, I64: 64, U64: 64, C64: 64 },
  ...{ F32: 32, I32: 32, U32: 32 },
  ...{ F16: 16, BF16: 16, I16: 16, U16: 16 },
  ...{ U8: 8, I8: 8, BOOL: 8 },
  ...{ F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8 },
  ...{ F6_E2M3: 6, F6_E3M2: 6, F4: 4 },
};
export type Dtype = keyof typeof DTYPE_BITS;

/** The dtypes that `readFloat32` reads, with what makes float32 of their bytes. */
export const TO_FLOAT32: Partial<Record<Dtype, (bytes: ArrayBuffer, to: Float32Array) => void>> = {
  F64: (bytes, to) => to.set(new Float64Array(bytes)),
  F32: (bytes, to) => to.set(new Float32Array(bytes)),
  F16: (bytes, to) => float16ToFloat32(new Uint16Array(bytes), to),
  BF16: (bytes, to) => bf16ToFloat32(new Uint16Array(bytes), to),
  F8_E4M3: (bytes, to) => float8ToFloat32(new Uint8Array(bytes), 'E4M3', to),
  F8_E5M2: (bytes, to) => float8ToFloat32(new Uint8Array(bytes), 'E5M2', to),
};

/** Whether `readFloat32` reads tensors of this dtype. */
export const isFloat = (dtype: Dtype): boolean => TO_FLOAT32[dtype] !== undefined;

export interface TensorInfo {
  name: string;
  dtype: Dtype;
  shape: number[];
  byteLength: number;
  /** The file that holds it: with shards, the shard. */
  file: string;
}

/** A tensor to write: numbers that fit the dtype, or a Uint8Array with its bytes as they are. */
export interface TensorData {
  dtype: Dtype;
  shape: number[];
  data: Float32Array | Int32Array | Uint8Array;
}

if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
  throw new Error('Safetensors are read and written on little-endian machines only.');
}

/** Elements converted at a time, so that raw and converted never stand whole side by side. */
export const CHUNK = 1 << 20;

/** Names and texts from a file, fit for a terminal: control characters escaped, not too long. */
export function quote(value: unknown): string {
  const text = (JSON.stringify(value) ?? String(value)).replace(
    /[\u007f-\u009f]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

export function refusal(file: string, tensor: string, what: string): InputError {
  return new InputError(`${file}: tensor ${quote(tensor)} ${what}.`);
}

/**
 * Bytes of a tensor; undefined when `shape` is no shape, one of more bits than can be counted, or
 * one that does not end with a byte (dtypes of 4 and 6 bits are packed).
 */
export function sizeOf(dtype: Dtype, shape: unknown): number | undefined {
  if (!Array.isArray(shape)) return undefined;
  let bits = DTYPE_BITS[dtype];
  for (const n of shape) {
    if (!isCount(n)) return undefined;
    bits *= n;
    if (!isCount(bits)) return undefined;
  }
  return bits % 8 ? undefined : bits / 8;
}

export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
