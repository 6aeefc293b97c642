/**
 * The GGUF format (docs/gguf.md of ggml), versions 2 and 3, little-endian: a magic number, typed
 * metadata, the list of tensors, their numbers. Of tensors, only those of floats are read.
 */
import * as fs from 'node:fs';
import { InputError } from '../../util/errors';
import { systemReason, writeAtomic } from '../../util/files';
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
export function readGguf(file: string): Gguf {
  const from = new ByteReader(file, readBytes(file));
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

function readBytes(file: string): Uint8Array {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    const reason = systemReason(error) ?? (error as Error).message;
    throw new InputError(`Can't read ${file}: ${reason}.`);
  }
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

/** Writes metadata (texts, and whole numbers as u32) and tensors of F32, as version 3. */
export function writeGguf(
  file: string,
  metadata: Record<string, string | number>,
  tensors: Record<string, NumberArray>,
): void {
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
  const head = padded(Buffer.concat([u32(MAGIC), u32(3), ...counts, ...entries, ...infos]));
  const numbers = Object.values(tensors).map(({ data }) =>
    padded(Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  );
  writeAtomic(file, Buffer.concat([head, ...numbers]));
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

const padded = (bytes: Buffer) =>
  Buffer.concat([bytes, Buffer.alloc(aligned(bytes.length, ALIGNMENT) - bytes.length)]);
