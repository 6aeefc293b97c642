/** What is peculiar to the authors' augmented file of format prompts. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadFormatRows } from '../../experiments/format/parts/rows';
import { testWhere } from '../where';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-augmented-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

type Json = Record<string, unknown>;

function load(rows: Json[], checked = true) {
  const file = path.join(temp, 'rows.jsonl');
  fs.writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'));
  const { log } = console;
  const said: string[] = [];
  console.log = (text: string) => said.push(text);
  try {
    return { rows: loadFormatRows(file, { checked }), said: said.join('\n') };
  } finally {
    console.log = log;
  }
}

const capitals = (uid: number, asked: string, query = 'Write about soup.') => ({
  uid,
  key: 1,
  prompt: 'Rephrase: ...',
  model_output: `${query} ${asked}`,
  prompt_without_instruction: query,
  single_instruction_id: 'change_case:capital_word_frequency',
  kwargs: [{}],
});

test('how many words in capitals a row asks for is read from its prompt', () => {
  const bounds: [string, string, number][] = [
    ['Shout at least 7 times.', 'at least', 7],
    ['Shout no less than 7 times.', 'at least', 7],
    ['Shout more than 7 times.', 'at least', 8],
    ['Shout 7 words or more.', 'at least', 7],
    ['Shout less than 7 times.', 'less than', 7],
    ['Shout Fewer than 7 times.', 'less than', 7],
    ['Shout at most 7 times.', 'less than', 8],
    ['Shout no more than 7 times.', 'less than', 8],
    ['Shout up to 7 words.', 'less than', 8],
  ];
  const { rows, said } = load(bounds.map(([asked], uid) => capitals(uid, asked)));
  assert.is(said, '');
  assert.equal(
    rows.map(({ prompt, instructions: [{ kwargs }] }) => [
      prompt.replace('Write about soup. ', ''),
      kwargs.capital_relation,
      kwargs.capital_frequency,
    ]),
    bounds,
  );
});

test('a bound of the query is not the one asked for; where there is none, the row is left out', () => {
  const query = 'Write at least 300 words about soup.';
  const clear = capitals(1, 'Shout less than 3 words.', query);
  const { rows, said } = load([
    capitals(0, 'Shout some words.', query),
    clear,
    capitals(2, 'Shout at least 2 words, at most 3 times each.'),
  ]);
  assert.equal(
    rows.map(({ key, instructions }) => [key, instructions[0].kwargs.capital_frequency]),
    [['1', 3]],
  );
  assert.match(
    said,
    /2 rows can't be checked \(the first: row 1, .*capital_frequency is missing\)/,
  );
  // Vectors need no arguments.
  assert.is(load([capitals(0, 'Shout some words.'), clear], false).rows.length, 2);
  // What the kwargs say counts.
  const given = {
    ...clear,
    kwargs: [{ capital_frequency: 9, capital_relation: 'at least' }],
  };
  assert.is(load([given]).rows[0].instructions[0].kwargs.capital_frequency, 9);
  // Other files are refused, as before.
  const { single_instruction_id: id, ...other } = clear;
  const plain = { ...other, prompt: 'Write about soup. Shout.', instruction_id_list: [id] };
  assert.throws(() => load([plain]), /row 1: .*capital_frequency is missing/);
});

const authors = path.join(__dirname, '../../../shared/data/authors/phi-3');
const withAuthors = testWhere(fs.existsSync(authors), `${authors} is not here`);

withAuthors("the authors' rows: all of them can be checked", () => {
  const lines = fs.readFileSync(path.join(authors, 'layer_search_no_instr.jsonl'), 'utf8');
  const all = lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Json);
  const once = [...new Map(all.map((row) => [row.uid, row])).values()];
  const { rows, said } = load(once);
  assert.is(said, '');
  assert.is(rows.length, 115);
  // Read by us, from the ends of their prompts.
  const bounds = { 320: 20, 945: 2, 1620: 11, 2120: 20, 6095: 10, 6620: 3, 12295: 15, 12870: 10 };
  const found = rows
    .filter(({ id }) => id === 'change_case:capital_word_frequency')
    .map(({ key, instructions }) => [key, instructions[0].kwargs.capital_frequency]);
  assert.equal(Object.fromEntries(found), bounds);
});

test.run();
