/** Rows of data files as they may not be: refused with file, row and reason, never a crash. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadWords } from '../../../../experiments/keywords/parts/data';
import { loadKeywordPhrasings } from '../../../../experiments/keywords/parts/vectors';
import { answerRows } from '../../../../experiments/shared/answers/answering';
import { loadInstructionRows } from '../../../../experiments/shared/data/instructionRows';
import { loadQuestions } from '../../../../experiments/shared/data/questions';
import type { Session } from '../../../../experiments/shared/session';
import { RunFolder } from '../../../../src/runs/runFolder';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-rows-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

function write(content: string | Buffer, name = 'rows.jsonl'): string {
  const file = path.join(temp, name);
  fs.writeFileSync(file, content);
  return file;
}

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.is((error as Error).name, 'InputError', (error as Error).stack);
    return (error as Error).message;
  }
  throw new Error('not refused');
}

const row = {
  prompt: 'Why? Use no commas.',
  prompt_without_instruction: 'Why?',
  instruction_id_list: ['punctuation:no_comma'],
  kwargs: [{}],
};
const rowsWith = (change: object) => {
  const file = write(`${JSON.stringify(row)}\n${JSON.stringify({ ...row, ...change })}\n`);
  return loadInstructionRows(file, { checked: true });
};

test('a byte order mark is no part of the first row', () => {
  const text = `\ufeff${JSON.stringify(row)}\n`;
  assert.is(loadInstructionRows(write(text), { checked: true }).length, 1);
  assert.is(loadQuestions(write(text)).length, 1);
  const words = write('\ufefftea\n', 'words.txt');
  assert.equal(loadWords('.', [], words), ['tea']);
  const phrasings = write('\ufeffinclude: ["Use {w}."]\nexclude: ["No {w}."]\n', 'p.yaml');
  assert.equal(loadKeywordPhrasings(phrasings).include, ['Use {w}.']);
});

test('values of other kinds are named', () => {
  const cases: [object, RegExp][] = [
    [{ key: { toString: 1 } }, /row 2: its key is \{"toString":1\}, not text or a number/],
    [{ key: [1] }, /row 2: its key/],
    [{ key: true }, /row 2: its key/],
    [{ split: 5 }, /row 2: its split is 5, not text/],
    [{ kwargs: [null] }, /row 2: its kwargs are \[null\], not a list of objects/],
    [{ kwargs: [[]] }, /row 2: its kwargs/],
    [{ kwargs: 'x' }, /row 2: its kwargs/],
    [{ instruction_id_list: [{ toString: 1 }] }, /row 2: its instructions are .*not a list of ids/],
    [{ instruction_id_list: [null] }, /row 2: its instructions/],
    [{ single_instruction_id: 5 }, /row 2: its instructions are 5/],
    [{ prompt: { toString: 1 } }, /row 2: no text in "prompt"/],
  ];
  for (const [change, message] of cases)
    assert.match(
      refusal(() => rowsWith(change)),
      message,
    );
  for (const key of [null, 1, 1.5, 'a|b', '']) assert.is(rowsWith({ key }).length, 2);
  const question = (key: unknown) => loadQuestions(write(JSON.stringify({ key, prompt: 'Why?' })));
  assert.match(
    refusal(() => question({ toString: 1 })),
    'row 1: its key',
  );
  assert.is(question(7)[0].key, '7');
});

test('words of other kinds are named', () => {
  const words = (kwargs: unknown) =>
    loadWords('.', [], write(JSON.stringify({ kwargs }), 'w.jsonl'));
  assert.match(
    refusal(() => words([null])),
    'row 1: its kwargs are [null]',
  );
  assert.match(
    refusal(() => words([{ keywords: [{ toString: 1 }] }])),
    'which is no text',
  );
  assert.equal(words([{ keywords: ['tea'] }]), ['tea']);
});

test('bytes that are no text are refused', () => {
  assert.match(
    refusal(() => loadQuestions(write(Buffer.from([0x7b, 0xff, 0x7d])))),
    'not text in UTF-8',
  );
});

test('two planned rows of one id would share an answer: refused', async () => {
  const run = RunFolder.open(path.join(temp, 'run'), {});
  const planned = { id: 'a', prompt: 'Why?', edits: [] };
  let message = '';
  await answerRows({} as Session, run, [planned, { ...planned, prompt: 'Who?' }], {
    batchSize: 1,
    maxNewTokens: 1,
    vectors: [],
    toRow: ({ id }) => ({ id }),
  }).catch((error: Error) => {
    message = error.message;
  });
  run.close();
  assert.match(message, 'Two rows are called a');
});

test.run();
