/**
 * The GGUF format (docs/gguf.md of ggml), versions 2 and 3, little-endian: a magic number, typed
 * metadata, the list of tensors, their numbers. Of tensors, only those of floats are read.
 */

import { joined } from '../../util/bytes';
import { InputError } from '../../util/errors';
import { ByteReader, FLOAT_TYPES, type FloatType } from './byteReader';
import type { NumberArray } from './schema';

export type GgufValue = number | bigint | boolean | string | GgufValue[];

export interface Gguf {
  metadata: Map<string, GgufValue>;
  /** Shapes with the slowest axis first, as everywhere here; GGUF has the fastest first. */
  tensors: Map<string, NumberArray>;
}

const MAGIC = 0x46554747;
const ALIGNMENT = 32;

/** Readers of metadata values, by the number of their type. */
const VALUES: ((from: ByteReader, what: string) => GgufValue)[] = [
  (from, what) => from.u8(what),
  (from, what) => from.i8(what),
  (from, what) => from.u16(what),
  (from, what) => from.i16(what),
  (from, what) => from.u32(what),
  (from, what) => from.i32(what),
  (from, what) => from.f32(what),
  (from, what) => from.u8(what) !== 0,
  (from, what) => from.text(what),
  readList,
  (from, what) => from.u64(what),
  (from, what) => from.i64(what),
  (from, what) => from.f64(what),
];
const TYPES = { u32: 4, text: 8 };

/** Of the types of tensors, by their number. */
const FLOATS: Record<number, FloatType> = {
  0: FLOAT_TYPES.F32,
  1: FLOAT_TYPES.F16,
  28: FLOAT_TYPES.F64,
  30: FLOAT_TYPES.BF16,
};

/** @throws InputError saying what is wrong with a file, and where */
export function readGguf(file: string, bytes: Uint8Array): Gguf {
  const from = new ByteReader(file, bytes);
  if (from.bytes.length < 4 || from.u32('the first bytes') !== MAGIC) {
    throw new InputError(`${file}: it does not begin with GGUF: it is no GGUF file.`);
  }
  const version = from.u32('the version');
  if (version === 0x02000000 || version === 0x03000000) {
    from.refuse('its numbers are big-endian; only little-endian GGUF is read', 4);
  }
  if (version !== 2 && version !== 3) from.refuse(`it is of version ${version}, not 2 or 3`, 4);
  const tensorCount = from.count('the number of tensors');
  const metadata = new Map<string, GgufValue>();
  for (let left = from.count('the number of metadata'); left > 0; left--) {
    const key = from.text('a metadata key');
    if (metadata.has(key)) from.refuse(`it has metadata "${key}" twice`);
    metadata.set(key, readValue(from, from.u32(`the type of "${key}"`), `"${key}"`));
  }
  const infos = Array.from({ length: tensorCount }, () => readInfo(from));
  const start = aligned(from.position, alignmentOf(metadata, from));
  const tensors = new Map<string, NumberArray>();
  for (const info of infos) {
    if (tensors.has(info.name)) from.refuse(`it has a tensor "${info.name}" twice`);
    tensors.set(info.name, readTensor(from, info, start));
  }
  return { metadata, tensors };
}

function readValue(from: ByteReader, type: number, what: string): GgufValue {
  const read = VALUES[type];
  if (!read) from.refuse(`${what} is of a type ${type} that there isn't`);
  return read(from, what);
}

function readList(from: ByteReader, what: string): GgufValue[] {
  const type = from.u32(`the type of what ${what} lists`);
  if (type === 9) from.refuse(`${what} is a list of lists, which is not read`);
  const length = from.count(`the length of ${what}`);
  return Array.from({ length }, () => readValue(from, type, what));
}

interface Info {
  name: string;
  shape: number[];
  type: number;
  offset: number;
}

function readInfo(from: ByteReader): Info {
  const name = from.text('the name of a tensor');
  const what = `tensor "${name}"`;
  const axes = from.u32(`${what}`);
  if (axes > 4) from.refuse(`${what} has ${axes} axes; GGUF has at most 4`);
  const shape = Array.from({ length: axes }, () => from.count(`an axis of ${what}`)).reverse();
  return { name, shape, type: from.u32(what), offset: from.count(`the place of ${what}`) };
}

function alignmentOf(metadata: Map<string, GgufValue>, from: ByteReader): number {
  const given = metadata.get('general.alignment') ?? ALIGNMENT;
  if (typeof given === 'number' && given > 0 && given % 8 === 0) return given;
  return from.refuse(`general.alignment is ${given}, not a multiple of 8`);
}

const aligned = (position: number, to: number) => Math.ceil(position / to) * to;

function readTensor(from: ByteReader, { name, shape, type, offset }: Info, start: number) {
  const what = `tensor "${name}"`;
  const floats = FLOATS[type];
  if (!floats) from.refuse(`${what} is of ggml type ${type}; only F32, F16, BF16 and F64 are read`);
  const count = shape.reduce((product, axis) => product * axis, 1);
  from.position = start + offset;
  if (from.position > from.bytes.length) from.refuse(`${what} lies beyond the end of the file`);
  const bytes = from.take(count * floats.size, what);
  const numbers = new Float32Array(count);
  floats.read(bytes, numbers);
  return { shape, data: numbers };
}

/** The bytes of a file of metadata (texts, and whole numbers as u32) and tensors of F32, as version 3. */
export function ggufBytes(
  metadata: Record<string, string | number>,
  tensors: Record<string, NumberArray>,
): Uint8Array {
  const entries = Object.entries(metadata).flatMap(([key, value]) =>
    typeof value === 'string'
      ? [text(key), u32(TYPES.text), text(value)]
      : [text(key), u32(TYPES.u32), u32(value)],
  );
  let offset = 0;
  const infos = Object.entries(tensors).flatMap(([name, { shape, data }]) => {
    const axes = shape.toReversed().map(u64);
    const info = [text(name), u32(shape.length), ...axes, u32(0), u64(offset)];
    offset += aligned(data.byteLength, ALIGNMENT);
    return info;
  });
  const counts = [u64(Object.keys(tensors).length), u64(Object.keys(metadata).length)];
  const head = padded(joined([u32(MAGIC), u32(3), ...counts, ...entries, ...infos]));
  const numbers = Object.values(tensors).map(({ data }) =>
    padded(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  );
  return joined([head, ...numbers]);
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return joined([u64(bytes.length), bytes]);
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(aligned(bytes.length, ALIGNMENT));
  whole.set(bytes);
  return whole;
}
