/**
 * The safetensors format, as its README describes it (github.com/huggingface/safetensors): 8 bytes
 * little-endian length N, N bytes of JSON that names each tensor with dtype, shape and byte range,
 * then the bytes. A header is checked whole before anything is believed, tensors are read by
 * position one at a time, and a file that is broken or lies ends in one InputError naming it.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../src/util/errors';
import {
  bf16ToFloat32,
  float8ToFloat32,
  float16ToFloat32,
  float32ToBf16,
  float32ToFloat16,
} from './halfFloat';

export { bf16ToFloat32, float16ToFloat32, float32ToBf16, float32ToFloat16 };

/** Bits per element of every dtype of the format, as the safetensors library 0.8 knows them. */
const DTYPE_BITS = {
  ...{ F64: 64, I64: 64, U64: 64, C64: 64 },
  ...{ F32: 32, I32: 32, U32: 32 },
  ...{ F16: 16, BF16: 16, I16: 16, U16: 16 },
  ...{ U8: 8, I8: 8, BOOL: 8 },
  ...{ F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8 },
  ...{ F6_E2M3: 6, F6_E3M2: 6, F4: 4 },
};
export type Dtype = keyof typeof DTYPE_BITS;

/** The dtypes that `readFloat32` reads, with what makes float32 of their bytes. */
const TO_FLOAT32: Partial<Record<Dtype, (bytes: ArrayBuffer, to: Float32Array) => void>> = {
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

/** The format's own bound on the header. */
const MAX_HEADER_BYTES = 100_000_000;
/** Commas and brackets in a header (some 120,000 tensors): keeps what JSON.parse builds small. */
const MAX_HEADER_VALUES = 1_000_000;
/** Elements converted at a time, so that raw and converted never stand whole side by side. */
const CHUNK = 1 << 20;
/** Bytes per system call, well below the 2 GiB that one may move. */
const IO_BYTES = 1 << 28;

if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
  throw new Error('weights/safetensors.ts works on little-endian machines only.');
}

type Json = Record<string, unknown>;
/** Where a tensor lies in an open file. */
interface Located {
  info: TensorInfo;
  position: number;
  fd: number;
}
interface Shard {
  fd: number;
  metadata: Record<string, string>;
  tensors: Located[];
}

/** Tensors of one file, or of an index and its shards. Files stay open until `close`. */
export class Safetensors {
  /** By name, in the order in which they lie in the file (shards in the order of the index). */
  readonly tensors = new Map<string, TensorInfo>();
  /** `__metadata__` of the file; of several shards together, the first to give a key counting. */
  readonly metadata: Record<string, string>;
  private readonly located = new Map<string, Located>();

  private constructor(
    private readonly source: string,
    private shards: Shard[],
  ) {
    this.metadata = Object.fromEntries(
      shards.toReversed().flatMap((shard) => Object.entries(shard.metadata)),
    );
    for (const tensor of shards.flatMap((shard) => shard.tensors)) {
      this.tensors.set(tensor.info.name, tensor.info);
      this.located.set(tensor.info.name, tensor);
    }
  }

  /**
   * Opens a .safetensors file and checks its header.
   * @throws InputError naming the file, and the tensor if it is about one
   */
  static open(file: string): Safetensors {
    return new Safetensors(file, [openShard(file)]);
  }

  /**
   * Opens a checkpoint folder: model.safetensors, or else model.safetensors.index.json and the
   * shards that it names, which must lie beside it and hold exactly what it says.
   * @param mayDiffer names of tensors that the index may lack, or name without cause; what the
   *   shards hold counts
   * @throws InputError naming file and tensor
   */
  static openFolder(dir: string, mayDiffer: (name: string) => boolean = () => false): Safetensors {
    const stat = statOf(dir);
    if (!stat?.isDirectory()) {
      throw new InputError(`${dir}: ${stat ? 'is not a folder' : 'no such folder'}.`);
    }
    const single = path.join(dir, 'model.safetensors');
    if (fs.existsSync(single)) return Safetensors.open(single);
    const index = path.join(dir, 'model.safetensors.index.json');
    if (!fs.existsSync(index)) {
      throw new InputError(
        `${dir}: has no weights (model.safetensors, or model.safetensors.index.json and shards).`,
      );
    }
    return new Safetensors(dir, openShards(dir, index, mayDiffer));
  }

