/** Weights of a checkpoint that can't be read at once: fetched first, tensor by tensor. */
import {
  type Header,
  headerLength,
  MAX_HEADER_BYTES,
  parseHeader,
  parseIndex,
  ShardCheck,
} from '../../../weights/safetensors/header';
import { type Shard, TensorReader } from '../../../weights/safetensors/tensorReader';
import { mayDiffer } from '../../checkpoint/names';
import { SINGLE_WEIGHTS, WEIGHTS_INDEX } from '../../hub/modelFiles';
import { InputError } from '../../util/errors';
import { type ByteSource, PIECE } from './byteSource';
import type { SourceFolder } from './sourceFolder';

/** One file, of which nothing but the header is there until it is fetched. */
class FetchedShard implements Shard {
  readonly metadata: Header['metadata'];
  readonly tensors: Header['tensors'];
  private pieces: { from: number; bytes: Uint8Array }[] = [];

  constructor(
    private readonly source: ByteSource,
    header: Header,
  ) {
    this.metadata = header.metadata;
    this.tensors = header.tensors;
  }

  /** Fetches some of its tensors; neighbours together. */
  async fetch(names: Set<string>, onBytes: (count: number) => void): Promise<void> {
    const runs: { from: number; to: number }[] = [];
    for (const { info, position } of this.tensors) {
      if (!names.has(info.name) || this.pieceAt(position, info.byteLength)) continue;
      const to = position + info.byteLength;
      const last = runs.at(-1);
      if (last?.to === position && to - last.from <= PIECE) last.to = to;
      else runs.push({ from: position, to });
    }
    for (const { from, to } of runs) {
      const bytes = await this.source.read(from, to - from);
      this.pieces.push({ from, bytes });
      onBytes(bytes.length);
    }
  }

  read(target: Uint8Array, position: number): number {
    const piece = this.pieceAt(position, target.length);
    if (!piece) return 0;
    const at = position - piece.from;
    target.set(piece.bytes.subarray(at, at + target.length));
    return target.length;
  }

  close(): void {
    this.pieces = [];
  }

  private pieceAt(position: number, length: number) {
    return this.pieces.find(
      ({ from, bytes }) => from <= position && position + length <= from + bytes.length,
    );
  }
}

/** The weights of a folder, whole or in shards. */
export interface SourceWeights {
  /** The tensors; those that were fetched can be read. */
  open(): TensorReader;
  /** @param onBytes told of bytes as they come */
  fetch(tensors: string[], onBytes: (count: number) => void): Promise<void>;
}

/**
 * Opens weights as `Safetensors.openFolder` does.
 * @param prepare sees each file before anything is read of it
 * @throws InputError naming file and tensor
 */
export async function sourceWeights(
  folder: SourceFolder,
  prepare: (source: ByteSource) => Promise<ByteSource>,
): Promise<SourceWeights> {
  const single = await folder.open(SINGLE_WEIGHTS);
  const shards = single
    ? [await openShard(folder.pathOf(SINGLE_WEIGHTS), await prepare(single))]
    : await openShards(folder, prepare);
  return {
    open: () => new TensorReader(folder.place, shards),
    async fetch(tensors, onBytes) {
      const names = new Set(tensors);
      for (const shard of shards) await shard.fetch(names, onBytes);
    },
  };
}

async function openShard(file: string, source: ByteSource): Promise<FetchedShard> {
  const { size } = source;
  const length = headerLength(file, await source.read(0, 8), size);
  return new FetchedShard(source, parseHeader(file, await source.read(8, length), size));
}

async function openShards(
  folder: SourceFolder,
  prepare: (source: ByteSource) => Promise<ByteSource>,
): Promise<FetchedShard[]> {
  const index = folder.pathOf(WEIGHTS_INDEX);
  const source = await folder.open(WEIGHTS_INDEX);
  if (!source) {
    throw new InputError(
      `${folder.place}: has no weights (${SINGLE_WEIGHTS}, or ${WEIGHTS_INDEX} and shards).`,
    );
  }
  if (source.size > MAX_HEADER_BYTES) {
    throw new InputError(`${index}: is too large (${source.size} bytes).`);
  }
  const map = parseIndex(index, await (await prepare(source)).read(0, source.size));
  const check = new ShardCheck(index, map, mayDiffer);
  const shards: FetchedShard[] = [];
  for (const name of new Set(map.values())) {
    const file = folder.pathOf(name);
    const found = await folder.open(name);
    if (!found) throw new InputError(`${index}: its shard ${JSON.stringify(name)} is missing.`);
    const shard = await openShard(file, await prepare(found));
    check.add(name, file, shard.tensors);
    shards.push(shard);
  }
  check.done(folder.pathOf);
  return shards;
}
