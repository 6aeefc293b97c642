import { InputError } from '../../src/util/errors';
import { CHUNK, DTYPE_BITS, isCount, refusal, type TensorInfo, TO_FLOAT32 } from './dtypes';
import { type Header, headerLength, type Located, parseHeader } from './header';

/** A file whose header was read. */
export interface Shard extends Header {
  /** Fills `target` from `position` on, and says how many bytes there were. */
  read(target: Uint8Array, position: number): number;
  close(): void;
}

/** Tensors of one file, or of several shards, wherever these lie. */
export class TensorReader {
  /** By name, in the order in which they lie in the file (shards in the order of the index). */
  readonly tensors = new Map<string, TensorInfo>();
  /** `__metadata__` of the file; of several shards together, the first to give a key counting. */
  readonly metadata: Record<string, string>;
  private readonly located = new Map<string, Located & { shard: Shard }>();

  /** @param source names them in errors: the file, or the folder */
  constructor(
    private readonly source: string,
    private shards: Shard[],
  ) {
    this.metadata = Object.fromEntries(
      shards.toReversed().flatMap((shard) => Object.entries(shard.metadata)),
    );
    for (const shard of shards) {
      for (const tensor of shard.tensors) {
        this.tensors.set(tensor.info.name, tensor.info);
        this.located.set(tensor.info.name, { ...tensor, shard });
      }
    }
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
    for (const shard of this.shards) shard.close();
    this.shards = [];
  }

  private locate(name: string): Located & { shard: Shard } {
    if (!this.shards.length) throw new Error(`${this.source} has been closed.`);
    const tensor = this.located.get(name);
    if (!tensor) throw refusal(this.source, name, 'is missing');
    return tensor;
  }
}

function allocate(info: TensorInfo, bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch {
    throw refusal(info.file, info.name, `takes ${bytes} bytes, more than can be had here`);
  }
}

function readFully(
  { info, shard, position }: Located & { shard: Shard },
  target: Uint8Array,
  offset: number,
) {
  if (shard.read(target, position + offset) === target.length) return;
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

/**
 * The tensors of a file that is in memory.
 * @throws InputError naming the file, and the tensor if it is about one
 */
export function tensorsIn(file: string, bytes: Uint8Array): TensorReader {
  const length = headerLength(file, bytes.subarray(0, 8), bytes.length);
  const header = parseHeader(file, bytes.subarray(8, 8 + length), bytes.length);
  const read = (target: Uint8Array, position: number) => {
    target.set(bytes.subarray(position, position + target.length));
    return target.length;
  };
  return new TensorReader(file, [{ ...header, read, close() {} }]);
}