  /**
   * A tensor's bytes as they are stored, little-endian.
   * @throws InputError when there is no such tensor or it can't be read whole
   */
  readBytes(name: string): Uint8Array {
    const tensor = this.locate(name);
    const bytes = new Uint8Array(allocate(tensor.info, tensor.info.byteLength));
    readFully(tensor, bytes, 0);
    return bytes;
  }

  /**
   * Part of a tensor's bytes as they are stored, little-endian.
   * @param target filled with the bytes from `offset` on
   * @throws InputError when there is no such tensor or it ends before
   */
  readInto(name: string, target: Uint8Array, offset: number): void {
    const tensor = this.locate(name);
    if (!isCount(offset)) throw new InputError(`readInto: offset ${offset} is not a position.`);
    if (offset + target.length > tensor.info.byteLength) {
      const { byteLength } = tensor.info;
      throw refusal(tensor.info.file, name, `has ${byteLength} bytes, and more are wanted`);
    }
    readFully(tensor, target, offset);
  }

  /**
   * A tensor of floats (F64, F32, F16, BF16, F8_E4M3, F8_E5M2), row by row, [product of the shape].
   * F64 is rounded to nearest; the others are exact.
   * @throws InputError when there is no such tensor, it has another dtype or can't be read whole
   */
  readFloat32(name: string): Float32Array {
    const { info } = this.locate(name);
    const count = (8 * info.byteLength) / DTYPE_BITS[info.dtype];
    const out = new Float32Array(allocate(info, 4 * count));
    this.readFloat32Into(name, out, 0);
    return out;
  }

  /**
   * Part of a tensor of floats: see `readFloat32`.
   * @param target filled with the numbers from `from` on
   * @throws InputError as `readFloat32`, or when the tensor ends before
   */
  readFloat32Into(name: string, target: Float32Array, from: number): void {
    const { info } = this.locate(name);
    if (!isCount(from)) throw new InputError(`readFloat32Into: from ${from} is not a position.`);
    const convert = TO_FLOAT32[info.dtype];
    if (!convert) {
      const wanted = Object.keys(TO_FLOAT32).join(', ');
      throw refusal(info.file, name, `is ${info.dtype}, where floats are wanted (${wanted})`);
    }
    const size = DTYPE_BITS[info.dtype] / 8;
    if (info.dtype === 'F32') {
      this.readInto(
        name,
        new Uint8Array(target.buffer, target.byteOffset, target.byteLength),
        4 * from,
      );
      return;
    }
    for (let i = 0; i < target.length; i += CHUNK) {
      const part = target.subarray(i, i + CHUNK);
      const bytes = new ArrayBuffer(part.length * size);
      this.readInto(name, new Uint8Array(bytes), (from + i) * size);
      convert(bytes, part);
    }
  }

  /**
   * A tensor of dtype I32, I64 or U8, row by row, [product of the shape].
   * @throws InputError when there is no such tensor, it has another dtype, a 64-bit number does
   *   not fit into 32 bits, or it can't be read whole
   */
  readInt32(name: string): Int32Array {
    const tensor = this.locate(name);
    const { info } = tensor;
    if (info.dtype === 'I32') return new Int32Array(this.readBytes(name).buffer as ArrayBuffer);
    if (info.dtype !== 'I64' && info.dtype !== 'U8') {
      throw refusal(info.file, name, `is ${info.dtype}, where integers are wanted`);
    }
    const size = DTYPE_BITS[info.dtype] / 8;
    const out = new Int32Array(allocate(info, (info.byteLength / size) * 4));
    const scratch = new Uint8Array(Math.min(CHUNK, out.length) * size);
    for (let i = 0; i < out.length; i += CHUNK) {
      const part = scratch.subarray(0, Math.min(CHUNK, out.length - i) * size);
      readFully(tensor, part, i * size);
      if (info.dtype === 'U8') out.set(part, i);
      else narrow(info, new Int32Array(part.buffer, 0, part.length / 4), out, i);
    }
    return out;
  }

