/** The paper's settings and numbers: `configs/paper`. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { script as composition } from '../../../../experiments/composition/evaluate_format_plus_length';
import { script as compositionResults } from '../../../../experiments/composition/load_results';
import { run as compositionRun } from '../../../../experiments/composition/run';
import { script as custom } from '../../../../experiments/custom/evaluate';
import { script as customResults } from '../../../../experiments/custom/load_results';
import { script as formatVectors } from '../../../../experiments/format/compute_representations';
import { script as formatPerplexity } from '../../../../experiments/format/compute_response_perplexity';
import { script as formatEvaluate } from '../../../../experiments/format/evaluate';
import { script as findBestLayer } from '../../../../experiments/format/find_best_layer';
import { script as formatResults } from '../../../../experiments/format/load_results';
import { script as precomputeIvs } from '../../../../experiments/format/precompute_ivs';
import { run as formatRun } from '../../../../experiments/format/run';
import { script as keywordVectors } from '../../../../experiments/keywords/compute_representations';
import { script as keywordPerplexity } from '../../../../experiments/keywords/compute_response_perplexity';
import { script as keywordEvaluate } from '../../../../experiments/keywords/evaluate';
import { script as keywordResults } from '../../../../experiments/keywords/load_results';
import { run as keywordRun } from '../../../../experiments/keywords/run';
import { script as lengthVectors } from '../../../../experiments/length/compute_representations';
import { script as lengthEvaluate } from '../../../../experiments/length/evaluate';
import { script as lengthResults } from '../../../../experiments/length/load_results';
import { run as lengthRun } from '../../../../experiments/length/run';
import { script as analyseRuns } from '../../../../experiments/paper/analyse_runs';
import { script as analyseVectors } from '../../../../experiments/paper/analyse_vectors';
import {
  configsFolder,
  helpText,
  presetNames,
  presetsFolder,
} from '../../../../experiments/shared/command/help';
import {
  checkNames,
  findPreset,
  type Preset,
  published,
} from '../../../../experiments/shared/command/presets';
import {
  loadSettings,
  runScript,
  type Script,
} from '../../../../experiments/shared/command/script';
import { InputError } from '../../../../src/util/errors';
import { makeDataFolder, makeModel, makeStandIn, printedBy } from '../../helpers';

const SCRIPTS: Record<string, Script> = {
  'composition/evaluate_format_plus_length': composition,
  'composition/load_results': compositionResults,
  'custom/evaluate': custom,
  'custom/load_results': customResults,
  'format/compute_representations': formatVectors,
  'format/compute_response_perplexity': formatPerplexity,
  'format/evaluate': formatEvaluate,
  'format/find_best_layer': findBestLayer,
  'format/load_results': formatResults,
  'format/precompute_ivs': precomputeIvs,
  'keywords/compute_representations': keywordVectors,
  'keywords/compute_response_perplexity': keywordPerplexity,
  'keywords/evaluate': keywordEvaluate,
  'keywords/load_results': keywordResults,
  'length/compute_representations': lengthVectors,
  'length/evaluate': lengthEvaluate,
  'length/load_results': lengthResults,
  'paper/analyse_runs': analyseRuns,
  'paper/analyse_vectors': analyseVectors,
};
const RUNS = {
  composition: compositionRun,
  format: formatRun,
  keywords: keywordRun,
  length: lengthRun,
};
/** The paper's models: how many layers they have. */
const LAYERS: Record<string, number> = {
  'gemma-2-2b': 26,
  'gemma-2-2b-it': 26,
  'gemma-2-9b': 42,
  'gemma-2-9b-it': 42,
  'mistral-7b-instruct': 32,
  'phi-3': 32,
};

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-paper-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

/** A folder that passes for a model. */
function folder(name: string): string {
  const dir = path.join(temp, name);
  fs.mkdirSync(dir, { recursive: true });
  fs.writeFileSync(path.join(dir, 'config.json'), '{}');
  return dir;
}

