/** From pairs to a steered answer on the command line; what a search chooses, keeps and refuses. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { followStrict, parseInstruction } from '../../../../ifeval';
import { loadVectors, openModel, saveVectors } from '../../../../src';
import { perplexitiesOf } from '../../../../src/language/perplexities';
import { median } from '../../../../src/util/statistics';
import { chooseSetting, type Score, usualLayers } from '../../../../src/vectors/search';
import { runHere } from '../runHere';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-search-'));
test.after(() => fs.rmSync(dir, { recursive: true }));
const place = (name: string, content = '') => {
  const file = path.join(dir, name);
  if (content) fs.writeFileSync(file, content);
  return file;
};
const examples = path.join(__dirname, '../../../../docs/examples/lowercase');
const example = (name: string) => path.join(examples, `${name}.jsonl`);
const vectors = place('lowercase.safetensors');
const record = place('lowercase.search.jsonl');
const search = (file: string, ...words: string[]) =>
  runHere(['vector', 'search', file, '--model', 'tiny-gemma2', ...words]);
const EVAL = ['--eval', example('eval')];
const LOWER = ['--check', 'change_case:english_lowercase'];
const FEW = ['--layers', '0,2', '--weights', '0.5x,1.5x', '--positions', 'last'];
const SHORT = ['--limit', '8', '--max-tokens', '64'];

test('make, search, generate: held-out answers are in lowercase, uninstructed, and read well', async () => {
  const made = await runHere([
    ...['vector', 'make', example('pairs'), '--model', 'tiny-gemma2', '--out', vectors],
    ...['--batch-size', '48'],
  ]);
  assert.is(made.code, 0, made.err);
  const before = tf.memory().numTensors;
  const { code, out, err } = await search(vectors, ...EVAL, ...LOWER, ...FEW, ...SHORT);
  assert.is(code, 0, `${out}${err}`);
  assert.is(tf.memory().numTensors, before);
  assert.match(out, /^ *unsteered? +– +– +0\.0 % +[\d.]+ +1\.00/m);
  assert.match(out, /perplexity by tiny-gpt2 \(the judge of the tiny models\)/);
  assert.match(out, /Written into .*: "lowercase" at layer 0, weight 1\.5x, positions last\./);
  const found = loadVectors(vectors);
  assert.equal(found.settings, {
    lowercase: { layer: 0, kind: 'add', weight: '1.5x', positions: 'last' },
  });
  assert.is(found.curves!.lowercase.length, 4);
  assert.is(fs.readFileSync(record, 'utf8').trimEnd().split('\n').length, 8 * 5);

  // Asked nothing but the question; the file says how it steers.
  const answers = await runHere([
    ...['generate', 'tiny-gemma2', '--prompts', example('held-out'), '--steer', vectors],
    ...['--compare', '--jsonl', '--max-tokens', '64'],
  ]);
  const rows = answers.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const textsOf = (wanted: boolean): string[] =>
    rows.filter(({ steered }) => steered === wanted).map(({ text }) => text.trim());
  const lower = parseInstruction('change_case:english_lowercase', {});
  const obeyed = textsOf(true).filter((text) => followStrict(lower, text).followed).length;
  assert.ok(obeyed / textsOf(true).length >= 0.8, `${obeyed} of ${textsOf(true).length}`);
  assert.not(textsOf(false).some((text) => followStrict(lower, text).followed));
  const judge = await openModel('tiny-gpt2');
  const medianOf = async (texts: string[]) =>
    median((await perplexitiesOf(judge, texts)).map(({ perplexity }) => perplexity!));
  const ratio = (await medianOf(textsOf(true))) / (await medianOf(textsOf(false)));
  judge.dispose();
  assert.ok(ratio < 1.5, String(ratio));
});

test('a killed search goes on after its answers; --json says what the file says', async () => {
  const copy = place('again.safetensors');
  fs.copyFileSync(vectors, copy);
  const lines = fs.readFileSync(record, 'utf8').trimEnd().split('\n');
  // 30 answers, one of them cut off.
  const kept = place('again.search.jsonl');
  fs.writeFileSync(kept, `${lines.slice(0, 29).join('\n')}\n${lines[29].slice(0, 20)}`);
  const words = [...EVAL, ...LOWER, ...FEW, ...SHORT, '--json'];
  const { code, out, err } = await search(copy, ...words);
  assert.is(code, 0, err);
  assert.match(err, /^29\/40 answers/);
  const now = fs.readFileSync(kept, 'utf8').trimEnd().split('\n');
  assert.equal([...now].sort(), [...lines].sort());
  const { chosen, tried, judge } = JSON.parse(out);
  assert.equal([chosen.layer, chosen.weight, chosen.obeyed, judge], [0, '1.5x', 1, 'tiny-gpt2']);
  assert.is(tried.length, 4);
  const { curves, provenance } = loadVectors(copy);
  assert.equal(curves, loadVectors(vectors).curves);
  const about = JSON.parse(provenance['search.lowercase']);
  assert.equal([about.rows, about.check], [8, ['change_case:english_lowercase']]);
});

test('where nothing is good enough, nothing is written, and the best is shown', async () => {
  const bytes = fs.readFileSync(vectors);
  const words = [...EVAL, ...FEW, ...SHORT];
  const strict = await search(vectors, ...words, ...LOWER, '--max-perplexity-ratio', '0.5');
  assert.is(strict.code, 1, strict.err);
  assert.match(
    strict.out,
    /No setting keeps its answers below 0\.5 times the unsteered perplexity; nothing was written\./,
  );
  assert.match(
    strict.out,
    /The best was layer 0, weight 1\.5x, positions last: 100\.0 % obeyed, 1\.\d\d times/,
  );
  const never = await search(vectors, ...words, '--contains', 'zzz', '--regex', '^x', '--json');
  assert.is(never.code, 1);
  assert.is(JSON.parse(never.out).chosen, null);
  assert.equal(fs.readFileSync(vectors), bytes);
});

test('a judge is taken from the folder that is named, whatever else has its name', async () => {
  const file = place('judged.safetensors');
  fs.copyFileSync(vectors, file);
  const one = ['--layers', '0', '--weights', '1.5x', '--positions', 'last', '--limit', '2'];
  const judged = async (...by: string[]) => {
    const words = [...EVAL, ...LOWER, ...one, '--max-perplexity-ratio', '9', '--json', ...by];
    const { code, out, err } = await search(file, ...words);
    assert.is(code, 0, err);
    return JSON.parse(out);
  };
  const folder = path.join(dir, 'my-judge');
  const tiny = path.join(__dirname, '../../../../weights/tiny-gpt2');
  fs.cpSync(tiny, folder, { recursive: true });
  const { judge, unsteered, tried } = await judged('--judge', folder, '--degenerate-below', '1.3');
  const usual = await judged();
  assert.equal([judge, unsteered, tried], ['my-judge', usual.unsteered, usual.tried]);
});

test('rows with instructions of their own; texts that must not be there; self as a judge', async () => {
  const prompts = ['How do I grow roses?', 'How can I learn chess?'];
  const lines = prompts.map((prompt) =>
    JSON.stringify({ prompt, key: 3, instruction_id_list: [LOWER[1]], kwargs: [{}] }),
  );
  const own = place('own.jsonl', `${lines.join('\n')}\n`);
  const words = ['--layers', '0', '--weights', '1.5x', '--positions', 'last', '--json'];
  const file = place('own.safetensors');
  fs.copyFileSync(vectors, file);
  const rows = await search(
    file,
    ...['--eval', own, ...words, '--judge', 'self', '--max-perplexity-ratio', '9'],
  );
  assert.equal([rows.code, JSON.parse(rows.out).judge], [0, 'self'], rows.err);
  const obeyedBy = async (...check: string[]) => {
    const { out } = await search(file, '--eval', own, ...words, ...check);
    return JSON.parse(out).unsteered.obeyed;
  };
  // The answers name what they are about.
  assert.is(await obeyedBy('--regex', 'ROSES|CHESS', '--regex-flags', 'i'), 1);
  assert.is(await obeyedBy('--regex', 'ROSES|CHESS'), 0);
  assert.is(await obeyedBy('--contains', 'roses'), 0.5);
  assert.is(await obeyedBy('--contains', 'e', '--not-contains', 'roses'), 0.5);
});

const score = (obeyed: number, perplexity: number | null, degenerate = 0): Score => ({
  ...{ obeyed, perplexity, degenerate },
});
const norms = [10, 30];
const choose = (scores: [number, number | string, Score][], unsteered = score(0, 2, 0.1)) => {
  const all = scores.map(([layer, weight, one]) => ({
    candidate: { layer, weight: weight as number, positions: 'all' as const },
    score: one,
  }));
  const normAt = (layer: number) => norms[layer];
  const { chosen } = chooseSetting(all, unsteered, { maxRatio: 1.5, normAt });
  return chosen && [chosen.candidate.layer, chosen.candidate.weight];
};
const choices: [string, Parameters<typeof choose>, unknown][] = [
  [
    'the most obeyed',
    [
      [
        [0, '1x', score(0.5, 2)],
        [1, '1x', score(0.9, 2.9)],
      ],
    ],
    [1, '1x'],
  ],
  [
    'never at the floor',
    [
      [
        [0, '1x', score(0.5, 2)],
        [1, '1x', score(0.9, 3)],
      ],
    ],
    [0, '1x'],
  ],
  [
    'never without a figure',
    [
      [
        [0, '1x', score(0.5, 2)],
        [1, '1x', score(0.9, null)],
      ],
    ],
    [0, '1x'],
  ],
  [
    'never more degenerate',
    [
      [
        [0, '1x', score(0.5, 2, 0.1)],
        [1, 2, score(0.9, 2, 0.2)],
      ],
    ],
    [0, '1x'],
  ],
  [
    'of equals, what adds less',
    [
      [
        [1, '1x', score(1, 2)],
        [0, '2x', score(1, 2.2)],
      ],
    ],
    [0, '2x'],
  ],
  [
    'in size',
    [
      [
        [0, -25, score(1, 2)],
        [0, '2x', score(1, 2)],
      ],
    ],
    [0, '2x'],
  ],
  [
    'then the lower perplexity',
    [
      [
        [0, 20, score(1, 2.2)],
        [0, '2x', score(1, 2)],
      ],
    ],
    [0, '2x'],
  ],
  ['none that gains nothing', [[[0, '1x', score(0.3, 2)]], score(0.3, 2)], undefined],
];
for (const [what, given, wanted] of choices) {
  test(`chooses ${what}`, () => assert.equal(choose(...given), wanted));
}

test('layers of deep models: every second from a fifth of the depth on', () => {
  const all = (n: number) => Array.from({ length: n }, (_, layer) => layer);
  assert.equal(usualLayers(all(8)), all(8));
  assert.equal(usualLayers(all(26)), [6, 8, 10, 12, 14, 16, 18, 20, 22, 24]);
});

const CHECKED = [...EVAL, ...LOWER];
const bad = place('bad.jsonl', '{"prompt": "a", "instruction_id_list": ["x:y"], "kwargs": [{}]}\n');
const uneven = place(
  'uneven.jsonl',
  '{"prompt": "a", "instruction_id_list": ["a", "b"], "kwargs": []}',
);
const unusable: [string[], RegExp][] = [
  [[vectors], /Give the prompts to try it with: --eval <eval>/],
  [[place('no.safetensors'), ...CHECKED], /no\.safetensors/],
  [[place('v.gguf'), ...CHECKED], /can't hold what is found: convert it/],
  [[vectors, ...EVAL], /eval\.jsonl, row 1 says not what its answers must be: give --check/],
  [
    [vectors, ...EVAL, '--check', 'change_case:english_lowercas'],
    /Did you mean "change_case:english_lowercase"/,
  ],
  [[vectors, ...EVAL, '--check', 'keywords:existence'], /keywords is missing/],
  [[vectors, ...EVAL, '--check', 'keywords:existence:{"keywords"'], /is not JSON/],
  [[vectors, ...EVAL, '--regex', '('], /--regex "\(": .*[Uu]nterminated group/],
  [[vectors, '--eval', bad], /bad\.jsonl, row 1: unknown instruction id "x:y"/],
  [[vectors, '--eval', uneven], /must be lists of one length/],
  [[vectors, ...CHECKED, '--weights', '1y'], /--weights has "1y": a weight is/],
  [[vectors, ...CHECKED, '--weights', '0x'], /and not 0/],
  [[vectors, ...CHECKED, '--weights', '1x,1x'], /something is there twice/],
  [[vectors, ...CHECKED, '--positions', 'lst'], /--positions is "lst".*Did you mean "last"/],
  [[vectors, ...CHECKED, '--layers', '7'], /the model has layers 0 to 5/],
  [[vectors, ...CHECKED, '--name', 'upper'], /no vector "upper"/],
  [[vectors, ...CHECKED, '--limit', '0'], /--limit is "0"/],
  [[vectors, ...CHECKED, '--judge', 'tiny-gpt'], /tiny-gpt/],
];
for (const [words, message] of unusable) {
  test(`unusable: ${words.join(' ').replaceAll(dir, '').replaceAll(examples, '')}`, async () => {
    const { code, out, err } = await search(words[0], ...words.slice(1));
    assert.equal([code, out], [2, ''], err);
    assert.match(err, message);
  });
}

test('vectors of another model are refused; a vector of several needs its name', async () => {
  const base = await runHere([
    'vector',
    'search',
    vectors,
    '--model',
    'tiny-gemma2-base',
    ...CHECKED,
  ]);
  assert.is(base.code, 2);
  assert.match(base.err, /made with tiny-gemma2 .*--any-model/);
  const one = loadVectors(vectors);
  const [direction] = one.directions.values();
  const two = place('two.safetensors');
  saveVectors(two, {
    ...one,
    directions: new Map([
      ['a', direction],
      ['b', direction],
    ]),
    settings: {},
    curves: {},
  });
  assert.match(
    (await search(two, ...CHECKED)).err,
    /Which vector\? Give its name \(there are: a, b\)/,
  );
});

test.run();
