/** Prompts that a model can't take: found before anything is loaded, in every step that runs some. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as composition } from '../../../experiments/composition/evaluate_format_plus_length';
import { run as composeAll } from '../../../experiments/composition/run';
import { script as formatVectors } from '../../../experiments/format/compute_representations';
import { script as formatEvaluate } from '../../../experiments/format/evaluate';
import { script as findBestLayer } from '../../../experiments/format/find_best_layer';
import { script as keywordVectors } from '../../../experiments/keywords/compute_representations';
import { script as keywordEvaluate } from '../../../experiments/keywords/evaluate';
import { script as lengthVectors } from '../../../experiments/length/compute_representations';
import { script as lengthEvaluate } from '../../../experiments/length/evaluate';
import { script as analyseVectors } from '../../../experiments/paper/analyse_vectors';
import { rehearse } from '../../../experiments/shared/command/rehearse';
import type { Script } from '../../../experiments/shared/command/script';
import { contextLength, shortRows } from '../../../experiments/shared/prompts';
import { openSession } from '../../../experiments/shared/session';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { findModel } from '../../../src/hub/fingerprint';
import { readRun } from '../../../src/runs/runFolder';
import { refused } from '../../refusal';
import { makeModel, printedBy, runStep } from '../helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-prompts-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

/** A token is a character here; the template adds BOS and three more. */
const FRAME = 4;
const LIMIT = 120;

function modelOf(name: string, change: Record<string, unknown>): string {
  const dir = makeModel(path.join(temp, name));
  const file = path.join(dir, 'config.json');
  fs.writeFileSync(
    file,
    JSON.stringify({ ...JSON.parse(fs.readFileSync(file, 'utf8')), ...change }),
  );
  return dir;
}

const model = modelOf('chars', { max_position_embeddings: LIMIT });
const tokenizerFile = path.join(model, 'tokenizer.json');
const SPECIAL = { '<bos>': { id: '<bos>', ids: [2], tokens: ['<bos>'] } };
fs.writeFileSync(
  tokenizerFile,
  JSON.stringify({
    ...JSON.parse(fs.readFileSync(tokenizerFile, 'utf8')),
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '<bos>', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
      ],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: SPECIAL,
    },
  }),
);
/** Config and tokenizer as above, weights that can't be read: whoever loads them fails. */
const hollow = modelOf('hollow', { max_position_embeddings: LIMIT });
fs.writeFileSync(path.join(hollow, 'model.safetensors'), 'no weights');

