/** The prompts that the experiments ask the tiny model: what they need to hold for a fair figure. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { followLoose, followStrict, parseInstruction } from '../../../ifeval';
import { seededRandom } from '../../../src/util/random';
import { answer, neutral, spanish } from '../../../weights/tiny/answers';
import { FORMATS } from '../../../weights/tiny/instructions';
import {
  type InstructionRow,
  promptFiles,
  type QuestionRow,
} from '../../../weights/tiny/promptRows';
import { OPTIONS, QUESTIONS } from '../../../weights/tiny/questions';
import { BODIES } from '../../../weights/tiny/sentences';
import { CATEGORIES, KEYWORDS, TOPICS } from '../../../weights/tiny/topics';

const folder = path.join(__dirname, '../../..', 'weights', 'tiny', 'prompts');
const read = (name: string) => fs.readFileSync(path.join(folder, name), 'utf8');
const lines = <Row>(name: string): Row[] =>
  read(name)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const format = lines<InstructionRow>('format.jsonl');
const include = lines<InstructionRow>('keywords_include.jsonl');
const exclude = lines<InstructionRow>('keywords_exclude.jsonl');
const all = [...format, ...include, ...exclude];
const learnt = new Set<string>(CATEGORIES.flatMap((category) => TOPICS[category].train));

const parse = ({ instruction_id_list: [id], kwargs }: InstructionRow) =>
  parseInstruction(id, kwargs[0]);

test('the committed files are those of the generator', () => {
  const files = promptFiles();
  assert.equal(fs.readdirSync(folder).sort(), Object.keys(files).sort());
  for (const [name, content] of Object.entries(files)) {
    assert.is(read(name), content, `npx ts-node weights/tiny/corpus.ts --prompts ${folder}`);
  }
});

test('no topic to evaluate is one to learn from, in any file', () => {
  for (const rows of [lines<QuestionRow>('questions.jsonl'), format, include, exclude]) {
    rows.forEach(({ key, topic, split, prompt }, i) => {
      assert.is(key, i);
      assert.is(learnt.has(topic), split !== 'eval', prompt);
      assert.ok(prompt.includes(topic));
    });
    assert.is(new Set(rows.map(({ prompt }) => prompt)).size, rows.length, 'no prompt twice');
    const topics = new Set(rows.filter(({ split }) => split === 'eval').map(({ topic }) => topic));
    assert.is(topics.size, 32, 'every held-out topic');
  }
});

test('base queries: enough of both splits, the last ones to evaluate', () => {
  const rows = lines<QuestionRow>('questions.jsonl');
  assert.ok(rows.filter(({ split }) => split === 'train').length >= 60);
  assert.ok(rows.slice(-40).every(({ split }) => split === 'eval'));
});

test('a prompt is its question and one instruction of IFEval', () => {
  for (const row of all) {
    const { prompt, prompt_without_instruction: question, category, kwargs } = row;
    assert.ok(prompt.startsWith(`${question} `), prompt);
    assert.is(row.instruction_id_list.length, 1);
    assert.is(kwargs.length, 1);
    assert.type(parse(row).check, 'function');
    for (const value of Object.values(kwargs[0]).flat()) {
      const digits = ['', 'one', 'two', 'three'][value as number] ?? value;
      const inPrompt = prompt.includes(String(value)) || prompt.includes(digits);
      assert.ok(inPrompt || value === 'es' || value === 'at least', `${prompt}: ${value}`);
    }
    const { open, closed } = QUESTIONS[category];
    const pattern = (wording: string) => wording.replaceAll('{t}', row.topic) === question;
    const wordings = row.prompt.includes(OPTIONS[0]) ? closed : [open];
    assert.ok(wordings.some(({ train, heldout }) => [...train, ...heldout].some(pattern)));
  }
});

test('formats: 24 rows of each to learn from and 12 to evaluate, half in new wordings', () => {
  const families = ['detectable_format', 'language', 'change_case', 'punctuation', 'startend'];
  const expected = Object.keys(FORMATS).filter((id) => families.includes(id.split(':')[0]));
  const ids = [...new Set(format.map(({ instruction_id_list: [id] }) => id))];
  assert.equal([...ids].sort(), expected.sort());
  for (const id of ids) {
    const rows = format.filter(({ instruction_id_list }) => instruction_id_list[0] === id);
    const evaluated = rows.filter(({ split }) => split === 'eval');
    assert.is(rows.length, 36);
    assert.is(evaluated.length, 12);
    assert.is(new Set(rows.map(({ kwargs }) => JSON.stringify(kwargs))).size, 1);
    const asks = (row: InstructionRow, wordings: readonly string[]) => {
      const instruction = row.prompt.slice(row.prompt_without_instruction.length + 1);
      return wordings.some((wording) => {
        const around = wording.split(/\{\w\}/);
        return instruction.startsWith(around[0]) && instruction.endsWith(around.at(-1)!);
      });
    };
    const { train, heldout } = FORMATS[id];
    assert.ok(rows.every((row) => row.split === 'eval' || asks(row, train)));
    assert.is(evaluated.filter((row) => asks(row, heldout)).length, 6, id);
  }
});

test('plain answers obey no row; answers that were made for it obey', () => {
  const rng = seededRandom(1);
  for (const row of all) {
    const { instruction_id_list: ids, kwargs, category, topic, prompt } = row;
    const [id] = ids;
    const instruction = parse(row);
    for (let i = 0; i < 5; i++) {
      const plain = neutral(rng, category, topic);
      assert.not.ok(followLoose(instruction, plain).followed, `${prompt} -> ${plain}`);
    }
    const made =
      id === 'language:response_language'
        ? spanish(rng, category)
        : id === 'detectable_format:constrained_response'
          ? OPTIONS[0]
          : answer(rng, category, topic, [{ id, kwargs: kwargs[0] }]);
    const { followed, evidence } = followStrict(instruction, made);
    assert.ok(followed, `${prompt} -> ${made}: ${evidence}`);
  }
});

test('keywords: the words of the lists, each evaluated as often as the others', () => {
  const wordOf = ({ kwargs: [{ keywords, forbidden_words }] }: InstructionRow) =>
    (keywords ?? forbidden_words)![0];
  const list = (name: string) => read(name).trimEnd().split('\n');
  const words = (rows: InstructionRow[], split: string) =>
    rows.filter((row) => row.split === split).map(wordOf);
  assert.equal([...new Set(include.map(wordOf))], list('keywords_include.txt'));
  assert.equal([...new Set(exclude.map(wordOf))], list('keywords_exclude.txt'));

  const asked = list('keywords_include.txt');
  assert.equal(words(include, 'validation'), asked);
  assert.equal(words(include, 'eval'), [...asked, ...asked]);

  const heldout = CATEGORIES.flatMap((category) => TOPICS[category].heldout);
  const anchors = CATEGORIES.flatMap((category) => BODIES[category].anchors);
  assert.equal(words(exclude, 'eval').sort(), [...heldout, ...anchors].sort());
  assert.is(words(exclude, 'validation').length, 24);
  for (const row of include) {
    const word = wordOf(row);
    assert.ok(KEYWORDS.includes(word));
    assert.not.ok(row.prompt_without_instruction.includes(word), row.prompt);
  }
});

test.run();