  /** Closes the files; reading is over then. Closing again does nothing. */
  close(): void {
    for (const { fd } of this.shards) fs.closeSync(fd);
    this.shards = [];
  }

  private locate(name: string): Located {
    if (!this.shards.length) throw new Error(`${this.source} has been closed.`);
    const tensor = this.located.get(name);
    if (!tensor) throw refusal(this.source, name, 'is missing');
    return tensor;
  }
}

/** Names and texts from a file, fit for a terminal: control characters escaped, not too long. */
function quote(value: unknown): string {
  const text = (JSON.stringify(value) ?? String(value)).replace(
    /[\u007f-\u009f]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

function refusal(file: string, tensor: string, what: string): InputError {
  return new InputError(`${file}: tensor ${quote(tensor)} ${what}.`);
}

function allocate(info: TensorInfo, bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch {
    throw refusal(info.file, info.name, `takes ${bytes} bytes, more than can be had here`);
  }
}

/** Fills `target` from a file, from `position` on; returns how many bytes there were. */
function readAt(file: string, fd: number, target: Uint8Array, position: number): number {
  let done = 0;
  try {
    while (done < target.length) {
      const wanted = Math.min(IO_BYTES, target.length - done);
      const got = fs.readSync(fd, target, done, wanted, position + done);
      if (!got) break;
      done += got;
    }
  } catch (error) {
    throw new InputError(`${file}: cannot be read (${(error as Error).message}).`);
  }
  return done;
}

function readFully({ info, fd, position }: Located, target: Uint8Array, offset: number) {
  if (readAt(info.file, fd, target, position + offset) === target.length) return;
  throw refusal(info.file, info.name, 'is cut off: the file was shortened after it was opened');
}

/** 64-bit integers as pairs of 32-bit words, the lower first → out[start…]. */
function narrow(info: TensorInfo, pairs: Int32Array, out: Int32Array, start: number) {
  for (let i = 0; 2 * i < pairs.length; i++) {
    const low = pairs[2 * i];
    const high = pairs[2 * i + 1];
    if (high !== low >> 31) {
      const value = (BigInt(high) << 32n) | BigInt(low >>> 0);
      throw refusal(info.file, info.name, `holds ${value} at ${start + i}, beyond 32 bits`);
    }
    out[start + i] = low;
  }
}

/** Opens a regular file: a pipe or a device could block for ever. */
function openRegular(file: string): { fd: number; size: number } {
  const stat = statOf(file);
  if (!stat?.isFile()) throw new InputError(`${file}: ${stat ? 'is not a file' : 'no such file'}.`);
  try {
    return { fd: fs.openSync(file, 'r'), size: stat.size };
  } catch (error) {
    throw new InputError(`${file}: cannot be opened (${(error as Error).message}).`);
  }
}

function statOf(file: string): fs.Stats | undefined {
  try {
    return fs.statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    throw new InputError(`${file}: cannot be opened (${(error as Error).message}).`);
  }
}

function openShard(file: string): Shard {
  const { fd, size } = openRegular(file);
  try {
    const length = new Uint8Array(8);
    if (readAt(file, fd, length, 0) < 8) {
      throw new InputError(`${file}: ${size} bytes are too few for a safetensors file.`);
    }
    const headerLength = Number(new DataView(length.buffer).getBigUint64(0, true));
    if (headerLength > MAX_HEADER_BYTES || headerLength > size - 8) {
      throw new InputError(
        `${file}: says that its header has ${headerLength} bytes; the file has ${size} bytes, and a header at most ${MAX_HEADER_BYTES}. It is cut off, or not safetensors.`,
      );
    }
    const bytes = new Uint8Array(headerLength);
    if (readAt(file, fd, bytes, 8) < headerLength) {
      throw new InputError(`${file}: was shortened while it was read.`);
    }
    const header = parseObject(file, 'header', bytes, 3);
    const metadata = parseMetadata(file, header);
    const tensors = Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(([name, value]) => parseTensor(file, name, value));
    checkRanges(file, tensors, size - 8 - headerLength);
    for (const tensor of tensors)
      Object.assign(tensor, { fd, position: tensor.position + 8 + headerLength });
    return { fd, metadata, tensors };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

function parseObject(file: string, what: string, bytes: Uint8Array, maxDepth: number): Json {
  const refuse = (why: string) => new InputError(`${file}: its ${what} ${why}.`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refuse('is not UTF-8');
  }
  if (!text.startsWith('{')) throw refuse('is not a JSON object');
  const problem = scan(text, maxDepth);
  if (problem) throw refuse(problem);
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw refuse(`is not JSON (${quote((error as Error).message)})`);
  }
}

/**
 * What JSON.parse would not mind: a key given twice (the last would win), and nesting or numbers of
 * values that take gigabytes once parsed. JSON that is otherwise broken is left to JSON.parse.
 */
function scan(text: string, maxDepth: number): string | undefined {
  const keys = Array.from({ length: maxDepth + 1 }, () => new Set<string>());
  let depth = 0;
  let values = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '{' || c === '[' || c === ',') {
      if (++values > MAX_HEADER_VALUES) return `has more than ${MAX_HEADER_VALUES} values`;
      if (c === ',') continue;
      if (++depth > maxDepth) return 'is nested deeper than the format is';
      keys[depth] = new Set();
    } else if (c === '}' || c === ']') {
      depth = Math.max(0, depth - 1);
    } else if (c === '"') {
      const start = i++;
      while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
      let next = i + 1;
      while (next < text.length && ' \t\n\r'.includes(text[next])) next++;
      if (text[next] !== ':') continue;
      const key = unescaped(text.slice(start, i + 1));
      if (keys[depth].has(key)) return `has the key ${quote(key)} twice`;
      keys[depth].add(key);
    }
  }
  return undefined;
}

function unescaped(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return JSON.parse(literal);
  } catch {
    return literal;
  }
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

function parseMetadata(file: string, header: Json): Record<string, string> {
  const metadata = header.__metadata__ ?? {};
  if (!isObject(metadata)) throw new InputError(`${file}: its __metadata__ is not an object.`);
  const wrong = Object.entries(metadata).find(([, value]) => typeof value !== 'string');
  if (!wrong) return metadata as Record<string, string>;
  throw new InputError(
    `${file}: its __metadata__ has something else than text at ${quote(wrong[0])}.`,
  );
}

/** One entry of the header; its position is still counted from where the data begin. */
function parseTensor(file: string, name: string, value: unknown): Located {
  const refuse = (what: string) => refusal(file, name, what);
  if (!isObject(value)) throw refuse('is not described by an object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BITS, dtype)) {
    const known = Object.keys(DTYPE_BITS).join(', ');
    throw refuse(`has dtype ${quote(dtype)}; only ${known} are read`);
  }
  const byteLength = sizeOf(dtype as Dtype, shape);
  if (byteLength === undefined) throw refuse(`has shape ${quote(shape)}, which is not possible`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw refuse(`has data_offsets ${quote(offsets)}, which are not two positions`);
  }
  if (offsets[1] - offsets[0] !== byteLength) {
    throw refuse(
      `takes ${byteLength} bytes (${dtype}, shape ${quote(shape)}), but its data_offsets are ${quote(offsets)}`,
    );
  }
  const info = { name, dtype: dtype as Dtype, shape: shape as number[], byteLength, file };
  return { info, position: offsets[0], fd: -1 };
}

/**
 * Bytes of a tensor; undefined when `shape` is no shape, one of more bits than can be counted, or
 * one that does not end with a byte (dtypes of 4 and 6 bits are packed).
 */
function sizeOf(dtype: Dtype, shape: unknown): number | undefined {
  if (!Array.isArray(shape)) return undefined;
  let bits = DTYPE_BITS[dtype];
  for (const n of shape) {
    if (!isCount(n)) return undefined;
    bits *= n;
    if (!isCount(bits)) return undefined;
  }
  return bits % 8 ? undefined : bits / 8;
}

/** Sorts by position. The tensors must fill the data without overlap, gap or rest, as the format says. */
function checkRanges(file: string, tensors: Located[], dataBytes: number) {
  const end = ({ info, position }: Located) => position + info.byteLength;
  tensors.sort((a, b) => a.position - b.position || end(a) - end(b));
  let reached = 0;
  let previous = '';
  for (const tensor of tensors) {
    const { name } = tensor.info;
    if (end(tensor) > dataBytes) {
      throw refusal(
        file,
        name,
        `ends at byte ${end(tensor)} of the data, but there are only ${dataBytes}: the file is cut off, or lies`,
      );
    }
    if (tensor.position < reached) throw refusal(file, name, `overlaps tensor ${quote(previous)}`);
    if (tensor.position > reached) {
      throw refusal(file, name, `comes after ${tensor.position - reached} bytes of no tensor`);
    }
    reached = end(tensor);
    previous = name;
  }
  if (reached < dataBytes) {
    throw new InputError(`${file}: ${dataBytes - reached} bytes at its end belong to no tensor.`);
  }
}

/** Reads the index and opens its shards; what each holds must be what the index says. */
function openShards(dir: string, index: string, mayDiffer: (name: string) => boolean): Shard[] {
  const map = parseIndex(index);
  const shards: Shard[] = [];
  try {
    const found = new Set<string>();
    for (const name of new Set(map.values())) {
      const file = path.join(dir, name);
      if (!fs.existsSync(file))
        throw new InputError(`${index}: its shard ${quote(name)} is missing.`);
      const shard = openShard(file);
      shards.push(shard);
      for (const { info } of shard.tensors) {
        if (map.get(info.name) !== name && !mayDiffer(info.name)) {
          throw refusal(
            file,
            info.name,
            `does not belong here: ${index} has it ${map.has(info.name) ? `in ${quote(map.get(info.name))}` : 'nowhere'}`,
          );
        }
        if (found.has(info.name)) throw refusal(file, info.name, 'stands in two shards');
        found.add(info.name);
      }
    }
    for (const [name, shard] of map) {
      if (!found.has(name) && !mayDiffer(name))
        throw refusal(path.join(dir, shard), name, `is missing: ${index} has it there`);
    }
    return shards;
  } catch (error) {
    for (const { fd } of shards) fs.closeSync(fd);
    throw error;
  }
}

/** Tensor name → name of its shard. */
function parseIndex(index: string): Map<string, string> {
  const { fd, size } = openRegular(index);
  let bytes: Uint8Array;
  try {
    if (size > MAX_HEADER_BYTES) throw new InputError(`${index}: is too large (${size} bytes).`);
    bytes = new Uint8Array(size);
    bytes = bytes.subarray(0, readAt(index, fd, bytes, 0));
  } finally {
    fs.closeSync(fd);
  }
  const { weight_map: map } = parseObject(index, 'text', bytes, 16);
  if (!isObject(map)) throw new InputError(`${index}: has no "weight_map".`);
  const entries = Object.entries(map);
  if (!entries.length) throw new InputError(`${index}: its "weight_map" is empty.`);
  for (const [name, shard] of entries) {
    // Plain names only: an index must not be able to point outside of its folder.
    if (typeof shard !== 'string' || /^\.{0,2}$|[/\\:\0]/.test(shard)) {
      throw refusal(
        index,
        name,
        `is said to be in ${quote(shard)}, which is not a plain file name`,
      );
    }
  }
  return new Map(entries as [string, string][]);
}

/**
 * Writes a .safetensors file, whole or not at all: under another name first, then renamed.
 * @param file replaced if it is there; its folder must exist
 * @param tensors by name. Float32Array for F32, BF16 and F16 (rounded to nearest, ties to even),
 *   Int32Array for I32 and I64, Uint8Array for U8 and BOOL, or for any dtype its bytes as they are
 * @param metadata goes to `__metadata__`
 * @throws InputError naming file and tensor when data, dtype and shape don't fit, or when the file
 *   can't be written
 */
export function writeSafetensors(
  file: string,
  tensors: Record<string, TensorData>,
  metadata?: Record<string, string>,
): void {
  const header = Object.entries(tensors);
  for (const [name, tensor] of header) {
    if (!isObject(tensor)) throw refusal(file, name, 'is not described by an object');
    checkTensor(file, name, tensor);
  }
  // Wide elements first, and so every tensor of whole bytes lies at a multiple of its element size.
  header.sort(([, a], [, b]) => DTYPE_BITS[b.dtype] - DTYPE_BITS[a.dtype]);
  let end = 0;
  const entries = header.map(([name, { dtype, shape }]): [string, unknown] => {
    const start = end;
    end += sizeOf(dtype, shape)!;
    return [name, { dtype, shape, data_offsets: [start, end] }];
  });
  if (metadata) {
    parseMetadata(file, { __metadata__: metadata });
    entries.unshift(['__metadata__', metadata]);
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_HEADER_BYTES) {
    throw new InputError(
      `${file}: would need a header of ${length} bytes; the format ends at ${MAX_HEADER_BYTES}.`,
    );
  }
  const prefix = new Uint8Array(8 + length).fill(0x20);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(length), true);
  prefix.set(json, 8);
  replaceFile(file, (fd) => {
    writeFully(fd, prefix);
    for (const [, tensor] of header) writeTensor(fd, tensor);
  });
}

