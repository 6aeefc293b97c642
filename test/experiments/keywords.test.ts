import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as computeRepresentations } from '../../experiments/keywords/compute_representations';
import { script as computeResponsePerplexity } from '../../experiments/keywords/compute_response_perplexity';
import { script as evaluate } from '../../experiments/keywords/evaluate';
import { script as loadResults } from '../../experiments/keywords/load_results';
import {
  bestCell,
  computeCells,
  computeGrid,
  type GridCell,
  type KeywordRow,
} from '../../experiments/keywords/parts/cells';
import {
  KEYWORD_TYPES,
  keywordQueries,
  loadKeywordRows,
  loadWords,
  SPECIFIC_INSTRUCTIONS,
} from '../../experiments/keywords/parts/data';
import { type KeywordPlanConfig, planKeywordRows } from '../../experiments/keywords/parts/plan';
import { loadKeywordPhrasings, withKeyword } from '../../experiments/keywords/parts/vectors';
import { runScript as run, type Script } from '../../experiments/shared/command/script';
import { dataFile, dataFileBeside } from '../../experiments/shared/data/dataFolder';
import { generate } from '../../src/engine/generate';
import { InputError } from '../../src/util/errors';
import { directionOf } from '../../src/vectors/direction';
import { checkWidth } from '../../src/vectors/vectorFile';
import { Safetensors } from '../../weights/safetensors';
import { FORMATS } from '../../weights/tiny/instructions';
import { testWhere } from '../where';
import {
  close,
  makeModel,
  meanActivation,
  onlyFile,
  openModel,
  printedBy,
  runScript,
  stopScripts,
} from './helpers';

const root = path.join(__dirname, '../..');
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-keywords-'));
const phrasings = loadKeywordPhrasings(path.join(root, 'configs/keywords/phrasings.yaml'));
const model = makeModel(path.join(temp, 'chars'));
test.after(() => {
  stopScripts();
  fs.rmSync(temp, { recursive: true });
});

