/** How programs end whose output nobody reads, or that can't be written. */
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../../src/util/random';
import { testFullDisk } from '../../where';

const root = path.join(__dirname, '../../..');

/** Runs `node` with words in a shell's line; the exit code is that of the first program. */
function shell(words: string, rest: string) {
  const line = `${process.execPath} -r ts-node/register ${words} ${rest}; exit \${PIPESTATUS[0]}`;
  return spawnSync('bash', ['-c', line], { cwd: root, encoding: 'utf8' });
}

/** Writes for ever, unless it is stopped. */
const endless = `-e "
  require('./src/util/program').watchOutput();
  setInterval(() => process.STREAM.write('x'.repeat(1000)), 1);"`;

test('nobody reads: the end, at once and without a word', () => {
  for (const [stream, rest] of [
    ['stdout', '| head -c 1 > /dev/null'],
    ['stderr', '2>&1 > /dev/null | head -c 1 > /dev/null'],
  ]) {
    const { status, stderr } = shell(endless.replace('STREAM', stream), rest);
    assert.equal([status, stderr], [141, ''], stream);
  }
});

/** Where the system has a disk that is always full. */

testFullDisk('a full disk: a message and code 2, for output; none for messages', () => {
  const once = `-e "
    require('./src/util/program').watchOutput();
    console.STREAM('x');"`;
  const out = shell(once.replace('STREAM', 'log'), '> /dev/full');
  assert.is(out.status, 2);
  assert.is(out.stderr, "Can't write to standard output: the disk is full.\n");
  assert.is(shell(once.replace('STREAM', 'error'), '2> /dev/full').status, 0);
});

const dryRun = 'experiments/length/evaluate.ts --dry-run';

test('nobody reads what an experiment prints', () => {
  const closed = shell(dryRun, '| true');
  assert.is(closed.status, 141, closed.stderr);
  assert.not.match(closed.stderr, /EPIPE|\n {4}at /);
});

testFullDisk('the output of an experiment or a download, on a full disk', () => {
  for (const words of [dryRun, 'weights/download.ts --help']) {
    const full = shell(words, '> /dev/full');
    assert.is(full.status, 2, words);
    assert.match(full.stderr, /Can't write to standard output: the disk is full\.\n$/);
  }
});

test('a seed is a whole number', () => {
  assert.is(seededRandom(7)(), seededRandom(7)());
  assert.is.not(seededRandom(7)(), seededRandom(8)());
  for (const seed of [Number.NaN, 0.5, Infinity, '1' as unknown as number]) {
    assert.throws(() => seededRandom(seed), /not a whole number/);
  }
});

test.run();
