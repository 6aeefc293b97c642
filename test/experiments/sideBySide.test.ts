/** Runs of other settings stand beside the first, at every step, and leave it as it was. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as compositionResults } from '../../experiments/composition/load_results';
import { run as composition } from '../../experiments/composition/run';
import { script as computeFormatVectors } from '../../experiments/format/compute_representations';
import { script as computePerplexity } from '../../experiments/format/compute_response_perplexity';
import { script as formatEvaluate } from '../../experiments/format/evaluate';
import { script as findBestLayer } from '../../experiments/format/find_best_layer';
import { script as formatResults } from '../../experiments/format/load_results';
import { script as precomputeIvs } from '../../experiments/format/precompute_ivs';
import { run as format } from '../../experiments/format/run';
import { script as keywordEvaluate } from '../../experiments/keywords/evaluate';
import { script as keywordResults } from '../../experiments/keywords/load_results';
import { run as keywords } from '../../experiments/keywords/run';
import { script as lengthResults } from '../../experiments/length/load_results';
import { run as length } from '../../experiments/length/run';
import type { Command } from '../../experiments/shared/command/commandLine';
import { refused } from '../refusal';
import { makeModel, printedBy, runStep } from './helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-side-'));
const model = makeModel(path.join(temp, 'chars'));
const judge = makeModel(path.join(temp, 'judge'));
const out = path.join(temp, 'runs');
test.after(() => fs.rmSync(temp, { recursive: true }));

function write(name: string, rows: object[]): string {
  const file = path.join(temp, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return file;
}

const IDS = ['punctuation:no_comma', 'change_case:english_lowercase'];
const formats = write(
  'format.jsonl',
  IDS.flatMap((id, at) =>
    Array.from({ length: 8 }, (_, i) => ({
      key: `${at}${i}`,
      prompt: `What is ${i}? ${['No commas.', 'Lower case.'][at]}`,
      prompt_without_instruction: `What is ${i}?`,
      instruction_id_list: [id],
      kwargs: [{}],
      split: i < 6 ? 'train' : 'eval',
    })),
  ),
);
const queries = write(
  'data/questions.jsonl',
  ['Why?', 'Who?', 'Where to?', 'How so?', 'When?', 'What?'].map((prompt) => ({ prompt })),
);
for (const type of ['include', 'exclude'] as const) {
  const [id, argument] = {
    include: ['existence', 'keywords'],
    exclude: ['forbidden_words', 'forbidden_words'],
  }[type];
  write(
    `data/keywords_${type}.jsonl`,
    ['eval', 'validation'].map((split) => ({
      prompt: `Is it ${split}? ${type} x.`,
      prompt_without_instruction: `Is it ${split}?`,
      instruction_id_list: [`keywords:${id}`],
      kwargs: [{ [argument]: ['x'] }],
      split,
    })),
  );
  fs.writeFileSync(path.join(temp, `data/keywords_${type}.txt`), 'x\n');
}

const COMMON = [
  ...[`model_name=${model}`, `output_path=${out}`, 'backend=wasm'],
  ...['max_generation_length=6', `perplexity_model=${judge}`],
];
const OF: Record<string, [(command: Command) => Promise<unknown>, string[]]> = {
  format: [
    format,
    [`data_path=${formats}`, 'max_generation_length_long=6', 'n_examples_per_instruction=1'],
  ],
  length: [
    length,
    [
      `data_path=${queries}`,
      'compute_representations.n_examples=3',
      'length_rep_examples=3',
      'evaluate.n_examples=1',
      'source_layer_idx=1',
      'n_sent_max=2',
    ],
  ],
  keywords: [
    keywords,
    [
      `data_path=${temp}/data`,
      'source_layer_idx=1',
      'steering_weights=3',
      'include_vectors.n_examples=2',
      'exclude_vectors.n_examples=2',
      'validation.n_examples=1',
    ],
  ],
  composition: [
    composition,
    [
      `data_path=${formats}`,
      'max_generation_length_long=6',
      'n_examples_per_instruction=1',
      `length_data_path=${queries}`,
      'length_rep_examples=3',
      'length_source_layer_idx=1',
      'length_weight=3',
      'steering=[format + length]',
      'find_best_layer.steering=adjust_rs',
    ],
  ],
};

const runAll = (experiment: string, ...more: string[]) => {
  const [run, settings] = OF[experiment];
  const overrides = [...COMMON, ...settings, ...more];
  return printedBy(async () => {
    await run({ overrides, multirun: false, wide: false });
  });
};

/** All files of results, with their content. */
function files(): Map<string, string> {
  const names = fs.readdirSync(out, { recursive: true, encoding: 'utf8' }).sort();
  return new Map(
    names
      .filter((name) => fs.statSync(path.join(out, name)).isFile())
      .map((name) => [name, fs.readFileSync(path.join(out, name), 'base64')]),
  );
}

