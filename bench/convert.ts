/**
 * How fast 16-bit floats are converted, alone and while a file is read:
 *
 *     npx ts-node bench/convert.ts
 *
 * GB/s of input bytes, of output bytes beside it (1 GB = 10^9 bytes); medians of several runs, the
 * first ones, in which the code is compiled and memory is touched for the first time, left out.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { runAsProgram } from '../src/util/script';
import {
  bf16ToFloat32,
  type Dtype,
  float16ToFloat32,
  float32ToBf16,
  float32ToFloat16,
  Safetensors,
  writeSafetensors,
} from '../weights/safetensors';

const ELEMENTS = 2 ** 24;
const RUNS = 9;

function medianSeconds(run: () => void): number {
  const seconds: number[] = [];
  for (let i = 0; i < RUNS + 2; i++) {
    const begun = performance.now();
    run();
    if (i >= 2) seconds.push((performance.now() - begun) / 1000);
  }
  return seconds.sort((a, b) => a - b)[RUNS >> 1];
}

function report(what: string, inBytes: number, outBytes: number, run: () => void) {
  const seconds = medianSeconds(run);
  const rate = (bytes: number) => (bytes / seconds / 1e9).toFixed(2).padStart(6);
  console.log(`${what.padEnd(28)} ${rate(inBytes)} GB/s in  ${rate(outBytes)} GB/s out`);
}

function main() {
  const halves = new Uint16Array(ELEMENTS);
  const floats = new Float32Array(ELEMENTS);
  // Numbers as weights are: normal with a small deviation, so that tables are hit as they would be.
  for (let i = 0; i < ELEMENTS; i++) {
    floats[i] = 0.03 * (Math.random() + Math.random() + Math.random() - 1.5);
  }

  console.log(`${ELEMENTS} elements, ${os.cpus()[0]?.model}, Node ${process.version}`);
  const n = ELEMENTS;
  report('F32 → BF16', 4 * n, 2 * n, () => float32ToBf16(floats, halves));
  const wide = new Float32Array(n);
  report('BF16 → F32', 2 * n, 4 * n, () => bf16ToFloat32(halves, wide));
  report('F32 → F16', 4 * n, 2 * n, () => float32ToFloat16(floats, halves));
  report('F16 → F32', 2 * n, 4 * n, () => float16ToFloat32(halves, wide));

  // The output is allocated anew at each reading, and the file comes from the system's cache.
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-bench-')), 'x.safetensors');
  try {
    for (const dtype of ['BF16', 'F16', 'F32'] as Dtype[]) {
      writeSafetensors(file, { x: { dtype, shape: [n], data: floats } });
      const open = Safetensors.open(file);
      const inBytes = open.tensors.get('x')!.byteLength;
      report(`${dtype} file → F32`, inBytes, 4 * n, () => open.readFloat32('x'));
      open.close();
    }
  } finally {
    fs.rmSync(path.dirname(file), { recursive: true });
  }
}

runAsProgram(module, {}, main);
