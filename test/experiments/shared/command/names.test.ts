/** Every setting that changes results leads to another folder or file; what changes nothing does not. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as composition } from '../../../../experiments/composition/evaluate_format_plus_length';
import { script as custom } from '../../../../experiments/custom/evaluate';
import { script as formatVectors } from '../../../../experiments/format/compute_representations';
import { script as formatEvaluate } from '../../../../experiments/format/evaluate';
import { script as findBestLayer } from '../../../../experiments/format/find_best_layer';
import { script as precomputeIvs } from '../../../../experiments/format/precompute_ivs';
import { script as keywordVectors } from '../../../../experiments/keywords/compute_representations';
import { script as keywordEvaluate } from '../../../../experiments/keywords/evaluate';
import { USUAL_SETS } from '../../../../experiments/keywords/parts/vectors';
import { script as lengthVectors } from '../../../../experiments/length/compute_representations';
import { script as lengthEvaluate } from '../../../../experiments/length/evaluate';
import { usualSettings } from '../../../../experiments/shared/command/names';
import { runScript, type Script } from '../../../../experiments/shared/command/script';
import { planSteps, type Step } from '../../../../experiments/shared/command/steps';
import { printedBy } from '../../helpers';

const root = path.join(__dirname, '../../../..');
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-names-'));
test.after(() => fs.rmSync(temp, { recursive: true }));
const output = path.join(temp, 'runs');

/** Length vectors that an earlier step would have written: those of another model must be there. */
const MADE = ['tiny-gemma2', 'tiny-gemma2-base'].map((model) =>
  path.join(output, 'length', model, 'representations/another.safetensors'),
);

/** What a step would write. */
async function place(script: Script, overrides: string[], made = MADE): Promise<string> {
  const places: string[] = [];
  const wrote = (one: string) => places.push(one);
  const all = overrides.some((word) => word.startsWith('output_path='))
    ? overrides
    : [...overrides, `output_path=${output}`];
  await printedBy(async () => {
    await runScript(script, [], [...all, 'dry_run=true'], { wrote, made });
  });
  assert.is(places.length, 1);
  return places[0];
}

/** A copy of a file of the project, in a folder of its own. */
function copyOf(given: string): string {
  const copy = path.join(temp, 'copies', given);
  fs.cpSync(path.join(root, given), copy, { recursive: true });
  return copy;
}

const PROMPTS = 'weights/tiny/prompts';
const format = copyOf(`${PROMPTS}/format.jsonl`);
const questions = copyOf(`${PROMPTS}/questions.jsonl`);
const keywords = copyOf(PROMPTS);
const wordings = (experiment: string) => copyOf(`configs/${experiment}/phrasings.yaml`);
const words = path.join(temp, 'words.txt');
fs.writeFileSync(words, 'tea\n');

/** Another value for each key that changes results, wherever a step has it. */
const MATTERS: Record<string, string> = {
  model_name: 'tiny-gemma2-base',
  output_path: path.join(temp, 'elsewhere'),
  backend: 'wasm',
  dtype: 'bfloat16',
  prompt_style: 'qa',
  compat: '[double_bos]',
  seed: '7',
  layers: '[0,1]',
  keep_activations: 'true',
  num_final_tokens: '2',
  subset_ratio: '0.5',
  n_examples: '7',
  n_examples_per_instruction: '2',
  constraint_type: '?',
  n_sent_max: '3',
  steering: '?',
  steering_weight: '3',
  steering_weights: '[3]',
  source_layer_idx: '2',
  compare_layers: '[1]',
  fixed_layer: '2',
  positions: 'generated',
  include_instructions: '?',
  include_format_instructions: 'false',
  include_length_instructions: 'false',
  max_generation_length: '11',
  max_generation_length_long: '12',
  batch_size: '3',
  perplexity_model: 'tiny-gemma2',
  perplexity_threshold: '1.1',
  vectors_model: 'tiny-gemma2-base',
  vectors_data_path: format,
  ivs_name: 'another',
  search_name: 'another',
  vectors_file: 'include_another',
  format_steering: 'add_vector',
  format_weight: '3',
  format_layer: '2',
  length_vectors_file: 'another',
  length_rep_type: 'sentences',
  length_rep_examples: '7',
  format_positions: 'generated',
  length_positions: 'generated',
  length_steering: 'verbosity',
  length_source_layer_idx: '2',
  length_weight: '3',
  length_data_path: questions,
  keyword_type: 'exclude',
  word_set: 'validation',
  words_path: words,
  specific_instruction: 'forbidden_w_forbidden_rep',
  name: 'another',
};
/** Said, or where things are: the name stays. */
const NOTHING: Record<string, string> = {
  ...{ dry_run: 'true', preset: 'none', device: 'cpu', judge: 'openai', skip_long: 'true' },
  // Published layers, which this model has none of: format/layerChoices.test.ts.
  layers_from: 'search',
};
// Nothing is asked here, but who would be is checked.
Object.assign(process.env, {
  OPENAI_BASE_URL: 'http://localhost:1/v1',
  TILLER_JUDGE_MODEL: 'some-model',
});

