import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Progress } from '../../../src/util/progress';
import { duration, formatBytes } from '../../../src/util/units';

test('progress: a bar on a terminal, few plain lines elsewhere, rate without resumed items', () => {
  let now = 0;
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  const progress = new Progress('rows', 100, { already: 50, stream, now: () => now });
  for (let i = 0; i < 10; i++) {
    now += 1000;
    progress.add(2);
  }
  assert.is(progress.text(), '70/100 rows, 2.0/s, 15 s left');
  progress.end();
  assert.is(lines.length, 3, 'a line at the start, at 5 s and at 10 s, which is the end');
  assert.not.match(lines.join(''), '\r');

  const shown: string[] = [];
  const terminal = { isTTY: true, columns: 60, write: (line: string) => shown.push(line) };
  const bar = new Progress('rows', 4, { stream: terminal, now: () => now });
  now += 2000;
  bar.add(2);
  bar.end();
  assert.ok(shown.every((line) => line.startsWith('\r[') || line === '\n'));
  assert.match(shown[1], '██');
  assert.ok(shown[1].length <= 60 + '\r\x1b[K'.length);
});

test('progress in bytes', () => {
  let now = 0;
  const stream = { write: () => {} };
  const options = { already: 1e9, bytes: true, stream, now: () => now };
  const progress = new Progress('', 5.23e9, options);
  assert.is(progress.text(), '1.00 GB/5.23 GB');
  now += 2000;
  progress.add(96.2e6);
  assert.is(progress.text(), '1.10 GB/5.23 GB, 48.1 MB/s, 1 min 26 s left');
});

test('amounts and durations for people', () => {
  assert.equal([0, 999, 1000, 12_345, 999_999, 1e6, 5e12].map(formatBytes), [
    '0 B',
    '999 B',
    '1.00 kB',
    '12.3 kB',
    '1000 kB',
    '1.00 MB',
    '5000 GB',
  ]);
  assert.equal([0, 59.2, 75, 3600, 7325].map(duration), [
    '0 s',
    '1 min 0 s',
    '1 min 15 s',
    '1 h 0 min',
    '2 h 2 min',
  ]);
});

test.run();
