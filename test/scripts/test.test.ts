import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { countTests, longestFirst, skippedLines } from '../../scripts/test';

test('the test runner counts what uvu reports, and a dead file as one failure', () => {
  const report = (total: number, passed: number, skipped: number) =>
    `•\n\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1.2ms\n\n`;
  assert.equal(countTests(report(5, 5, 1), 0), { passed: 5, failed: 0, skipped: 1 });
  assert.equal(countTests(report(5, 3, 0), 1), { passed: 3, failed: 2, skipped: 0 });
  assert.equal(countTests(report(5, 5, 0), 134), { passed: 5, failed: 1, skipped: 0 });
  assert.equal(countTests(report(0, 0, 0), 0), { passed: 0, failed: 1, skipped: 0 });
  assert.equal(countTests('Segmentation fault', null), { passed: 0, failed: 1, skipped: 0 });
});

test('what the runner shows of a file that passes: the tests that were skipped, and why', () => {
  const output = '• •\nSkipped: authors (shared is not here)\nnoise, skipped: no\n(skipped: x)\n';
  assert.equal(skippedLines(output), ['Skipped: authors (shared is not here)', '(skipped: x)']);
});

test('what took longest the last time runs first, after what never ran', () => {
  assert.equal(longestFirst(['a', 'b', 'c', 'd'], { a: 1, c: 2, d: 0.5 }), ['b', 'c', 'a', 'd']);
});

test('a source is compiled again when it changes, and stacks name its lines', () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-sources-')), 'a.ts');
  const hook = path.join(__dirname, '../../scripts/compiledOnce.cjs');
  const ending = (source: string) => {
    fs.writeFileSync(file, source);
    const args = ['--require', hook, '--require', 'ts-node/register', file];
    const { stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: path.join(__dirname, '../..'),
      env: { ...process.env, NODE_OPTIONS: '' },
      encoding: 'utf8',
    });
    return stdout || stderr;
  };
  const first = "console.log('one' satisfies string)";
  assert.equal([ending(first), ending(first)], ['one\n', 'one\n']);
  assert.is(ending("console.log('two' satisfies string)"), 'two\n');
  const thrower = "interface A {}\n\ninterface B {}\nthrow new Error('here');\n";
  for (let i = 0; i < 2; i++) assert.match(ending(thrower), /a\.ts:4:7/);
  fs.rmSync(path.dirname(file), { recursive: true });
});

test('tests that can not run are skipped with their reason, and none asserts the time it takes', () => {
  const folder = path.join(__dirname, '..');
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.test.ts') || name === path.join('scripts', 'test.test.ts')) continue;
    const text = fs.readFileSync(path.join(folder, name), 'utf8');
    assert.not.match(text, /\btest\.skip\b/, `${name}: testWhere of test/where.ts says why`);
    assert.not.match(text, /^ {2}if \(.*existsSync\(.*\) return;/m, `${name}: it would pass`);
    assert.not.match(text, /assert.*(performance|Date)\.now\(/, `${name}: see test/effort.ts`);
  }
});

test.run();
