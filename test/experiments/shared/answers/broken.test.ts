/** Answers that no effect can be read off, and what the closing words make of cells full of them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type FormatRow,
  computeCells as formatCells,
} from '../../../../experiments/format/parts/cells';
import { layerComparison } from '../../../../experiments/format/parts/tables';
import {
  bestCell,
  computeGrid,
  type KeywordRow,
  computeCells as keywordCells,
} from '../../../../experiments/keywords/parts/cells';
import { example } from '../../../../experiments/keywords/parts/tables';
import {
  type LengthRow,
  computeCells as lengthCells,
} from '../../../../experiments/length/parts/cells';
import { highlights } from '../../../../experiments/length/parts/tables';
import { isBroken } from '../../../../experiments/shared/answers/broken';

const cut = (response: string) => isBroken({ response, stopped: 'length' });

test('blank answers, and those of low perplexity, are broken', () => {
  assert.ok(isBroken({ response: '', stopped: 'stop' }));
  assert.ok(isBroken({ response: ' \n\t', stopped: 'stop' }, 50));
  assert.ok(isBroken({ response: 'Hm.', stopped: 'stop' }, 2.4));
  assert.not(isBroken({ response: 'Hm.', stopped: 'stop' }, 2.5));
  assert.not(isBroken({ response: 'Hm.', stopped: 'stop' }, null));
  assert.not(isBroken({ response: 'Hm.', stopped: 'stop' }, 1.6, 1.5));
});

test('an answer is broken that repeats one piece until the token limit', () => {
  assert.ok(cut('no no no no no no no n'));
  assert.not(cut('The cat sat down. And then the dog. And then the dog. And then the'));
  assert.ok(cut(`Well. ${'And then the dog barked. '.repeat(8)}And then`));
  assert.ok(cut(Array.from({ length: 30 }, (_, i) => `Day ${i + 1}:`).join('\n\n')));
  assert.ok(cut('🐈🐕'.repeat(20)));
  assert.ok(cut('!!!!!!!!'));
});

test('one that goes on, ends by itself, or repeats itself a little, is not', () => {
  const text =
    'First they went to the shore, then up the hill, and at noon they ate in the old inn';
  assert.not(cut(text));
  assert.not(cut(`${text} and said: ha ha ha ha ha`));
  assert.not(cut('So'));
  assert.not(isBroken({ response: 'ha ha ha ha ha ha ha ha', stopped: 'stop' }));
});

const SOUND = { response: 'So it is. And so on. And so forth.', stopped: 'stop' as const };
const EMPTY = { response: '', stopped: 'stop' as const };
const LOOP = { response: 'and '.repeat(40), stopped: 'length' as const };

type Answer = { response: string; stopped: 'stop' | 'length' };
const KEYS = ['a', 'b', 'c'];

/** Three answers at a weight. */
function lengthRows(steering: string, weight: number | null, sentences: number, answers: Answer[]) {
  return answers.map((answer, i) => ({
    ...{ id: [steering, weight, i].join(), key: KEYS[i], prompt: `Why ${KEYS[i]}?`, tokens: 9 },
    ...{
      instructed: false,
      steering,
      weight,
      weight_unit: weight && 'absolute',
      layer: weight && 3,
    },
    ...{ n_sent: 2, ok: true, sentences, ...answer },
  })) as LengthRow[];
}

const unsteered = lengthRows('none', null, 3, [SOUND, SOUND, SOUND]);
const words = (rows: LengthRow[], perplexities?: Map<string, number>) => {
  const all = [...unsteered, ...rows];
  return highlights(lengthCells(all, { perplexities }), all);
};

test('length: the greatest effect is never that of empty or repeating answers', () => {
  const small = lengthRows('add', 1, 2, [SOUND, SOUND, LOOP]);
  const greater = [EMPTY, LOOP].map((answer) => lengthRows('add', 9, 0, [answer, answer, SOUND]));
  for (const rows of greater) {
    const said = words([...small, ...rows]);
    assert.match(said, /add at weight 1: 3\.0 → 2\.0/);
    assert.not.match(said, 'weight 9');
  }
  const half = lengthRows('add', 9, 1, [SOUND, SOUND, EMPTY]);
  assert.match(words([...small, ...half]), /add at weight 9: 3\.0 → 1\.0/);
});

