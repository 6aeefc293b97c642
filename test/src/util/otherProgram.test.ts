/** Programs that take a while, and one that downloads as pip does. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mustRun, watchPip } from '../../../src/util/otherProgram';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-command-'));
test.after(() => fs.rmSync(folder, { recursive: true }));

test('what a command prints is returned; where it fails, its last lines are told', async () => {
  assert.is(await mustRun('Counting', 'sh', ['-c', 'echo 1; echo 2 >&2']), '1\n');
  for (const [command, reason] of [
    ['echo the reason >&2; exit 3', /^Counting failed: sh -c .*\n {2}the reason$/],
    ['kill -9 $$', /^Counting failed/],
  ] as const) {
    await mustRun('Counting', 'sh', ['-c', command]).then(
      () => assert.unreachable(),
      (error) => assert.match(error.message, reason),
    );
  }
  const missing = await mustRun('Counting', '/no/such/program', []).catch((error) => error.message);
  assert.match(missing, /Counting failed: .*ENOENT/s);
});

test('files that pip announces are followed as they grow', () => {
  const { write } = process.stderr;
  let shown = '';
  process.stderr.write = ((text: string) => {
    shown += text;
    return true;
  }) as typeof write;
  const grow = (name: string, bytes: number) =>
    fs.appendFileSync(path.join(folder, name), Buffer.alloc(bytes));
  try {
    const watch = watchPip(folder);
    assert.is(watch('Collecting big\n'), false);
    watch('  Downloading https://host/simple/big-1.0-py3-none-any.whl (2.0 MB)\n');
    grow('a', 500_000);
    assert.is(watch(''), true);
    assert.is(watch(''), false);
    grow('a', 1_500_000);
    watch('');
    watch('  Downloading small-1.0.whl.metadata (20 kB)\n  Downloading next-1.0.whl (1.0 MB)\n');
    fs.rmSync(path.join(folder, 'a'));
    watch('');
    grow('b', 1_000_000);
    watch('');
  } finally {
    process.stderr.write = write;
  }
  assert.match(shown, /^0 B\/2\.00 MB big-1\.0-py3-none-any\.whl$/m);
  assert.match(shown, /^2\.00 MB\/2\.00 MB big-1\.0-py3-none-any\.whl, /m);
  assert.match(shown, /^1\.00 MB\/1\.00 MB next-1\.0\.whl, /m);
});

test.run();