function write(name: string, rows: object[]): string {
  const file = path.join(temp, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return file;
}

/** Questions of which some are too long. */
const question = (i: number) => `What is thing ${i}${i % 4 === 1 ? ` ${'very '.repeat(30)}` : ''}?`;
const numbers = Array.from({ length: 12 }, (_, i) => i);
const LONG = numbers.filter((i) => i % 4 === 1);
const questions = write(
  'data/questions.jsonl',
  numbers.map((i) => ({ key: `q${i}`, prompt: question(i) })),
);
const IDS = ['punctuation:no_comma', 'change_case:english_lowercase'];
const formats = write(
  'data/format.jsonl',
  IDS.flatMap((id, at) =>
    numbers.slice(0, 8).map((i) => ({
      key: `f${at}${i}`,
      prompt: `${question(i)} ${['No commas.', 'Lower case.'][at]}`,
      prompt_without_instruction: question(i),
      instruction_id_list: [id],
      kwargs: [{}],
      split: i < 4 ? 'train' : 'eval',
    })),
  ),
);
for (const [type, id, argument] of [
  ['include', 'existence', 'keywords'],
  ['exclude', 'forbidden_words', 'forbidden_words'],
]) {
  write(
    `data/keywords_${type}.jsonl`,
    numbers.slice(0, 4).map((i) => ({
      key: `k${i}`,
      prompt: `${question(i)} ${type} x.`,
      prompt_without_instruction: question(i),
      instruction_id_list: [`keywords:${id}`],
      kwargs: [{ [argument]: ['x'] }],
    })),
  );
  fs.writeFileSync(path.join(temp, `data/keywords_${type}.txt`), 'x\n');
}

const COMMON = [
  ...[`output_path=${temp}/runs`, 'backend=wasm', 'perplexity_model=null'],
  ...['max_generation_length=6', 'max_generation_length_long=6'],
  ...['source_layer_idx=1', 'length_source_layer_idx=1', 'steering_weights=3', 'layers=[1]'],
];
const LENGTH = [`data_path=${questions}`, 'length_rep_examples=4', 'n_examples=4', 'n_sent_max=2'];
const STEPS: [name: string, script: Script, words: string[], rows: string[]][] = [
  ['length vectors', lengthVectors, LENGTH, ['q1']],
  ['length', lengthEvaluate, LENGTH, ['q9']],
  ['format vectors', formatVectors, [`data_path=${formats}`, 'subset_ratio=1'], ['f01', 'f11']],
  ['layer search', findBestLayer, [`data_path=${formats}`], ['f01', 'f11']],
  ['format', formatEvaluate, [`data_path=${formats}`], ['f05', 'f15']],
  [
    'keyword vectors',
    keywordVectors,
    [`data_path=${temp}/data`, 'n_examples=4', 'word_set=ifeval_include'],
    ['q1'],
  ],
  ['keywords', keywordEvaluate, [`data_path=${temp}/data`], ['k1 (x)']],
  ['analyses', analyseVectors, [`data_path=${formats}`, 'of=[format]'], ['f05', 'f15']],
  [
    'composition',
    composition,
    [`data_path=${formats}`, `length_data_path=${questions}`, 'length_rep_examples=1'],
    ['f05', 'f15'],
  ],
];

for (const [name, script, words, rows] of STEPS) {
  for (const dry of [true, false]) {
    test(`${name}, ${dry ? 'dry' : 'before the weights are read'}: all rows are named`, async () => {
      const own = [`model_name=${hollow}`, ...COMMON, ...words, `dry_run=${dry}`];
      const said = await refused(runStep(script, ...own));
      const named = said
        .split('\n')
        .flatMap((line) => /^ {2}row (.*): \d+ tokens$/.exec(line)?.[1] ?? []);
      assert.equal(named, rows);
      assert.match(said, / rows of \S+\.jsonl have prompts/);
      assert.match(said, `context of hollow, ${LIMIT} tokens`);
      assert.match(said, 'skip_long=true');
    });
  }
}

test('a run.ts is refused while it is rehearsed, for a row that its last step has', async () => {
  const rows = fs.readFileSync(formats, 'utf8').trim().split('\n');
  const onlyLate = write(
    'late.jsonl',
    rows.map((row) => JSON.parse(row)).filter(({ key }) => key !== 'f01' && key !== 'f11'),
  );
  const overrides = [
    ...[`model_name=${hollow}`, `output_path=${temp}/none`, `data_path=${onlyLate}`],
    ...[`length_data_path=${questions}`, 'length_rep_examples=1', 'perplexity_model=null'],
    ...['length_source_layer_idx=1', 'max_generation_length=6', 'max_generation_length_long=6'],
  ];
  const said = await refused(rehearse(composeAll, { overrides, multirun: false, wide: false }));
  assert.match(said, /^ {2}row f05: \d+ tokens$/m);
  assert.not.ok(fs.existsSync(path.join(temp, 'none')));
});

test('vectors that evaluate computes itself: their queries are looked at first', async () => {
  const words = [...LENGTH.filter((word) => !/^n_examples/.test(word)), 'n_examples=2'];
  const said = await refused(runStep(lengthEvaluate, `model_name=${hollow}`, ...COMMON, ...words));
  assert.match(said, /row q1: /);
});

test('tokens are those of the formatted prompt; one fewer than the context is taken', async () => {
  const session = await openSession({
    ...{ model_name: model, backend: 'wasm', device: null, dtype: null },
    ...{ prompt_style: null, compat: null },
  });
  const files = findModel(model);
  const rowOf = (tokens: number) => ({ key: `${tokens}`, prompt: 'x'.repeat(tokens - FRAME) });
  const rows = [rowOf(LIMIT - 1), rowOf(LIMIT), rowOf(LIMIT + 30)];
  const short = (compat: 'double_bos'[] | null, skip_long: boolean) =>
    shortRows(files, { prompt_style: null, compat, skip_long }, rows, {
      file: 'some.jsonl',
      promptsOf: ({ prompt }) => ['Why?', prompt],
    });
  assert.throws(
    () => short(null, false),
    `2 of 3 rows of some.jsonl have prompts that leave no room for an answer in the context of ` +
      `chars, ${LIMIT} tokens:\n  row ${LIMIT}: ${LIMIT} tokens\n  row ${LIMIT + 30}: ${LIMIT + 30} tokens\n`,
  );
  let kept: ReturnType<typeof short> | undefined;
  const said = await printedBy(async () => {
    kept = short(null, true);
  });
  assert.match(said, /^Left out, in all cells: 2 of 3 rows/);
  assert.equal(kept!.rows, rows.slice(0, 1));
  const tokens = { [LIMIT]: LIMIT, [LIMIT + 30]: LIMIT + 30 };
  assert.equal(kept!.skipped, { skipped_long: { rows: 2, limit: LIMIT, tokens } });
  // A second BOS, from the post-processor, takes the last place.
  assert.throws(() => short(['double_bos'], true), /3 of 3 rows .*No row is left/s);
  // The engine says the same of each.
  const [answer] = await session.answer([{ prompt: rows[0].prompt, edits: [] }], 5);
  assert.equal([answer.tokens, answer.stopped], [1, 'length']);
  assert.is(session.encode(rows[0].prompt).length, LIMIT - 1);
  assert.throws(() => session.encode(rows[1].prompt), /has 120 tokens/);
});

test('of many rows the first ten are named; of answers that the context cuts, how many', async () => {
  const files = findModel(model);
  const config = { prompt_style: null, compat: null, skip_long: false };
  const rows = Array.from({ length: 13 }, (_, i) => ({ key: `r${i}`, prompt: 'y'.repeat(200) }));
  const options = { file: 'f', promptsOf: ({ prompt }: (typeof rows)[number]) => [prompt] };
  assert.throws(
    () => shortRows(files, config, rows, options),
    /\n {2}row r9: 204 tokens\n {2}and 3 more\n/,
  );
  const some = [50, 60, 70].map((length) => ({ key: `${length}`, prompt: 'y'.repeat(length) }));
  // A prompt of 64 tokens leaves room for 56 more.
  const said = await printedBy(async () => {
    shortRows(files, config, some, { ...options, newTokensOf: () => LIMIT - 60 - FRAME });
  });
  assert.match(said, /^1 of 3 rows have prompts that leave less room/);
});

test('skip_long leaves whole rows out of the cells and of the vectors, and counts them', async () => {
  const words = [`model_name=${model}`, ...COMMON, ...LENGTH, 'steering=add_vector_conciseness'];
  const said = await runStep(lengthEvaluate, ...words, 'skip_long=true', 'name=short');
  assert.match(said, /Left out, in all cells: 1 of 4 rows .*\n {2}row q9: /);
  const folder = path.join(temp, 'runs/length/chars/short');
  const { rows } = readRun<{ id: string; key: string; instructed: boolean; steering: string }>(
    folder,
  );
  const keys = ['q8', 'q10', 'q11'];
  for (const instructed of [true, false]) {
    for (const steering of ['none', 'add_vector_conciseness']) {
      const own = rows.filter((row) => row.instructed === instructed && row.steering === steering);
      assert.equal([...new Set(own.map(({ key }) => key))], keys);
    }
  }
  const summary = JSON.parse(fs.readFileSync(path.join(folder, 'summary.json'), 'utf8'));
  const { skipped_long, cells } = summary;
  assert.equal([skipped_long.rows, skipped_long.limit], [1, LIMIT]);
  assert.equal(Object.keys(skipped_long.tokens), ['q9']);
  assert.equal(
    cells.map(({ n }: { n: number }) => n),
    [6, 6, 6, 6],
  );
  // Rows that fit need no such word, and are no other run.
  const fit = write(
    'fit.jsonl',
    numbers.filter((i) => !LONG.includes(i)).map((i) => ({ key: `q${i}`, prompt: question(i) })),
  );
  const other = [...words.filter((word) => !word.startsWith('data_path')), `data_path=${fit}`];
  const place = async (...more: string[]) =>
    /Would write to (.*)/.exec(
      await runStep(lengthEvaluate, ...other, 'dry_run=true', ...more),
    )![1];
  assert.is(await place('skip_long=true'), await place());
});

test('the context is that of the model, also where config.json leaves it out', async () => {
  await useBackend('wasm');
  const fixtures = path.join(__dirname, '../../fixtures');
  const names = fs
    .readdirSync(fixtures)
    .filter((name) => /^(gemma2|gpt2|mistral|phi3)-/.test(name));
  assert.ok(names.length > 8);
  for (const name of names) {
    const dir = path.join(fixtures, name);
    const loaded = loadModel(dir);
    assert.is(contextLength(dir), loaded.config.maxPositions, name);
    loaded.dispose();
  }
  const defaults = [
    ['gemma2-gqa', 8192],
    ['mistral-wide-heads', 131072],
    ['phi3-partial-tied-f16', 4096],
  ] as const;
  for (const [name, positions] of defaults) {
    const file = path.join(fixtures, name, 'config.json');
    const { max_position_embeddings: _, ...rest } = JSON.parse(fs.readFileSync(file, 'utf8'));
    const dir = path.join(temp, name);
    fs.mkdirSync(dir);
    fs.writeFileSync(path.join(dir, 'config.json'), JSON.stringify(rest));
    assert.is(contextLength(dir), positions, name);
  }
});

test.run();
