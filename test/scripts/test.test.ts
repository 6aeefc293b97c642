import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { countTests, skippedLines } from '../../scripts/test';

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
