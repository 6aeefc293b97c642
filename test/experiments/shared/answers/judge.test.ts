import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  checkPerplexities,
  judgeResponses,
  readPerplexities,
} from '../../../../experiments/shared/answers/judge';
import { meanNll, perplexityOf } from '../../../../src/engine/perplexity';
import { makeModel, openModel, quietly } from '../../helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-judge-'));
const judge = makeModel(path.join(temp, 'judge'));
const other = makeModel(path.join(temp, 'other'));
test.after(() => fs.rmSync(temp, { recursive: true }));
const folder = path.join(temp, 'run');
fs.mkdirSync(folder);

async function judged(
  rows: [id: string, response: string][],
  model = judge,
  compat: 'raw_perplexity'[] | null = null,
) {
  let perplexities: Awaited<ReturnType<typeof judgeResponses>>;
  await quietly(async () => {
    perplexities = await judgeResponses(
      folder,
      rows.map(([id, response]) => ({ id, response })),
      { perplexity_model: model, compat },
    );
  });
  return perplexities!;
}

/** By the judge, asked directly. */
async function perplexity(text: string): Promise<number> {
  const session = await openModel(judge);
  const [loss] = await meanNll(session.model, [session.tokenizer.encode(text)], { batchSize: 1 });
  return perplexityOf(loss)!;
}

const near = (a: number | null | undefined, b: number) =>
  assert.ok(typeof a === 'number' && Math.abs(a / b - 1) < 1e-3, `${a} for ${b}`);

test('responses are judged without the space around them; blank ones can not be', async () => {
  await openModel(judge);
  const all = await judged([
    ['a', '  It is so. \n'],
    ['b', 'It is so.'],
    ['c', ' '],
  ]);
  near(all.get('a'), await perplexity('It is so.'));
  assert.is(all.get('a'), all.get('b'));
  assert.is(all.get('c'), null);
  assert.equal(readPerplexities(folder, null), all);
});

test('compat=raw_perplexity judges the space around an answer too: endless blanks repeat', async () => {
  const rows: [string, string][] = [
    ['a', '  It is so. \n'],
    ['b', `It is so.${' '.repeat(60)}`],
    ['c', 'x'],
  ];
  const trimmed = await judged(rows);
  near(trimmed.get('a'), await perplexity('It is so.'));
  assert.is(trimmed.get('b'), trimmed.get('a'));
  const raw = await judged(rows, judge, ['raw_perplexity']);
  near(raw.get('a'), await perplexity('  It is so. \n'));
  near(raw.get('b'), await perplexity(rows[1][1]));
  assert.ok(raw.get('b') !== raw.get('a'));
  assert.equal([trimmed.get('c'), raw.get('c')], [null, null]);
  // The figures say what they are of.
  const named = rows.map(([id, response]) => ({ id, response }));
  checkPerplexities(folder, 'judge', named, ['paper']);
  assert.throws(
    () => checkPerplexities(folder, 'judge', named, null),
    /of other texts.*raw_perplexity.*compute_response_perplexity again/s,
  );
  assert.equal(await judged(rows), trimmed);
});

test('other responses under the same ids are judged anew', async () => {
  const rows: [string, string][] = [
    ['a', 'It is so.'],
    ['b', 'It is not.'],
  ];
  const all = await judged(rows);
  near(all.get('b'), await perplexity('It is not.'));
  assert.equal([...all.keys()], ['a', 'b']);
  assert.equal(await judged(rows), all);
});

test('several judges stand side by side, and are told apart by name', async () => {
  const before = readPerplexities(folder, 'judge');
  await judged([['a', 'It is so.']], other);
  assert.equal(readPerplexities(folder, 'judge'), before);
  assert.equal([...readPerplexities(folder, other)!.keys()], ['a']);
  assert.throws(
    () => readPerplexities(folder, null),
    /judged by judge and other\. Choose one: perplexity_model=judge/,
  );
  assert.is(readPerplexities(folder, 'none'), undefined);
});

test('another judge of the same name is refused', async () => {
  fs.appendFileSync(path.join(judge, 'config.json'), '\n');
  let message = '';
  await judged([
    ['a', 'It is so.'],
    ['b', 'It is not.'],
  ]).catch((error: Error) => {
    message = error.message;
  });
  assert.match(message, /judge_fingerprint: "\w+" there, "\w+" now/);
});

test.run();