test('length: answers of low perplexity do not count either, where they were judged', () => {
  const small = lengthRows('add', 1, 2, [SOUND, SOUND, SOUND]);
  const great = lengthRows('add', 9, 1, [SOUND, SOUND, SOUND]);
  const rows = [...small, ...great];
  assert.match(words(rows), /add at weight 9/);
  const low = new Map(great.map(({ id }) => [id, 1.3]));
  assert.match(words(rows, low), /add at weight 1:/);
});

test('length: where all weights are like that, it is said', () => {
  const rows = [
    ...lengthRows('add', 1, 0, [EMPTY, EMPTY, EMPTY]),
    ...lengthRows('add', 9, 9, [LOOP, LOOP, SOUND]),
    ...lengthRows('adjust', 2, 1, [SOUND, SOUND, SOUND]),
  ];
  const lines = words(rows).split('\n');
  assert.is(lines[0], 'Without any instruction, add: most answers are empty or repeat themselves.');
  assert.match(lines[1], /adjust at weight 2: 3\.0 → 1\.0/);
  assert.not.match(words(rows), /^ {2}add/m);
});

function keywordRows(layer: number | null, answer: Answer, ok: boolean) {
  const steering = layer === null ? 'none' : 'add_vector';
  return KEYS.map((key) => ({
    ...{ id: [layer, key].join(), key, prompt: `Why ${key}?`, words: ['sea'], tokens: 9 },
    ...{ instructed: false, steering, weight: layer && 20, layer, ok, ...answer },
  })) as KeywordRow[];
}

test('keywords: a layer with mostly broken answers is not the best, even where unsteered ones are', () => {
  const rows = [
    ...keywordRows(null, LOOP, false),
    ...keywordRows(4, LOOP, true),
    ...keywordRows(6, SOUND, true),
  ];
  const sound = new Map(rows.map(({ id }) => [id, 30]));
  assert.is(bestCell(computeGrid(rows, sound, 2.5))?.layer, 6);
  const without = rows.filter(({ layer }) => layer !== 6);
  assert.is(bestCell(computeGrid(without, sound, 2.5)), undefined);
  const low = new Map(rows.map(({ id }) => [id, 2]));
  assert.is(bestCell(computeGrid(rows, low, 2.5)), undefined);
  assert.is(bestCell(computeGrid(rows, low, 1.5))?.layer, 6);
});

test('keywords: the example is not an answer that obeys by being empty', () => {
  const after = keywordRows(4, EMPTY, true);
  after[1] = { ...after[1], ...SOUND };
  const rows = [...keywordRows(null, SOUND, false), ...after];
  assert.match(example(keywordCells(rows), rows), /^For example, "Why b\?"/);
  after[1] = { ...after[1], ...EMPTY };
  const empty = [...keywordRows(null, SOUND, false), ...after];
  assert.match(example(keywordCells(empty), empty), /4 20: \(empty\)$/);
});

test('format: the best single layer is one with sound answers', () => {
  const rowsAt = (layers: number | 'selected' | null, answer: Answer, obey: number) =>
    KEYS.map((key, i) => ({
      ...{ id: [layers, key].join(), key, prompt: `Why ${key}?`, tokens: 9 },
      ...{ instructed: false, steering: layers === null ? 'none' : 'adjust_rs', weight: null },
      ...{ instruction_id: 'punctuation:no_comma', layers, layer: layers === null ? null : 2 },
      ...{ ok: i < obey, ...answer },
    })) as FormatRow[];
  const rows = [
    ...rowsAt(null, SOUND, 0),
    ...rowsAt('selected', SOUND, 2),
    ...rowsAt(2, SOUND, 1),
    ...rowsAt(4, EMPTY, 3),
  ];
  assert.match(layerComparison(formatCells(rows))[0], /best single layer 33\.3 %\.$/);
  const none = rows.filter(({ layers }) => layers !== 2);
  assert.match(
    layerComparison(formatCells(none))[0],
    /; most answers of each single layer are empty or repeat themselves\.$/,
  );
});

test.run();
