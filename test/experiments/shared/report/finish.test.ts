/** A finished run whose report can not be written stays finished, and nothing of it is silent. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { write } from '../../../../experiments/shared/report/finish';
import { groupedBars } from '../../../../src/report/charts';
import { type Loaded, load, PACKAGES } from '../../../../src/report/draw/drawing';
import type { Report } from '../../../../src/report/types';
import { InputError } from '../../../../src/util/errors';
import { testDrawing } from '../../../where';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-finish-'));
const page = path.join(folder, 'report.html');
test.after(() => fs.rmSync(folder, { recursive: true }));

const spec = groupedBars([{ group: 'a', series: 'b', value: 1 }], { axis: { title: 'c' } });
const reportOf = (more: object): Report => ({
  ...{ title: 'Length', summary: 'All.', runs: [] },
  sections: [{ title: 'T', figures: [{ id: 'f', title: 'F', caption: 'C', spec, ...more }] }],
});

async function ends(build: () => Report, loading?: () => Promise<Loaded>) {
  const { error } = console;
  const said: unknown[] = [];
  console.error = (what: unknown) => said.push(what);
  const done = await write(folder, build, loading);
  console.error = error;
  const code = process.exitCode;
  process.exitCode = undefined;
  return { done, code, said };
}

test('results that can not be read for it: their reason in one line, exit code 2', async () => {
  const refused = () => {
    throw new InputError('r/out.jsonl has no rows.');
  };
  assert.equal(await ends(refused), {
    ...{ done: false, code: 2 },
    said: [
      `report.html is not written; the results in ${folder} are kept. r/out.jsonl has no rows.`,
    ],
  });
});

test('without what draws: what to install, and the page all the same', async () => {
  const gone = () => import('no-such-package' as string);
  const { done, code, said } = await ends(
    () => reportOf({}),
    () => load({ ...PACKAGES, vega: gone }),
  );
  assert.equal([done, code, said.length], [true, undefined, 1]);
  assert.match(String(said[0]), 'npm install --include=optional vega');
  assert.match(fs.readFileSync(page, 'utf8'), 'npm install --include=optional vega');
});

testDrawing('a warning of vega is a defect: said with its stack, exit code 1', async () => {
  const before = fs.readFileSync(page, 'utf8');
  const x = { field: 'a', type: 'quantitative' };
  const odd = { data: { values: [{ a: 1 }] }, mark: 'bar', encoding: { x, shape: x } };
  const { done, code, said } = await ends(() => reportOf({ spec: odd }));
  assert.equal([done, code, said.length], [false, 1, 2]);
  assert.match(String(said[0]), `the results in ${folder} are kept. `);
  assert.instance(said[1], Error);
  assert.is(fs.readFileSync(page, 'utf8'), before);
});

test('a page that can not be replaced: why, exit code 2', async () => {
  fs.rmSync(page, { force: true });
  fs.mkdirSync(page);
  const { done, code, said } = await ends(() => ({ ...reportOf({}), sections: [] }));
  assert.equal([done, code, said.length], [false, 2, 1]);
  assert.match(String(said[0]), `kept. Can't write ${page}: it is a folder`);
});

test.run();