for (const experiment of Object.keys(OF)) {
  test(`${experiment}: beside the first a second seed, then the first again`, async () => {
    await runAll(experiment);
    const first = files();
    await runAll(experiment, 'seed=1');
    const both = files();
    assert.ok(both.size > first.size);
    for (const [name, content] of first) assert.ok(both.get(name) === content, `${name} changed`);
    await runAll(experiment);
    assert.equal([...files().keys()], [...both.keys()], 'nothing new');
    for (const [name, content] of files()) {
      assert.ok(both.get(name) === content || /summary\.json$/.test(name), `${name} changed`);
    }
  });
}

test('another judge, another name, another choice of words: all beside the first', async () => {
  const before = files();
  await runAll('format', `find_best_layer.seed=3`);
  await runAll('keywords', 'name=second');
  const [formatRun, formatSettings] = OF.format;
  const others = COMMON.filter((word) => !word.startsWith('perplexity_model'));
  await printedBy(async () => {
    const overrides = [...others, ...formatSettings, `perplexity_model=${model}`];
    await formatRun({ overrides, multirun: false, wide: false });
  });
  for (const [name, content] of before) assert.ok(files().get(name) === content, `${name} changed`);
  const names = fs.readdirSync(path.join(out, 'keywords/chars'));
  for (const step of ['validation', 'existence', 'forbidden', 'forbidden_w_forbidden_rep']) {
    assert.ok(names.includes(`${step}_second`), step);
  }
});

const RESULTS = {
  format: formatResults,
  length: lengthResults,
  keywords: keywordResults,
  composition: compositionResults,
};

test('steps alone do not take the newest: several are listed, with what differs and the key', async () => {
  const [, settings] = OF.format;
  const own = [...COMMON, ...settings];
  const choice = await refused(runStep(formatEvaluate, ...own));
  assert.match(choice, /more than one fitting vector file in .*ivs\. Choose one:\n {2}ivs_name=/);
  assert.match(choice, /seed 1\b/);
  assert.match(choice, /seed 42/);
  const searched = await refused(
    runStep(precomputeIvs, ...own.filter((word) => !/^perpl/.test(word))),
  );
  assert.match(searched, /more than one fitting finished run .*\n {2}search_name=\w+: .*seed/);
  assert.match(await refused(runStep(computePerplexity, ...own)), /\n {2}name=\w+: .*seed/);
  const words = await refused(
    runStep(keywordEvaluate, ...COMMON, ...OF.keywords[1], 'specific_instruction=existence'),
  );
  assert.match(
    words,
    /more than one fitting vector file .*\n {2}vectors_file=.*include_.*: .*seed/,
  );
  // A step that has a seed takes the vectors of that seed, and says what there is for another one.
  assert.match(await runStep(findBestLayer, ...own, 'seed=1', 'name=mine'), /Vectors: .*_seed1_/);
  assert.match(await refused(runStep(findBestLayer, ...own, 'seed=5')), /seed is "1", not "5"/);
  await runStep(computeFormatVectors, ...own, 'subset_ratio=0.5');
  const ratio = await refused(runStep(findBestLayer, ...own));
  assert.match(ratio, /vectors_file=.*ratio0\.5.*: .*subset_ratio 0\.5/);
  const [file] = /\S*ratio0\.5\S*(?=:)/.exec(ratio)!;
  assert.match(await runStep(findBestLayer, ...own, file), 'ratio0.5');
});

test('load_results alone: several finished runs are listed; the one that is named is shown', async () => {
  for (const [experiment, step] of Object.entries(RESULTS)) {
    const key = experiment === 'keywords' ? 'run_folder' : 'name';
    const said = await refused(runStep(step, ...COMMON));
    assert.match(said, /more than one fitting finished run in .*\. Choose one:\n/, experiment);
    const choices = said.split('\n').slice(1);
    // Each says something of itself that no other says.
    const told = choices.map((choice) => new RegExp(`^  (${key}=\\S+): (.+)$`).exec(choice)!);
    assert.is(new Set(told.map(([, , differences]) => differences)).size, choices.length, said);
    const choose = told.map(([, choice]) => choice);
    const shown = await runStep(step, ...COMMON, choose[0]);
    assert.match(shown, choose[0].slice(key.length + 1), experiment);
  }
});

test('a file of junk among the vectors is named and passed over', async () => {
  const [, settings] = OF.format;
  const representations = path.join(out, 'format/chars/representations');
  fs.writeFileSync(path.join(representations, 'junk.safetensors'), 'junk');
  const text = await runStep(findBestLayer, ...COMMON, ...settings, 'seed=1', 'name=mine');
  assert.match(text, /Left out.*junk\.safetensors/);
  fs.rmSync(path.join(representations, 'junk.safetensors'));
});

test.run();