test('a model is known by alias, id and folder, in any case and at any revision', () => {
  const presets: Record<string, string[]> = {
    'phi-3': [
      ...['phi-3', 'phi-3.5', 'Phi-3-mini', 'microsoft/Phi-3-mini-4k-instruct'],
      ...[
        'microsoft/Phi-3.5-mini-instruct@main',
        folder('phi-3'),
        folder('a/Phi-3.5-MINI-instruct'),
      ],
    ],
    'gemma-2-2b': ['gemma-2-2b', 'google/gemma-2-2b@abc', folder('gemma-2-2b')],
    'gemma-2-2b-it': ['gemma-2-2b-it', folder('Gemma-2-2b-IT')],
    'gemma-2-9b': ['gemma-2-9b'],
    'gemma-2-9b-it': ['google/gemma-2-9b-it'],
    'mistral-7b-instruct': ['mistral', 'mistral-7b-instruct', folder('Mistral-7B-Instruct-v0.1')],
  };
  assert.equal(presetNames(), Object.keys(presets).sort());
  for (const [name, models] of Object.entries(presets)) {
    for (const model of models) assert.is(findPreset(model)?.name, name, model);
  }
  for (const model of ['tiny-gemma2', 'gpt2', 'mistral-v0.3', folder('gemma-2-2b-it-x')]) {
    assert.is(findPreset(model), undefined, model);
  }
});

test('a preset can be named, or done without', () => {
  assert.is(findPreset('tiny-gemma2', 'phi-3')?.name, 'phi-3');
  assert.is(findPreset('phi-3', 'gemma-2-2b')?.name, 'gemma-2-2b');
  assert.is(findPreset('phi-3', 'none'), undefined);
  assert.throws(
    () => findPreset('phi-3', 'gema-2-2b'),
    /no preset "gema-2-2b": gemma-2-2b, .*, or none\. Did you mean "gemma-2-2b"\?/,
  );
  for (const given of ['', '[phi-3]', '12', 'true']) {
    assert.throws(
      () => load(lengthEvaluate, `preset=${given}`),
      /^(preset must be|There is no preset)/,
    );
  }
});

test('published shares are shares of n answers', () => {
  const tables: { n: number; cells: (number | null)[]; where: string }[] = [];
  for (const name of presetNames()) {
    const { format, keywords, length, composition } = published('none', name)!;
    const { n, cells } = format!;
    const others = Object.values(format!.by_vectors_of ?? {});
    for (const own of [cells, ...others]) tables.push({ n, cells: own, where: `${name} format` });
    const plain = { ...keywords, ...length };
    for (const [where, table] of Object.entries(plain)) tables.push({ ...table, where });
    const sentences = Object.values(length?.at_most?.by_sentences ?? {});
    for (const own of sentences) tables.push({ n: 200, cells: own, where: 'by_sentences' });
    for (const key of ['format', 'length', 'both'] as const) {
      if (composition) tables.push({ n: composition.n, cells: composition[key], where: key });
    }
  }
  assert.is(tables.length, 6 + 2 + 4 + 1 + 2 + 3);
  for (const { n, cells, where } of tables) {
    for (const share of cells) {
      if (share === null) continue;
      const nearest = (100 * Math.round((share / 100) * n)) / n;
      assert.ok(Math.abs(nearest - share) < 0.0501, `${where}: ${share} is no share of ${n}`);
    }
  }
});

test('published layers are of instructions that there are, in layers that the models have', () => {
  for (const name of ['phi-3', 'gemma-2-2b-it', 'gemma-2-9b-it', 'mistral-7b-instruct']) {
    const { without, with: withIt } = published('none', name)!.format!.layers!;
    for (const [id, layer] of [...Object.entries(without), ...Object.entries(withIt)]) {
      assert.match(id, /^(detectable_format|change_case|punctuation|startend|language):\w+$/);
      assert.ok(Number.isInteger(layer) && layer > 0 && layer < LAYERS[name], `${name} ${id}`);
    }
  }
  assert.is(published('phi-3')?.format?.layers?.with['language:response_language_mr'], 14);
  assert.is(published('gemma-2-2b')?.format?.layers, undefined);
});

const load = (script: Script, ...overrides: string[]) => loadSettings(script, [], overrides).config;

/** Every value of a key that a preset has other settings for, as overrides. */
function casesOf(section: Record<string, unknown>): string[] {
  const cases = (section.cases ?? {}) as Record<string, object>;
  return Object.entries(cases).flatMap(([key, values]) =>
    Object.keys(values).map((value) => `${key}=${value}`),
  );
}

test('the list of scripts above is whole', () => {
  const files = fs.readdirSync(configsFolder, { recursive: true, encoding: 'utf8' });
  const scripts = files
    .map((file) => file.replaceAll(path.sep, '/').replace(/\.yaml$/, ''))
    .filter((name) => fs.existsSync(path.join(configsFolder, '../experiments', `${name}.ts`)));
  const runs = [...Object.keys(RUNS).map((name) => `${name}/run`), 'paper/analyses'];
  const all = [...Object.keys(SCRIPTS), ...runs, 'paper/reproduce'];
  assert.equal(scripts.sort(), all.sort());
});

