/** Rows of data files as they may not be: refused with file, row and reason, never a crash. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadFormatRows } from '../../../../experiments/format/parts/rows';
import { loadKeywordRows, loadWords } from '../../../../experiments/keywords/parts/data';
import { loadKeywordPhrasings } from '../../../../experiments/keywords/parts/vectors';
import { answerRows } from '../../../../experiments/shared/answers/answering';
import { loadInstructionRows } from '../../../../experiments/shared/data/instructionRows';
import { loadQuestions, readJsonl } from '../../../../experiments/shared/data/questions';
import type { Session } from '../../../../experiments/shared/session';
import { RunFolder } from '../../../../src/runs/runFolder';
import { refusal } from '../../../refusal';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-rows-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

function write(content: string | Buffer, name = 'rows.jsonl'): string {
  const file = path.join(temp, name);
  fs.writeFileSync(file, content);
  return file;
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

/** As in the authors' augmented file: a query (`key`) with one instruction or another. */
const augmented = (uid: unknown, id: string, kwargs: object) => ({
  uid,
  key: 1000,
  prompt: 'Put this into the question: ...',
  model_output: `Why? ${id}`,
  prompt_without_instruction: 'Why?',
  single_instruction_id: id,
  instruction_id_list: ['punctuation:no_comma', 'detectable_format:title'],
  kwargs: [kwargs],
});
const writeRows = (rows: unknown[]) => write(rows.map((one) => JSON.stringify(one)).join('\n'));

test('rows of the augmented file: told apart by uid, their prompt is what the model wrote', () => {
  const file = writeRows([
    augmented(5, 'language:response_language_sw', { language: 'sw' }),
    augmented(6, 'detectable_format:title', {}),
    // Of other families, as the authors name them: left out before anything about them is checked.
    augmented(7, 'keywords:frequency_at least', { relation: 'at least' }),
    augmented(null, 'punctuation:no_comma', {}),
  ]);
  const { log } = console;
  let said = '';
  console.log = (text: string) => (said += text);
  const rows = loadFormatRows(file, { checked: true });
  console.log = log;
  assert.equal(
    rows.map(({ key, id, prompt }) => [key, id, prompt]),
    [
      ['5', 'language:response_language_sw', 'Why? language:response_language_sw'],
      ['6', 'detectable_format:title', 'Why? detectable_format:title'],
      ['1000', 'punctuation:no_comma', 'Why? punctuation:no_comma'],
    ],
  );
  assert.equal(rows[0].instructions[0].id, 'language:response_language');
  assert.match(said, /^Left out of .*: 1 rows are not about format\.$/);
});

test('an identity that comes twice is refused, by the field that it is in', () => {
  const title = (uid: unknown) => augmented(uid, 'detectable_format:title', {});
  const load = (...uids: unknown[]) =>
    refusal(() => loadInstructionRows(writeRows(uids.map(title)), { checked: true }));
  assert.match(load(5, 6, 5), 'row 3: uid 5 comes twice');
  assert.match(load(5, '5'), 'row 2: uid 5 comes twice');
  assert.match(load(null, null), 'row 2: key 1000 comes twice');
  assert.match(load({}), 'row 1: its uid is {}, not text or a number');
  const question = (uid: unknown, key: unknown) => ({ uid, key, prompt: 'Why?' });
  const questions = (...rows: object[]) => loadQuestions(writeRows(rows)).map(({ key }) => key);
  assert.equal(questions(question(0, 7), question(1, 7), question(undefined, 7)), ['0', '1', '7']);
  assert.match(
    refusal(() => questions(question(3, 1), question(3, 2))),
    'row 2: uid 3 comes twice',
  );
  // Rows about words may share the key of their query, but no uid.
  const words = (uid: unknown, word: string) => ({
    ...row,
    uid,
    key: 1,
    instruction_id_list: ['keywords:existence'],
    kwargs: [{ keywords: [word] }],
  });
  const keyword = (...rows: object[]) => loadKeywordRows(writeRows(rows), 'existence');
  assert.is(keyword(words(null, 'a'), words(null, 'b')).length, 2);
  assert.match(
    refusal(() => keyword(words(1, 'a'), words(1, 'b'))),
    'row 2: uid 1 comes twice',
  );
});

test('base queries where rows are needed: one message, not one for every line', () => {
  const file = writeRows([{ prompt: 'Why?' }, { prompt: 'Who?' }]);
  const message = refusal(() => loadFormatRows(file, { checked: true }));
  assert.match(message, /no row has "prompt_without_instruction".*data_path=<folder>/);
  assert.is(message.split('\n').length, 1);
});

test('outputs as Python writes them: NaN is nothing, infinite is a number', () => {
  const file = write('{"a": NaN, "b": "NaN, \\"Infinity", "c": [-Infinity, Infinity]}\n');
  assert.equal(readJsonl(file), [
    { a: null, b: 'NaN, "Infinity', c: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] },
  ]);
  const message = refusal(() => readJsonl(write('{"a": NaN}\n\n{"a": nan}\n')));
  assert.match(message, 'rows.jsonl, line 3: not a JSON object.');
  assert.match(
    refusal(() => readJsonl(write('NaN\n'))),
    'line 1: not a JSON object.',
  );
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
    editOf: (edit) => edit,
    toRow: ({ id }) => ({ id }),
  }).catch((error: Error) => {
    message = error.message;
  });
  run.close();
  assert.match(message, 'Two rows are called a');
});

test.run();
