import { createHash, type Hash } from 'node:crypto';
import * as fs from 'node:fs';

/** The checksum of a file as the Hub knows it. */
export interface Checksum {
  /** `sha256` of the bytes (large files), or git's id of a blob: sha1 of a header and the bytes. */
  kind: 'sha256' | 'git';
  hex: string;
}

/** The checksum that a name of the cache's `blobs` is; undefined for a name of another kind. */
export function checksumOfName(name: string): Checksum | undefined {
  if (/^[0-9a-f]{64}$/.test(name)) return { kind: 'sha256', hex: name };
  return /^[0-9a-f]{40}$/.test(name) ? { kind: 'git', hex: name } : undefined;
}

/** To be fed with the bytes of a file. @param size of the whole file */
export function startHash({ kind }: Checksum, size: number): Hash {
  return kind === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}

/** The checksum of bytes, in hex. @param like of which kind */
export const checksumOf = (bytes: Buffer, like: Checksum): string =>
  startHash(like, bytes.length).update(bytes).digest('hex');

/** Feeds a hash with an open file from its beginning; the number of bytes. */
export function hashFile(fd: number, hash: Hash): number {
  const block = Buffer.alloc(1 << 20);
  for (let size = 0; ; ) {
    const got = fs.readSync(fd, block, 0, block.length, size);
    if (!got) return size;
    hash.update(block.subarray(0, got));
    size += got;
  }
}

/** Whether a file is there (links are followed), of this checksum and, where it is given, size. */
export function isWhole(file: string, checksum: Checksum, size?: number): boolean {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile() || (size !== undefined && stat.size !== size)) return false;
  const hash = startHash(checksum, stat.size);
  const fd = fs.openSync(file, 'r');
  try {
    hashFile(fd, hash);
  } finally {
    fs.closeSync(fd);
  }
  return hash.digest('hex') === checksum.hex;
}