test('every script takes every preset, in all its cases, with layers that the model has', () => {
  assert.equal(Object.keys(LAYERS), presetNames());
  for (const [name, count] of Object.entries(LAYERS)) {
    const { settings } = findPreset('any', name) as Preset;
    const scripts = Object.keys(settings).filter((key) => key.includes('/'));
    assert.equal(
      scripts.filter((key) => !SCRIPTS[key]),
      [],
      'a script that this test does not know',
    );
    for (const [title, script] of Object.entries(SCRIPTS)) {
      const cases = casesOf((settings[title] ?? {}) as Record<string, unknown>);
      for (const override of ['dry_run=true', ...cases]) {
        const config = load(script, `preset=${name}`, override);
        for (const [key, { ofLayers }] of Object.entries(script.schema)) {
          for (const layer of ofLayers ? [config[key] ?? []].flat() : []) {
            assert.ok(Number(layer) < count, `${name}, ${title} ${override}: ${key} ${layer}`);
          }
        }
      }
    }
  }
});

test('keywords: layer and weight follow the instruction, alone and in a run', () => {
  const settings = (model: string, instruction: string) => {
    const words = [`model_name=${model}`, `specific_instruction=${instruction}`];
    const { source_layer_idx, steering_weights } = load(keywordEvaluate, ...words);
    return [source_layer_idx, steering_weights];
  };
  assert.equal(settings('phi-3', 'existence'), [[28], [40]]);
  assert.equal(settings('phi-3', 'forbidden'), [[28], [-100]]);
  assert.equal(settings('gemma-2-2b-it', 'existence'), [[24], [80]]);
  assert.equal(settings('gemma-2-2b-it', 'forbidden'), [[22], [-120]]);
  const [layers, weights] = settings('gemma-2-2b-it', 'existence_validation') as number[][];
  assert.equal([Math.min(...layers), Math.max(...layers)], [22, 25]);
  assert.is(Math.max(...weights), 180);
  const [, away] = settings('gemma-2-2b-it', 'forbidden_validation') as number[][];
  assert.is(Math.min(...away), -250);
  assert.equal(settings('tiny-gemma2', 'forbidden'), [[0], ['1x']]);
});

test('what decides: YAML, preset, --config, key=value; preset=none does without', () => {
  const extra = (content: Record<string, unknown>) => [{ source: 'mine.yaml', content }];
  const layer = (content: Record<string, unknown>, ...overrides: string[]) =>
    loadSettings(keywordEvaluate, extra(content), overrides).config.source_layer_idx;
  assert.equal(layer({}, 'model_name=gpt2'), [24]);
  assert.equal(layer({}, 'model_name=phi-3'), [28]);
  assert.equal(layer({ source_layer_idx: 3 }, 'model_name=phi-3'), [3]);
  assert.equal(layer({ source_layer_idx: 3 }, 'model_name=phi-3', 'source_layer_idx=4'), [4]);
  assert.equal(layer({ model_name: 'phi-3' }), [28]);
  assert.equal(layer({ model_name: 'phi-3' }, 'preset=none'), [24]);
  assert.equal(layer({ model_name: 'phi-3', preset: 'none' }), [24]);
  assert.equal(layer({ preset: 'phi-3' }, 'model_name=gpt2'), [28]);
  assert.equal(load(keywordEvaluate, 'model_name=phi-3').data_path, 'data');
  assert.is(load(keywordEvaluate, 'model_name=phi-3', 'preset=none').data_path, PROMPTS);
});
const PROMPTS = 'weights/tiny/prompts';

/** Does something where a folder `data` is, as after `weights/download.ts data`, and a judge. */
async function besideData<T>(act: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  const place = path.join(temp, 'with-data');
  if (!fs.existsSync(place)) {
    makeDataFolder(path.join(place, 'data'));
    makeModel(path.join(place, 'gpt2'), 'gpt2-bf16-sharded');
  }
  process.chdir(place);
  try {
    return await act();
  } finally {
    process.chdir(before);
  }
}

async function refusal(act: () => Promise<unknown>): Promise<string> {
  try {
    await printedBy(act);
  } catch (error) {
    assert.instance(error, InputError);
    return (error as Error).message;
  }
  return assert.unreachable('should have been refused') as never;
}

