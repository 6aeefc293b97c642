/**
 * The safetensors format, as its README describes it (github.com/huggingface/safetensors): 8 bytes
 * little-endian length N, N bytes of JSON that names each tensor with dtype, shape and byte range,
 * then the bytes. A header is checked whole before anything is believed, tensors are read by
 * position one at a time, and a file that is broken or lies ends in one InputError naming it.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../src/util/errors';
import { bf16ToFloat32, float16ToFloat32, float32ToBf16, float32ToFloat16 } from './halfFloat';
import { quote, type TensorData } from './safetensors/dtypes';
import { safetensorsParts } from './safetensors/encode';
import {
  headerLength,
  MAX_HEADER_BYTES,
  parseHeader,
  parseIndex,
  ShardCheck,
} from './safetensors/header';
import { type Shard, TensorReader } from './safetensors/tensorReader';

export { type Dtype, isFloat, type TensorData, type TensorInfo } from './safetensors/dtypes';
export { bf16ToFloat32, float16ToFloat32, float32ToBf16, float32ToFloat16 };

/** Bytes per system call, well below the 2 GiB that one may move. */
const IO_BYTES = 1 << 28;

/** Tensors of a file on the disk, or of an index and its shards. Files stay open until `close`. */
export class Safetensors extends TensorReader {
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
    const start = new Uint8Array(8);
    const length = headerLength(file, start.subarray(0, readAt(file, fd, start, 0)), size);
    const bytes = new Uint8Array(length);
    if (readAt(file, fd, bytes, 8) < length) {
      throw new InputError(`${file}: was shortened while it was read.`);
    }
    return {
      ...parseHeader(file, bytes, size),
      read: (target, position) => readAt(file, fd, target, position),
      close: () => fs.closeSync(fd),
    };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

/** Reads the index and opens its shards; what each holds must be what the index says. */
function openShards(dir: string, index: string, mayDiffer: (name: string) => boolean): Shard[] {
  const map = parseIndex(index, readIndex(index));
  const check = new ShardCheck(index, map, mayDiffer);
  const shards: Shard[] = [];
  try {
    for (const name of new Set(map.values())) {
      const file = path.join(dir, name);
      if (!fs.existsSync(file))
        throw new InputError(`${index}: its shard ${quote(name)} is missing.`);
      const shard = openShard(file);
      shards.push(shard);
      check.add(name, file, shard.tensors);
    }
    check.done((name) => path.join(dir, name));
    return shards;
  } catch (error) {
    for (const shard of shards) shard.close();
    throw error;
  }
}

function readIndex(index: string): Uint8Array {
  const { fd, size } = openRegular(index);
  try {
    if (size > MAX_HEADER_BYTES) throw new InputError(`${index}: is too large (${size} bytes).`);
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, readAt(index, fd, bytes, 0));
  } finally {
    fs.closeSync(fd);
  }
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
  const parts = safetensorsParts(file, tensors, metadata);
  replaceFile(file, (fd) => {
    for (const part of parts) writeFully(fd, part);
  });
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
