import type { Hash } from 'node:crypto';
import * as fs from 'node:fs';
import { type Checksum, hashFile, startHash } from './checksum';

/**
 * A file on its way: bytes are appended, and counted into the checksum as they come. What an
 * earlier run left is read into the checksum first, so that it can go on from there.
 */
export class PartFile {
  /** Bytes so far. */
  size = 0;
  private hash: Hash;

  private constructor(
    readonly file: string,
    private readonly fd: number,
    private readonly wanted: { size: number; checksum: Checksum },
  ) {
    this.hash = this.freshHash();
  }

  static open(file: string, wanted: { size: number; checksum: Checksum }): PartFile {
    // What lies there under another name, or elsewhere, must not be written over.
    if (!isPart(file)) fs.rmSync(file, { force: true });
    const { O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW = 0 } = fs.constants;
    const fd = fs.openSync(file, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW);
    const part = new PartFile(file, fd, wanted);
    if (fs.fstatSync(part.fd).size > wanted.size) part.clear();
    part.size = hashFile(part.fd, part.hash);
    return part;
  }

  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(this.fd, bytes, at);
    this.hash.update(bytes);
    this.size += bytes.length;
  }

  /** Forgets all bytes. */
  clear(): void {
    fs.ftruncateSync(this.fd);
    this.size = 0;
    this.hash = this.freshHash();
  }

  /** The checksum of the bytes so far, in hex. */
  checksum(): string {
    return this.hash.copy().digest('hex');
  }

  /** Brings the bytes to the disk and closes the file. */
  close(): void {
    fs.fsyncSync(this.fd);
    fs.closeSync(this.fd);
  }

  private freshHash(): Hash {
    return startHash(this.wanted.checksum, this.wanted.size);
  }
}

/** The bytes that an unfinished file has; 0 for what is none: it won't be gone on with. */
export function partSize(file: string): number {
  return isPart(file) ? fs.lstatSync(file).size : 0;
}

/** A file that has this name alone: no link to another place, no second name of another file. */
function isPart(file: string): boolean {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  return Boolean(stat?.isFile() && stat.nlink === 1);
}
