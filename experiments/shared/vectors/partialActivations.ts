import * as fs from 'node:fs';
import * as path from 'node:path';
import { describeFailures } from '../../../src/runs/runFolder';
import { makeFolder } from '../../../src/util/files';
import { hashOf } from '../provenance';

/** The beginning of a file; the rest may be gigabytes. */
function firstBytes(file: string, count: number): Buffer {
  const handle = fs.openSync(file, 'r');
  const bytes = Buffer.alloc(count);
  const read = fs.readSync(handle, bytes);
  fs.closeSync(handle);
  return bytes.subarray(0, read);
}

/** Activations of the batches so far, on disk: what a run that was killed goes on with. */
export class PartialActivations {
  private constructor(
    private readonly file: string,
    private readonly head: number,
  ) {}

  /**
   * Opens the file for a computation, or starts it anew when it belongs to another one.
   * @param identity all that the activations and their order depend on
   */
  static open(file: string, identity: unknown): PartialActivations {
    const head = Buffer.from(`${hashOf(identity)}\n`);
    describeFailures(path.dirname(file), () => {
      if (fs.existsSync(file) && firstBytes(file, head.length).equals(head)) return;
      makeFolder(path.dirname(file));
      fs.writeFileSync(file, head);
    });
    return new PartialActivations(file, head.length);
  }

  /**
   * The rows of whole batches.
   * @param sizes of all batches, in rows
   * @param width numbers in a row
   */
  read(sizes: number[], width: number): Float32Array[][] {
    const bytes = fs.readFileSync(this.file).subarray(this.head);
    const rows = Math.floor(bytes.length / 4 / width);
    let whole = 0;
    const batches: Float32Array[][] = [];
    for (const size of sizes) {
      if (whole + size > rows) break;
      batches.push(
        Array.from({ length: size }, (_, i) => {
          const at = (whole + i) * width * 4;
          return new Float32Array(Uint8Array.from(bytes.subarray(at, at + width * 4)).buffer);
        }),
      );
      whole += size;
    }
    fs.truncateSync(this.file, this.head + whole * width * 4);
    return batches;
  }

  append(rows: Float32Array[]): void {
    const bytes = rows.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength));
    describeFailures(path.dirname(this.file), () =>
      fs.appendFileSync(this.file, Buffer.concat(bytes), { flush: true }),
    );
  }

  remove(): void {
    fs.rmSync(this.file, { force: true });
  }
}
