import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describeFailures } from '../../../src/runs/runFolder';
import { makeFolder } from '../../../src/util/files';
import { hashOf } from '../../../src/util/hash';
import type { KeptBatches } from '../../../src/vectors/activations';

/** Number and rows of a batch, and the beginning of the SHA-256 of what follows. */
const HEAD_BYTES = 16;

/**
 * Activations of the batches so far, on disk: what a run that was killed goes on with. Each batch has
 * its number and a checksum: what is cut off, out of turn or altered is thrown away with all after it.
 * Who writes holds a lock (see `computeDirections`).
 */
export class PartialActivations implements KeptBatches {
  /** Number of the batch that is written next. */
  private next = 0;

  private constructor(
    private readonly file: string,
    private readonly head: number,
  ) {}

  /**
   * Opens the file for a computation, or starts it anew when it belongs to another one.
   * @param identity all that the activations and their order depend on
   */
  static open(file: string, identity: unknown): PartialActivations {
    const head = Buffer.from(`batches of ${hashOf(identity)}\n`);
    describeFailures(path.dirname(file), () => {
      makeFolder(path.dirname(file));
      if (fs.existsSync(file) && readAt(file, 0, head.length).equals(head)) return;
      fs.writeFileSync(file, head);
    });
    return new PartialActivations(file, head.length);
  }

  /**
   * The rows of whole batches; `append` goes on after them.
   * @param sizes of all batches, in rows
   * @param width numbers in a row
   */
  read(sizes: number[], width: number): Float32Array[][] {
    const batches: Float32Array[][] = [];
    let at = this.head;
    for (const [number, size] of sizes.entries()) {
      const record = readAt(this.file, at, HEAD_BYTES + size * width * 4);
      const content = record.subarray(HEAD_BYTES);
      if (!record.subarray(0, HEAD_BYTES).equals(headOf(number, size, content))) break;
      if (content.length !== size * width * 4) break;
      batches.push(rowsOf(content, size));
      at += record.length;
    }
    fs.truncateSync(this.file, at);
    this.next = batches.length;
    return batches;
  }

  append(rows: Float32Array[]): void {
    const content = Buffer.concat(
      rows.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength)),
    );
    const record = Buffer.concat([headOf(this.next, rows.length, content), content]);
    describeFailures(path.dirname(this.file), () =>
      fs.appendFileSync(this.file, record, { flush: true }),
    );
    this.next++;
  }

  remove(): void {
    fs.rmSync(this.file, { force: true });
  }
}

function headOf(number: number, size: number, content: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(number, 0);
  head.writeUInt32LE(size, 4);
  const checksum = createHash('sha256').update(head.subarray(0, 8)).update(content).digest();
  checksum.copy(head, 8, 0, 8);
  return head;
}

function rowsOf(content: Buffer, size: number): Float32Array[] {
  const bytes = content.length / size;
  return Array.from({ length: size }, (_, i) => {
    const row = Uint8Array.from(content.subarray(i * bytes, (i + 1) * bytes));
    return new Float32Array(row.buffer);
  });
}

/** Up to so many bytes of a file; the rest may be gigabytes. */
function readAt(file: string, position: number, count: number): Buffer {
  const handle = fs.openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(count);
    let got = 0;
    for (let n = 1; n > 0 && got < count; got += n) {
      n = fs.readSync(handle, bytes, got, count - got, position + got);
    }
    return bytes.subarray(0, got);
  } finally {
    fs.closeSync(handle);
  }
}