type Json = Record<string, unknown>;
const lines = (rows: Json[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
function write(name: string, content: string | Json[]) {
  const file = path.join(temp, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, typeof content === 'string' ? content : lines(content));
  return file;
}

function row(type: 'include' | 'exclude', query: string, words: string[], more: Json = {}) {
  const include = type === 'include';
  return {
    prompt: `${query} ${include ? 'Say' : "Don't say"} ${words.join(' and ')}.`,
    prompt_without_instruction: query,
    instruction_id_list: [include ? 'keywords:existence' : 'keywords:forbidden_words'],
    kwargs: [{ [include ? 'keywords' : 'forbidden_words']: words }],
    ...more,
  };
}

// A data folder as ours: queries, rows of both splits, lists of words.
const data = path.join(temp, 'data');
write('data/questions.jsonl', [
  { key: 'a', prompt: 'What is it?', split: 'train' },
  { key: 'b', prompt: 'Who was here first?', split: 'eval' },
  { key: 'c', prompt: 'Why so?', split: 'train', instruction_id_list: ['keywords:frequency'] },
  { key: 'd', prompt: 'Where to now?', split: 'train', instruction_id_list: ['language:x'] },
  { key: 'e', prompt: 'How?' },
]);
write('data/keywords_include.jsonl', [
  row('include', 'Is it?', ['x'], { split: 'validation' }),
  row('include', 'Who?', [' x '], { key: 7, split: 'eval' }),
  row('include', 'Why?', ['Zed', 'x'], { key: 8, split: 'eval' }),
  row('include', 'Who?', ['Zed'], { key: 7, split: 'eval' }),
]);
write('data/keywords_exclude.jsonl', [
  row('exclude', 'Is it?', ['e'], { split: 'validation' }),
  row('exclude', 'Who?', ['a'], { split: 'eval' }),
  row('exclude', 'Why?', ['e'], { split: 'eval' }),
]);
write('data/keywords_include.txt', 'x\r\n Zed \n\nx\n');
write('data/keywords_exclude.txt', 'a\ne');

test('the wordings are those that the tiny model was trained on', () => {
  assert.equal(phrasings.include, FORMATS['keywords:existence'].train);
  assert.equal(phrasings.exclude, FORMATS['keywords:forbidden_words'].train);
  const query = { key: 'k', prompt: 'Why?' };
  const drawn = (word: string, seed = 1) => withKeyword(query, word, phrasings.include, seed);
  assert.is(drawn('$&'), drawn('$&'));
  assert.match(drawn('$&'), /^Why\? .*\$&/);
  const all = Array.from({ length: 20 }, (_, seed) => drawn('tea', seed));
  assert.ok(new Set(all).size > 3, 'several wordings are in use');
  const bad = write('bad.yaml', 'include: [Use it.]\nexclude: ["No {w}."]\n');
  assert.throws(() => loadKeywordPhrasings(bad), /include must be a list/);
});

test('rows: those of the split, words trimmed, one key a query', () => {
  const load = (name: Parameters<typeof loadKeywordRows>[1]) =>
    loadKeywordRows(dataFileBeside(data, name.startsWith('e') ? 'include' : 'exclude'), name);
  const rows = load('existence');
  assert.equal(
    rows.map(({ key, words }) => [key, ...words]),
    [
      ['7', 'x'],
      ['8', 'Zed', 'x'],
      ['7', 'Zed'],
    ],
  );
  assert.is(rows[1].withoutInstruction, 'Why?');
  assert.is(load('existence_validation').length, 1);
  assert.is(load('forbidden').length, 2);
  const refused = (rows: Json[], why: RegExp) =>
    assert.throws(() => loadKeywordRows(write('rows.jsonl', rows), 'existence'), why);
  refused([row('exclude', 'Who?', ['x'])], /row 1: its instruction is keywords:forbidden_words/);
  refused([row('include', 'Who?', ['x'], { split: 'train' })], /no rows of split eval/);
  refused([row('include', 'Who?', ['x']), row('include', 'Who?', ['x '])], /comes twice/);
  refused([row('include', 'Who?', [' '])], /not blank/);
  const nothing = { ...row('include', 'Who?', ['x']), instruction_id_list: [], kwargs: [] };
  refused([nothing], /no "instruction_id_list"/);
});

test('words and queries come from the folder, or from files of their own', () => {
  assert.equal(loadWords(data, ['ifeval_include'], null), ['x', 'Zed']);
  assert.equal(loadWords(data, ['ifeval_exclude', 'ifeval_include'], null), ['a', 'e', 'x', 'Zed']);
  // Both splits stand in our files.
  assert.equal(loadWords(data, ['validation'], null), ['x', 'Zed', 'e', 'a']);
  const own = path.join(data, 'keywords_exclude.jsonl');
  assert.equal(loadWords('anywhere', ['validation'], own), ['e', 'a']);
  assert.throws(() => loadWords(data, [], write('empty.txt', ' \n')), /holds no words/);
  assert.throws(() => loadWords(data, [], 'none.txt'), /no such file/);

  const questions = path.join(data, 'questions.jsonl');
  const keys = (n: number) => keywordQueries(questions, n).map(({ key }) => key);
  assert.equal(keys(3), ['a', 'd', 'e']);
  assert.equal(keys(2), ['a', 'd']);
  assert.throws(() => keys(4), /has 3 queries .* asks for 4/);
  assert.is(dataFile(questions, 'questions'), questions);
  assert.is(dataFileBeside(questions, 'include'), path.join(data, 'keywords_include.jsonl'));
  assert.throws(() => dataFileBeside(root, 'include'), /has no keywords_include.jsonl or ifeval_/);
});

const authors = path.join(root, '../shared/data/seed');
const withAuthors = testWhere(
  fs.existsSync(path.join(authors, 'keywords')),
  `${authors} is not here`,
);

withAuthors("the authors' files: all rows, whichever of their folders is given", () => {
  for (const folder of [authors, path.join(authors, 'keywords')]) {
    const counts = SPECIFIC_INSTRUCTIONS.map((name) => {
      const validation = name.endsWith('_validation');
      const type = name.startsWith('existence') ? 'include' : 'exclude';
      const file = dataFileBeside(folder, validation ? `${type}_validation` : type);
      return loadKeywordRows(file, name).length;
    });
    assert.equal(counts, [86, 117, 117, 276, 276, 276]);
    assert.is(loadWords(folder, ['validation'], null).length, 242);
  }
  // Every row of the evaluation has its word in the list that the vectors are made of.
  for (const type of KEYWORD_TYPES) {
    const words = new Set(loadWords(authors, [`ifeval_${type}`], null));
    const name = type === 'include' ? 'existence' : 'forbidden';
    const rows = loadKeywordRows(dataFileBeside(authors, type), name);
    assert.ok(rows.every((one) => one.words.every((word) => words.has(word))));
    const keys = new Map(rows.map((one) => [one.withoutInstruction, one.key]));
    assert.is(new Set(rows.map(({ key }) => key)).size, keys.size);
  }
  // 541 queries, 84 of them with an instruction about keywords.
  const queries = dataFile(authors, 'questions');
  assert.throws(() => keywordQueries(queries, 1000), new RegExp(`has ${plainQueries(queries)} `));
});

/** Counted from the text of the file. */
function plainQueries(file: string) {
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.filter((line) => !/"instruction_id_list":\s*\[[^\]]*"keywords:/.test(line)).length;
}

const planConfig: KeywordPlanConfig = {
  specific_instruction: 'existence',
  include_instructions: 'both',
  steering: ['adjust_rs', 'add_vector'],
  steering_weights: [40, '2x'],
  source_layer_idx: [1, 2],
  positions: 'last',
};

test('the plan: every cell, an edit for each word, away from it where it is forbidden', () => {
  const queries = loadKeywordRows(path.join(data, 'keywords_include.jsonl'), 'existence');
  const plan = planKeywordRows(queries, planConfig);
  // Unsteered, two layers × (a projection, two weights); without and with the instruction.
  assert.is(plan.length, 2 * (1 + 2 * 3) * 3);
  assert.is(new Set(plan.map(({ id }) => id)).size, plan.length);
  assert.ok(
    plan.every(
      ({ edits, steering, words }) => edits.length === (steering === 'none' ? 0 : words.length),
    ),
  );
  const two = plan.filter(({ words, layer }) => words.length === 2 && layer === 2);
  assert.equal(two[0].edits, [
    { kind: 'project', vector: 'Zed', layer: 2, positions: 'last', target: 'Zed' },
    { kind: 'project', vector: 'x', layer: 2, positions: 'last', target: 'x' },
  ]);
  assert.equal(two[2].edits[1], {
    kind: 'add',
    vector: 'x',
    layer: 2,
    positions: 'last',
    weight: '2x',
  });
  assert.is(two[0].prompt, 'Why?');
  assert.is(two[3].prompt, 'Why? Say Zed and x.');

  const weights = (
    name: typeof planConfig.specific_instruction,
    ...given: (number | '2x' | '-2x')[]
  ) =>
    planKeywordRows(queries.slice(0, 1), {
      ...planConfig,
      specific_instruction: name,
      steering: ['add_vector'],
      steering_weights: given,
      source_layer_idx: [1],
      include_instructions: false,
    }).map(({ weight }) => weight);
  assert.equal(weights('forbidden', 40, '2x'), [null, -40, '-2x']);
  assert.equal(weights('forbidden_validation', -40, '-2x'), [null, -40, '-2x']);
  assert.equal(weights('forbidden_w_forbidden_rep', 40, '2x'), [null, 40, '2x']);
  assert.throws(
    () => planKeywordRows(queries, { ...planConfig, specific_instruction: 'forbidden' }),
    /adjust_rs would move towards it/,
  );
});

test('a grid: share obeyed, degenerate answers, and which cell to choose', () => {
  const make = (layer: number | null, oks: boolean[]): KeywordRow[] =>
    oks.map((ok, i) => ({
      id: `${layer}|${i}`,
      key: String(i),
      words: ['w'],
      instructed: false,
      steering: layer === null ? 'none' : 'add_vector',
      layer,
      weight: layer === null ? null : 40,
      prompt: '',
      response: 'abc',
      tokens: 2 + i,
      stopped: 'stop',
      ok,
    }));
  const rows = [
    ...make(null, [false, false, false, true]),
    ...make(0, [true, true, true, true]),
    ...make(1, [true, true, false, true]),
    ...make(2, [true, false, true, true]),
  ];
  // Unsteered, one answer is degenerate; at layer 0 two are, one of them blank. A single token is not.
  const low = new Set(['null|3', '0|0', '1|2']);
  const perplexities = new Map(rows.map(({ id }) => [id, low.has(id) ? 2.4 : 2.5]));
  rows.find(({ id }) => id === '0|1')!.response = ' ';
  const cells = computeGrid(rows, new Map([...perplexities, ['0|1', null], ['1|0', null]]), 2.5);
  assert.equal(
    cells.map(({ layer, accuracy, degenerate, n_perplexity }) => [
      layer,
      accuracy,
      degenerate,
      n_perplexity,
    ]),
    [
      [null, 0.25, 0.25, 4],
      [0, 1, 0.5, 3],
      [1, 0.75, 0.25, 3],
      [2, 0.75, 0, 4],
    ],
  );
  assert.is(cells[0].mean_tokens, 3.5);
  assert.is(cells[1].gain, 0.75);
  assert.is(bestCell(cells)?.layer, 1, 'the first of equals');
  const all = cells.map(
    (cell): GridCell => ({ ...cell, degenerate: cell.layer === null ? 0 : 0.1 }),
  );
  assert.is(bestCell(all), undefined);
});

const out = path.join(temp, 'runs');
const where = [`model_name=${model}`, `output_path=${out}`];
const common = [...where, 'backend=wasm', `data_path=${data}`];
const EVALUATE = [
  'perplexity_model=null',
  ...where,
  'backend=wasm',
  'steering_weights=[3,1x]',
  'source_layer_idx=1',
  'positions=all',
  'max_generation_length=20',
  'batch_size=5',
];
const BOTH = 'steering=[add_vector,adjust_rs]';
const folder = path.join(out, 'keywords/chars');
const readRows = (name: string): KeywordRow[] =>
  fs
    .readFileSync(path.join(folder, name, 'out.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Runs a script in this process, where the model is open already; what it prints. */
async function inProcess(script: Script, ...words: string[]): Promise<string> {
  return `\n${await printedBy(async () => {
    await run(script, [], words);
  })}\n`;
}

test('vectors and answers are those computed by hand', async () => {
  const vectorsOf = (...words: string[]) =>
    inProcess(computeRepresentations, ...common, 'n_examples=2', 'seed=3', ...words);
  const answer = (name: string, instruction: string, ...words: string[]) =>
    inProcess(
      evaluate,
      ...EVALUATE,
      `data_path=${data}`,
      `name=${name}`,
      `specific_instruction=${instruction}`,
      ...words,
    );
  await vectorsOf('keyword_type=include', 'word_set=[ifeval_include,ifeval_exclude]');
  await vectorsOf('keyword_type=exclude', 'word_set=ifeval_exclude');
  await answer('a', 'existence', BOTH);
  await answer('b', 'forbidden');
  await answer('c', 'forbidden_w_forbidden_rep', BOTH);

  const session = await openModel(model);
  const prompts = ['What is it?', 'Where to now?'];
  const without = await meanActivation(session, prompts, 1);
  const vectors = new Map<string, { vector: Float32Array; norm: number; target: number }>();
  for (const type of KEYWORD_TYPES) {
    for (const word of ['x', 'Zed', 'a', 'e']) {
      const withIt = await meanActivation(
        session,
        prompts.map((prompt, i) => {
          return withKeyword({ key: 'ad'[i], prompt }, word, phrasings[type], 3);
        }),
        1,
      );
      const difference = withIt.map((value, i) => value - without[i]);
      const norm = Math.hypot(...difference);
      const vector = Float32Array.from(difference, (value) => value / norm);
      const target = withIt.reduce((sum, value, i) => sum + value * vector[i], 0);
      vectors.set(`${type} ${word}`, { vector, norm, target });
    }
  }
  const file = Safetensors.open(
    onlyFile(
      path.join(folder, 'representations'),
      'exclude_ifeval_exclude_questions_2examples_seed3',
    ),
  );
  close(file.readFloat32('e.unit').slice(40, 80), vectors.get('exclude e')!.vector);
  assert.equal(JSON.parse(file.metadata.words), ['a', 'e']);
  file.close();

  const runs = [
    { name: 'a', type: 'include', sign: 1, perCell: 3, steered: 3, contains: true },
    { name: 'b', type: 'include', sign: -1, perCell: 2, steered: 2, contains: false },
    { name: 'c', type: 'exclude', sign: 1, perCell: 2, steered: 3, contains: false },
  ];
  for (const { name, type, sign, perCell, steered, contains } of runs) {
    const rows = readRows(name);
    assert.is(rows.length, 2 * perCell * (1 + steered), name);
    const summary = JSON.parse(fs.readFileSync(path.join(folder, name, 'summary.json'), 'utf8'));
    assert.equal(summary.cells, computeCells(rows));
    assert.is(summary.cells.length, 2 * (1 + steered));
    for (const one of rows) {
      const edits = (one.steering === 'none' ? [] : one.words).map((word) => {
        const { vector, norm, target } = vectors.get(`${type} ${word}`)!;
        const weight = sign * (String(one.weight).endsWith('x') ? norm : 3);
        return one.steering === 'adjust_rs'
          ? { kind: 'project' as const, layer: 1, vector, target }
          : { kind: 'add' as const, layer: 1, vector, weight };
      });
      const [{ tokens }] = await generate(session.model, [session.encode(one.prompt)], {
        maxNewTokens: 20,
        stopIds: session.tokenizer.stopIds,
        edits: [edits],
      });
      const expected = session.tokenizer.decode(tokens, { skipSpecialTokens: true });
      assert.is(one.response, expected, one.id);
      const has = (word: string) =>
        contains
          ? expected.toLowerCase().includes(word.toLowerCase())
          : new RegExp(`\\b${word}\\b`, 'i').test(expected);
      const obeyed = expected.trim() !== '' && one.words.every((word) => has(word) === contains);
      assert.is(one.ok, obeyed, one.id);
    }
  }
});

test('vectors of another model: found by its name, used as they are, of the same width', async () => {
  // The same weights under another name, and in another folder.
  const other = path.join(temp, 'twin');
  fs.cpSync(model, other, { recursive: true });
  await inProcess(
    evaluate,
    ...EVALUATE.filter((word) => !/^(model_name|steering_weights)=/.test(word)),
    ...['name=d', `data_path=${data}`, 'steering_weights=3'],
    ...[`model_name=${other}`, `vectors_model=${model}`],
  );
  const twin = fs.readFileSync(path.join(out, 'keywords/twin/d/out.jsonl'), 'utf8').trimEnd();
  const own = new Map(readRows('a').map((one) => [one.id, one.response]));
  const rows: KeywordRow[] = twin.split('\n').map((line) => JSON.parse(line));
  assert.is(rows.length, 2 * 2 * 3);
  for (const { id, response } of rows) assert.is(response, own.get(id), id);

  const rowOf = (length: number) => [new Float32Array(length).map((_, i) => i + 1)];
  const direction = directionOf(rowOf(4), [new Float32Array(4)], [0]);
  const vectors = { directions: new Map([['x', direction]]), layers: [0], provenance: {} };
  checkWidth(vectors, 4, 'm');
  assert.throws(() => checkWidth(vectors, 40, 'm'), /have 4 numbers; the activations of m have 40/);
});

test('a word without vectors is refused, with the word and the command', async () => {
  const refused = async (words: string[], ...parts: string[]) => {
    try {
      await inProcess(evaluate, ...EVALUATE, ...words);
    } catch (error) {
      assert.instance(error, InputError);
      for (const part of parts) assert.match((error as Error).message, part);
      return;
    }
    assert.unreachable();
  };
  const folderOf = `data_path=${data}`;
  const nowhere = ['specific_instruction=forbidden', 'representations_folder=none', folderOf];
  await refused(
    nowhere,
    'keyword_type=include word_set=[ifeval_include,ifeval_exclude,validation]',
    folderOf,
  );
  const own = write('data2/my.jsonl', [row('exclude', 'Who?', ['a', 'other', 'Word'])]);
  await refused(
    ['specific_instruction=forbidden_w_forbidden_rep', `data_path=${own}`],
    'it has no vectors of other, Word',
    `keyword_type=exclude words_path=${own}`,
  );
  await refused(
    ['specific_instruction=forbidden_validation', 'n_examples=1', 'vectors_model=nil'],
    'nil',
  );
  const dry = await inProcess(evaluate, ...EVALUATE, ...nowhere, 'dry_run=true');
  assert.match(dry, 'weight -3');
});

test('the judge adds perplexities to the run; load_results shows every instruction', async () => {
  const judged = await inProcess(
    computeResponsePerplexity,
    ...where,
    'specific_instruction=existence',
    `perplexity_model=${model}`,
    'perplexity_threshold=1e9',
    'backend=wasm',
  );
  assert.match(judged, 'degenerate');
  const rows = readRows('a');
  const grid = path.join(folder, 'a/perplexity_chars/degenerate_below_1000000000.json');
  const { cells } = JSON.parse(fs.readFileSync(grid, 'utf8'));
  const session = await openModel(model);
  const judge = async (text: string) => {
    const ids = session.tokenizer.encode(text.trim());
    if (ids.length < 2) return null;
    const logits = session.model.forward([ids]);
    const values = (await logits.data()) as Float32Array;
    logits.dispose();
    const V = values.length / ids.length;
    let sum = 0;
    for (let t = 1; t < ids.length; t++) {
      const step = values.subarray((t - 1) * V, t * V);
      sum += Math.log(step.reduce((total, z) => total + Math.exp(z), 0)) - step[ids[t]];
    }
    return Math.exp(sum / (ids.length - 1));
  };
  const first = rows.filter((one) => !one.instructed && one.steering === 'none');
  const expected = await Promise.all(first.map(({ response }) => judge(response)));
  const present = expected.filter((value) => value !== null);
  const mean = present.reduce((a, b) => a + b, 0) / present.length;
  assert.ok(
    Math.abs(cells[0].mean_perplexity / mean - 1) < 1e-3,
    `${cells[0].mean_perplexity} ${mean}`,
  );
  assert.is(cells[0].degenerate, 1, 'all below such a threshold');

  const results = await inProcess(loadResults, ...where);
  for (const name of ['existence', 'forbidden', 'forbidden_w_forbidden_rep']) {
    assert.match(results, `\n${name} (`);
  }
});

test('started as programs: every step gets its settings, bad input ends with code 2', async () => {
  const [steps, typo, none] = await Promise.all([
    runScript(
      'keywords/run',
      ...common,
      `perplexity_model=${model}`,
      'n_examples=2',
      'source_layer_idx=1',
      '--dry-run',
    ).done,
    runScript('keywords/run', 'existance.n_examples=3').done,
    runScript('keywords/load_results', 'output_path=none').done,
  ]);
  assert.is(steps.code, 0, steps.text);
  assert.match(steps.text, /8\/8 load_results/);
  assert.match(steps.text, 'existence_validation: 1 rows');
  assert.match(steps.text, 'forbidden_w_forbidden_rep: 2 rows');
  assert.is(typo.code, 2);
  assert.match(typo.text, '"existence.n_examples"');
  assert.is(none.code, 2);
  assert.match(none.text, /no finished run .*evaluate.ts/);
});

test.run();