const standIn = (name: string, layers = LAYERS[name]) =>
  makeStandIn(path.join(temp, String(layers), name), layers);
const command = (...overrides: string[]) => ({ overrides, multirun: false, wide: false });
const dry = [`output_path=${temp}/runs`, 'dry_run=true'];

/** What a dry run of gemma-2-2b-it says: what the steps take from one another is the usual. */
const PLANNED: Record<string, string[]> = {
  composition: ['layers 5, 7, 9, 11, 13,', 'composition/gemma-2-2b-it/default'],
  format: ['layers 5, 7, 9, 11, 13,', 'layer_search/default', 'format/gemma-2-2b-it/default'],
  keywords: [
    'at layer 24, weight 80',
    'at layer 22, weight -120',
    'gemma-2-2b-it/existence_default',
  ],
  length: ['at layer 12, weight 20', 'length/gemma-2-2b-it/default'],
};

for (const [experiment, run] of Object.entries(RUNS)) {
  test(`${experiment}: a run of a model of the paper is planned with its settings`, async () => {
    const model = standIn('gemma-2-2b-it');
    const text = await besideData(() =>
      printedBy(() => run(command(`model_name=${model}`, ...dry))),
    );
    const notices = text.match(/Settings of the paper for \S+ \(\S+\); preset=none does without/g);
    assert.equal(notices, [
      'Settings of the paper for gemma-2-2b-it (configs/paper/gemma-2-2b-it.yaml); preset=none does without',
    ]);
    for (const planned of PLANNED[experiment]) assert.match(text, planned);
  });
}

test('a run with nothing but the settings of its preset is the default one', async () => {
  const model = standIn('gemma-2-2b-it');
  const place = (script: Script, ...words: string[]) =>
    besideData(async () => {
      const places: string[] = [];
      const overrides = [
        `model_name=${model}`,
        `output_path=${temp}/runs`,
        'dry_run=true',
        ...words,
      ];
      const context = { wrote: (one: string) => places.push(path.basename(one)) };
      await printedBy(() => runScript(script, [], overrides, context));
      return places[0];
    });
  const names: Record<string, string> = {};
  for (const [name, script] of Object.entries(SCRIPTS)) {
    // How vectors of one's own steer is in no preset.
    if (name === 'custom/evaluate') continue;
    if (/evaluate|find_best_layer|precompute_ivs/.test(name)) names[name] = await place(script);
  }
  assert.equal(names, {
    'composition/evaluate_format_plus_length': 'default',
    'format/evaluate': 'default',
    'format/find_best_layer': 'default',
    'format/precompute_ivs': 'default.safetensors',
    'keywords/evaluate': 'existence_default',
    'length/evaluate': 'default',
  });
  assert.match(await place(formatVectors), /^ifeval_augmented_filtered_ratio1_seed42/);
  assert.is(await place(findBestLayer, 'preset=gemma-2-2b-it'), 'default');
  const search = ['data_path=data', 'layers=[5]'];
  const plain = await place(findBestLayer, 'preset=none', 'data_path=data');
  assert.not.equal(plain, 'default');
  assert.is(
    await place(findBestLayer, ...search, 'n_examples_per_instruction=3'),
    await place(findBestLayer, ...search, 'n_examples_per_instruction=3', 'preset=none'),
  );
});

test('the preset is recorded, and nothing more: a run goes on under another', async () => {
  const model = makeModel(path.join(temp, 'chars'));
  const words = [`model_name=${model}`, `output_path=${temp}/goes-on`, 'backend=wasm'];
  const small = [
    'n_examples=1',
    'length_rep_examples=2',
    'n_sent_max=1',
    'max_generation_length=2',
  ];
  const steered = ['source_layer_idx=1', 'steering_weights=3', 'perplexity_model=null', 'name=x'];
  const run = (...more: string[]) =>
    printedBy(() => runScript(lengthEvaluate, [], [...words, ...small, ...steered, ...more]));
  await run();
  const folder = path.join(temp, 'goes-on/length/chars/x');
  const recorded = () => parse(fs.readFileSync(path.join(folder, 'config.yaml'), 'utf8')).preset;
  assert.is(recorded(), null);
  await run('preset=none');
  const message = await refusal(() => run('seed=7'));
  assert.match(message, 'seed');
  assert.not.match(message, 'preset');
});