interface Case {
  script: Script;
  /** Values in place of those above. */
  values: Record<string, string>;
  /** Keys of this script that change nothing, with other values. */
  nothing?: Record<string, string>;
  /** What a key is given with, where it would be refused alone. */
  beside?: Record<string, string[]>;
  /** Keys whose values this model refuses. */
  aside?: string[];
}

const folder = { representations_folder: path.join(temp, 'other') };
const CASES: Case[] = [
  {
    script: formatVectors,
    values: { data_path: format },
    // They have a file of their own.
    nothing: { batch_size: '3', n_generations: '2', generation_length: '3' },
  },
  {
    script: findBestLayer,
    values: { data_path: format, steering: 'add_vector', include_instructions: 'true' },
  },
  {
    script: precomputeIvs,
    values: { data_path: format, include_instructions: 'true' },
    nothing: { vectors_file: 'x' },
  },
  {
    script: formatEvaluate,
    values: { data_path: format, steering: 'add_vector', include_instructions: 'true' },
  },
  {
    script: lengthVectors,
    values: {
      data_path: questions,
      constraint_type: 'sentences',
      phrasings_path: wordings('length'),
      representations_folder: folder.representations_folder,
    },
    nothing: { batch_size: '3', n_sent_max: '3' },
  },
  {
    script: lengthEvaluate,
    values: {
      data_path: questions,
      constraint_type: 'exactly',
      steering: 'add_vector_conciseness',
      include_instructions: 'true',
      phrasings_path: wordings('length'),
      vectors_file: 'another',
    },
    nothing: folder,
  },
  {
    script: keywordVectors,
    values: {
      data_path: keywords,
      phrasings_path: wordings('keywords'),
      representations_folder: folder.representations_folder,
    },
    nothing: { batch_size: '3' },
  },
  {
    script: keywordEvaluate,
    values: { data_path: keywords, steering: 'adjust_rs', include_instructions: 'true' },
    nothing: folder,
  },
  {
    script: composition,
    values: {
      data_path: format,
      steering: 'format',
      constraint_type: 'exactly',
      phrasings_path: wordings('length'),
    },
    // The file is for format_layer.
    nothing: { length_vectors_folder: path.join(temp, 'other'), vectors_file: 'x' },
  },
  {
    script: custom,
    values: {
      data_path: questions,
      prompts: '[a]',
      instruction: 'Be brief.',
      include_instructions: 'true',
      steering: 'pairs@1*1x',
      pairs_path: copyOf('docs/examples/lowercase/pairs.jsonl'),
      check: 'startend:quotation',
      ...{ regex: '^a', regex_flags: 'i', contains: 'a', not_contains: 'b' },
    },
    nothing: { any_model: 'true' },
    beside: { data_path: ['steering=none'], prompts: ['data_path=null', 'steering=none'] },
    // It takes no system prompt: custom.test.ts has a model that does.
    aside: ['system'],
  },
];

