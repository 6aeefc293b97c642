import * as fs from 'node:fs';
import type { Response } from 'undici';
import { InputError } from '../../src/util/errors';
import { say, Transient, withRetries } from '../../src/util/retries';
import type { Checksum } from './checksum';
import { type Network, open } from './http';
import { PartFile, partSize } from './partFile';

/** A file to fetch. */
export interface RemoteFile {
  /** For messages. */
  name: string;
  url: string;
  headers: Record<string, string>;
  size: number;
  checksum: Checksum;
  /** What to throw for an answer that is no success and that no other attempt will change. */
  explain(response: Response): Error;
}

/** How many bytes of a file of `size` bytes are here, in its unfinished part. */
export function bytesHere(target: string, size: number): number {
  const part = partSize(partOf(target));
  return part > size ? 0 : part;
}

/**
 * Fetches a file to `target`. Until it is whole and its checksum is right it is called
 * `<target>.incomplete`; what is there of it, from this run or one before, is not fetched again.
 * @param onBytes told how many bytes came; a negative number where some have to come again
 * @throws Error when the network fails for good, or the bytes are not those of the checksum
 */
export async function fetchFile(
  remote: RemoteFile,
  target: string,
  network: Network,
  onBytes: (count: number) => void,
): Promise<void> {
  const part = PartFile.open(partOf(target), remote);
  try {
    const resumed = part.size > 0;
    await fillPart(remote, part, network, onBytes);
    if (resumed && part.checksum() !== remote.checksum.hex) {
      // The part that was here may be what is wrong.
      say(network, `${remote.name}: the checksum is wrong. Fetching it from the beginning.`);
      restart(part, onBytes);
      await fillPart(remote, part, network, onBytes);
    }
    const found = part.checksum();
    if (found !== remote.checksum.hex) {
      fs.rmSync(part.file);
      throw new Error(
        `${remote.name}: its checksum is ${found}, not ${remote.checksum.hex}: what came is not what was published. It was thrown away; try again, or ask who runs ${new URL(remote.url).host}.`,
      );
    }
  } finally {
    part.close();
  }
  fs.renameSync(part.file, target);
}

const partOf = (target: string) => `${target}.incomplete`;

function restart(part: PartFile, onBytes: (count: number) => void) {
  onBytes(-part.size);
  part.clear();
}

async function fillPart(
  remote: RemoteFile,
  part: PartFile,
  network: Network,
  onBytes: (count: number) => void,
) {
  let furthest = part.size;
  await withRetries(remote.name, network, async () => {
    try {
      await continuePart(remote, part, network, onBytes);
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      // Drops would go on for ever: they are no progress.
      const progress = part.size >= furthest + (network.leastBytes ?? 1);
      furthest = Math.max(furthest, part.size);
      throw new Transient(error.message, { ...error.options, progress });
    }
  });
}

/** One request for the bytes that are missing. */
async function continuePart(
  remote: RemoteFile,
  part: PartFile,
  network: Network,
  onBytes: (count: number) => void,
) {
  if (part.size === remote.size) return;
  // Compressed, a range would count other bytes than those on the disk.
  const headers: Record<string, string> = { ...remote.headers, 'Accept-Encoding': 'identity' };
  if (part.size) headers.Range = `bytes=${part.size}-`;
  const { response, chunks, discard } = await open(remote.url, headers, network);
  const misplaced = response.status === 206 && rangeStart(response) !== part.size;
  if (response.status === 416 || misplaced) {
    discard();
    restart(part, onBytes);
    throw new Transient('the server has no such range');
  }
  if (!response.ok) {
    discard();
    const { host } = new URL(response.url);
    // The links to storage that the Hub redirects to expire; the next request gets a new one.
    if (response.status === 403 && host !== new URL(remote.url).host) {
      throw new Transient(`${host} answers 403`);
    }
    throw remote.explain(response);
  }
  // Servers may ignore a range and send all.
  if (response.status === 200 && part.size) restart(part, onBytes);
  for await (const chunk of chunks()) {
    if (part.size + chunk.length > remote.size) {
      restart(part, onBytes);
      throw new Error(
        `${remote.name}: more came than the ${remote.size} bytes announced. It was thrown away; try again later.`,
      );
    }
    write(part, chunk);
    onBytes(chunk.length);
  }
  if (part.size < remote.size) {
    throw new Transient(`it ended after ${part.size} of ${remote.size} bytes`);
  }
}

function write(part: PartFile, chunk: Uint8Array) {
  try {
    part.append(chunk);
  } catch (error) {
    throw new InputError(
      `${part.file} cannot be written (${(error as Error).message}). Make room and run the command again: it goes on from here.`,
    );
  }
}

/** `Content-Range: bytes 100-199/200` → 100. */
function rangeStart(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? -1);
}
