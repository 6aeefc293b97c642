import { createHash, type Hash } from 'node:crypto';
import * as fs from 'node:fs';

/** The checksum of a file as the Hub knows it. */
export interface Checksum {
  /** `sha256` of the bytes (large files), or git's id of a blob: sha1 of a header and the bytes. */
  kind: 'sha256' | 'git';
  hex: string;
}

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
    const part = new PartFile(file, fs.openSync(file, 'a+'), wanted);
    if (fs.fstatSync(part.fd).size > wanted.size) part.clear();
    const block = Buffer.alloc(1 << 20);
    for (let got: number; ; part.size += got) {
      got = fs.readSync(part.fd, block, 0, block.length, part.size);
      if (!got) return part;
      part.hash.update(block.subarray(0, got));
    }
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
    const { size, checksum } = this.wanted;
    if (checksum.kind === 'sha256') return createHash('sha256');
    return createHash('sha1').update(`blob ${size}\0`);
  }
}