function checkTensor(file: string, name: string, { dtype, shape, data }: TensorData) {
  const refuse = (what: string) => refusal(file, name, what);
  if (name === '__metadata__') throw refuse('has the name that the format keeps for metadata');
  if (!Object.hasOwn(DTYPE_BITS, dtype)) throw refuse(`has the unknown dtype ${quote(dtype)}`);
  const bytes = sizeOf(dtype, shape);
  if (bytes === undefined) throw refuse(`has shape ${quote(shape)}, which is not possible`);
  const raw = data instanceof Uint8Array;
  const floats = data instanceof Float32Array && ['F32', 'F16', 'BF16'].includes(dtype);
  const integers = data instanceof Int32Array && ['I32', 'I64'].includes(dtype);
  if (!raw && !floats && !integers) {
    throw refuse(
      `is to be ${dtype}, but its data are ${data ? `a ${data.constructor.name}` : data}`,
    );
  }
  const wanted = raw ? bytes : (8 * bytes) / DTYPE_BITS[dtype];
  if (data.length !== wanted) {
    throw refuse(`has ${data.length} elements; ${dtype} of shape ${quote(shape)} has ${wanted}`);
  }
}

function writeTensor(fd: number, { dtype, data }: TensorData) {
  const asIs = data instanceof Uint8Array || dtype === 'F32' || dtype === 'I32';
  if (asIs) {
    writeFully(fd, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return;
  }
  for (let i = 0; i < data.length; i += CHUNK) {
    const part = data.subarray(i, i + CHUNK);
    let stored: Uint16Array | Int32Array;
    if (part instanceof Float32Array) {
      stored = dtype === 'BF16' ? float32ToBf16(part) : float32ToFloat16(part);
    } else {
      stored = new Int32Array(2 * part.length);
      for (let j = 0; j < part.length; j++) {
        stored[2 * j] = part[j];
        stored[2 * j + 1] = part[j] >> 31;
      }
    }
    writeFully(fd, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
  }
}

function writeFully(fd: number, bytes: Uint8Array) {
  let done = 0;
  while (done < bytes.length) {
    done += fs.writeSync(fd, bytes, done, Math.min(IO_BYTES, bytes.length - done));
  }
}

/** After a crash at any moment the file is the old one or the new one. */
function replaceFile(file: string, write: (fd: number) => void) {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const fd = fs.openSync(temporary, 'w');
    try {
      write(fd);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, file);
    syncFolder(path.dirname(file));
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw new InputError(`${file}: cannot be written (${(error as Error).message}).`);
  }
}

/** Makes the new name last through a loss of power, where the system lets a folder be opened. */
function syncFolder(dir: string) {
  let fd: number | undefined;
  try {
    fd = fs.openSync(dir, 'r');
    fs.fsyncSync(fd);
  } catch {
    // Windows does not; the file itself is safe already.
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}
