/** What is read back of a file that was cut off or altered is what was written, or nothing. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PartialActivations } from '../../../../experiments/shared/vectors/partialActivations';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-partial-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

const WIDTH = 3;
const SIZES = [2, 2, 1];
const batches = SIZES.map((size, b) =>
  Array.from({ length: size }, (_, row) =>
    Float32Array.from({ length: WIDTH }, (_, i) => 100 * b + 10 * row + i + 0.5),
  ),
);
const file = path.join(temp, 'deep/x.partial');

function write(...some: Float32Array[][]): Buffer {
  fs.rmSync(file, { force: true });
  const partial = PartialActivations.open(file, 'one');
  for (const batch of some) partial.append(batch);
  return fs.readFileSync(file);
}

const readBack = (identity: unknown = 'one') =>
  PartialActivations.open(file, identity).read(SIZES, WIDTH);

test('batches come back, for the same computation only', () => {
  write(...batches);
  assert.equal(readBack(), batches);
  assert.equal(readBack('another'), []);
  assert.equal(readBack(), [], 'and the other one has begun anew');
});

test('cut anywhere, it goes on after the last whole batch, to the same bytes', () => {
  const whole = write(...batches);
  const [empty, one, two] = [[], batches.slice(0, 1), batches.slice(0, 2)];
  const ends = [empty, one, two, batches].map((some) => write(...some).length);
  for (let cut = ends[0]; cut <= whole.length; cut++) {
    fs.writeFileSync(file, whole.subarray(0, cut));
    const partial = PartialActivations.open(file, 'one');
    const done = partial.read(SIZES, WIDTH);
    const expected = ends.filter((end) => end <= cut).length - 1;
    assert.equal(done, batches.slice(0, expected), `cut at ${cut}`);
    assert.is(fs.statSync(file).size, ends[expected], 'the torn tail is gone');
    for (const batch of batches.slice(expected)) partial.append(batch);
    assert.equal(fs.readFileSync(file), whole, `cut at ${cut}`);
  }
});

test('an altered byte ends what is believed; so do batches out of turn, or of two writers', () => {
  const whole = write(...batches);
  const [start, first, second] = [[], batches.slice(0, 1), batches.slice(0, 2)].map(
    (some) => write(...some).length,
  );
  for (let at = start; at < whole.length; at++) {
    const altered = Buffer.from(whole);
    altered[at] ^= 1;
    fs.writeFileSync(file, altered);
    const sound = at < first ? 0 : at < second ? 1 : 2;
    assert.equal(readBack(), batches.slice(0, sound), `byte ${at}`);
  }
  const part = (from: number, to: number) => whole.subarray(from, to);
  for (const [parts, sound] of [
    [[part(0, first), part(start, first)], 1],
    [[part(0, start), part(first, second)], 0],
    [[part(0, first), part(start, first), part(first, second)], 1],
  ] as const) {
    fs.writeFileSync(file, Buffer.concat(parts));
    assert.equal(readBack(), batches.slice(0, sound));
  }
});

test('other sizes of batches are another division of the same rows', () => {
  write(...batches);
  assert.equal(PartialActivations.open(file, 'one').read([1, 2, 2], WIDTH), []);
});

test.run();