test('without the data, the command that fetches them is named', async () => {
  const model = standIn('gemma-2-2b-it');
  const empty = path.join(temp, 'empty');
  fs.mkdirSync(empty);
  const before = process.cwd();
  process.chdir(empty);
  try {
    for (const [name, script] of Object.entries(SCRIPTS)) {
      if (/perplexity|load_results|precompute|analyse_runs/.test(name)) continue;
      const words = [`model_name=${model}`, 'perplexity_model=null', ...dry].filter((word) =>
        Object.keys(script.schema).includes(word.split('=')[0]),
      );
      const message = await refusal(() => runScript(script, [], words));
      assert.match(message, 'npx ts-node weights/download.ts data', name);
    }
  } finally {
    process.chdir(before);
  }
});

test('layers that the model lacks are refused in every script, and where they come from is said', async () => {
  const small = makeStandIn(path.join(temp, 'small/phi-3'), 4);
  const refused = (script: Script, ...words: string[]) =>
    refusal(() => runScript(script, [], [`model_name=${small}`, 'dry_run=true', ...words]));
  const fromPreset = {
    'format/find_best_layer': 'layers',
    'keywords/evaluate': 'source_layer_idx',
    'length/evaluate': 'source_layer_idx',
    'composition/evaluate_format_plus_length': 'length_source_layer_idx',
  };
  for (const [name, key] of Object.entries(fromPreset)) {
    const message = await refused(SCRIPTS[name]);
    assert.ok(message.startsWith(`${key} (configs/paper/phi-3.yaml): there is no layer `), message);
    assert.match(message, 'phi-3 has 0 to 3. Give layers that it has');
    assert.match(message, `(${key}=...), or do without the paper's settings: preset=none.`);
  }
  const plain = await refused(keywordEvaluate, 'preset=none');
  assert.match(plain, 'source_layer_idx (configs/keywords/evaluate.yaml): there is no layer 24');
  assert.match(plain, /Give layers that it has \(source_layer_idx=\.\.\.\)\.$/);
  for (const [name, script] of Object.entries(SCRIPTS)) {
    for (const [key, { ofLayers }] of Object.entries(script.schema)) {
      if (!ofLayers) continue;
      const message = await refused(script, 'preset=none', ...layersBut(script, key), `${key}=9`);
      assert.is(message, `${key} (command line): there is no layer 9; phi-3 has 0 to 3.`, name);
    }
  }
});

/** Layers that all models have, for the other keys. */
function layersBut(script: Script, key: string): string[] {
  const keys = Object.keys(script.schema).filter((one) => script.schema[one].ofLayers);
  return keys.filter((one) => one !== key).map((one) => `${one}=0`);
}

test('in a run, a refused layer is said with its step', async () => {
  const model = standIn('gemma-2-2b-it');
  const message = await refusal(() =>
    besideData(() => keywordRun(command(`model_name=${model}`, 'preset=none', ...dry))),
  );
  assert.match(message, 'there is no layer 26; gemma-2-2b-it has 0 to 25');
  assert.match(message, '(validation.source_layer_idx=...)');
});

test('a preset for scripts or keys that there are not is refused', () => {
  const preset = (settings: Record<string, unknown>): Preset => ({
    name: 'x',
    file: 'x.yaml',
    settings,
    published: {},
  });
  const refused = (settings: Record<string, unknown>, pattern: RegExp) =>
    assert.throws(() => checkNames(preset(settings)), pattern);
  refused(
    { 'format/evalute': {} },
    /x\.yaml: no script is called "format\/evalute".*"format\/evaluate"/,
  );
  refused({ 'keywords/run': {} }, /no script is called "keywords\/run"/);
  refused({ data_paht: 'data' }, /no key is called "data_paht".*"data_path"/);
  checkNames(preset({ data_path: 'data', 'format/evaluate': {} }));
});

test('--help tells of presets and of other defaults; a preset says where its values come from', () => {
  for (const { file } of Object.values(SCRIPTS))
    assert.match(helpText(file), /preset=null .*phi-3/);
  assert.match(
    helpText(path.join(__dirname, '../../../../experiments/keywords/run.ts')),
    'preset=null',
  );
  const evaluate = helpText(keywordEvaluate.file);
  assert.match(
    evaluate,
    'tiny-gemma2, specific_instruction=forbidden: steering_weights=1x positions=all',
  );
  for (const name of presetNames()) {
    const file = path.join(presetsFolder, `${name}.yaml`);
    const text = fs.readFileSync(file, 'utf8');
    assert.match(text, "authors' outputs");
    assert.ok(parse(text).models.length);
  }
});

test.run();