for (const { script, values, nothing = {}, beside = {}, aside = [] } of CASES) {
  const title = path.relative(path.join(root, 'experiments'), script.file).replace('.ts', '');
  test(`${title}: what changes results changes where they go`, async () => {
    const usual = await place(script, []);
    const places = new Map<string, string>();
    for (const key of Object.keys(script.schema).filter((one) => !aside.includes(one))) {
      const same = nothing[key] ?? NOTHING[key];
      if (same !== undefined) {
        const overrides = key === 'dry_run' ? [] : [`${key}=${same}`];
        assert.is(await place(script, overrides), usual, `${key} changes nothing`);
        continue;
      }
      const value = values[key] ?? MATTERS[key];
      assert.ok(value && value !== '?', `${key}: say here whether it changes the results`);
      const other = await place(script, [`${key}=${value}`, ...(beside[key] ?? [])]);
      assert.not.equal(other, usual, `${key}=${value} changes the results`);
      assert.is(places.get(other), undefined, `${key} and ${places.get(other)}: one place`);
      places.set(other, key);
    }
  });
}

test('the default runs have names for people', async () => {
  const relative = async (script: Script) => path.relative(output, await place(script, []));
  const all = await Promise.all([]).then(async () => {
    const names: string[] = [];
    for (const { script } of CASES) names.push(await relative(script));
    return names;
  });
  assert.equal(all, [
    'format/tiny-gemma2/representations/format_ratio0.7_seed42.safetensors',
    'format/tiny-gemma2/layer_search/default',
    'format/tiny-gemma2/ivs/default.safetensors',
    'format/tiny-gemma2/default',
    'length/tiny-gemma2/representations/questions_high-level_50examples_seed42.safetensors',
    'length/tiny-gemma2/default',
    'keywords/tiny-gemma2/representations/include_ifeval_include_questions_20examples_seed42.safetensors',
    'keywords/tiny-gemma2/existence_default',
    'composition/tiny-gemma2/default',
    'custom/tiny-gemma2/default',
  ]);
});

test('another spelling of the same file or model is no other setting', async () => {
  const usual = await place(findBestLayer, []);
  const again = [
    `data_path=${path.join(root, PROMPTS, 'format.jsonl')}`,
    'model_name=weights/tiny-gemma2',
  ];
  assert.is(await place(findBestLayer, again), usual);
  assert.is(
    await place(formatVectors, [`data_path=./${PROMPTS}/format.jsonl`]),
    await place(formatVectors, []),
  );
  const judge = await place(formatEvaluate, ['perplexity_model=weights/tiny-gpt2']);
  assert.is(judge, await place(formatEvaluate, []));
});

test('what a step takes is in its name, when it does not follow from its own settings', async () => {
  const search = path.join(output, 'format/tiny-gemma2/layer_search');
  const usual = await place(precomputeIvs, []);
  assert.is(await place(precomputeIvs, [], [path.join(search, 'default')]), usual);
  const other = await place(precomputeIvs, [], [path.join(search, 'abc')]);
  assert.not.equal(other, usual);
  const before = await place(formatEvaluate, []);
  assert.is(await place(formatEvaluate, [], [usual]), before);
  assert.not.equal(await place(formatEvaluate, [], [other]), before);
  assert.not.equal(await place(formatEvaluate, ['ivs_name=abc']), before);
  assert.is(await place(formatEvaluate, ['ivs_name=default']), before);
});

test('a name for several steps of one script becomes one for each', () => {
  const steps: Step[] = [
    ['existence', keywordEvaluate],
    ['forbidden', keywordEvaluate],
    keywordVectors,
  ];
  const defaults = path.join(temp, 'none.yaml');
  fs.writeFileSync(defaults, '');
  const names = (...overrides: string[]) =>
    planSteps(defaults, steps, { overrides }).map((plan) => plan.overrides.join(' '));
  assert.equal(names('name=second'), ['name="existence_second"', 'name="forbidden_second"', '']);
  assert.equal(names('name=a', 'forbidden.name=b'), ['name="existence_a"', 'name=b', '']);
  assert.equal(names('name=null'), ['name=null', 'name=null', '']);
});

test('the usual words are those of the keyword run', () => {
  const { include_vectors, exclude_vectors } = usualSettings('keywords/run') as Record<
    string,
    { keyword_type: string; word_set: string | string[] }
  >;
  assert.equal([include_vectors.word_set].flat(), USUAL_SETS.include);
  assert.equal([exclude_vectors.word_set].flat(), USUAL_SETS.exclude);
  assert.equal(
    [include_vectors.keyword_type, exclude_vectors.keyword_type],
    ['include', 'exclude'],
  );
});

test.run();
