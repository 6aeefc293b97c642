import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as evaluate } from '../../experiments/composition/evaluate_format_plus_length';
import { script as loadResults } from '../../experiments/composition/load_results';
import {
  type CompositionRow,
  computeCells,
  STEERINGS,
} from '../../experiments/composition/parts/cells';
import { type CompositionConfig, planComposition } from '../../experiments/composition/parts/plan';
import { script as computeRepresentations } from '../../experiments/format/compute_representations';
import { script as findBestLayer } from '../../experiments/format/find_best_layer';
import { saveFormatVectors } from '../../experiments/format/parts/ivs';
import { loadFormatRows } from '../../experiments/format/parts/rows';
import { script as precomputeIvs } from '../../experiments/format/precompute_ivs';
import { script as computeLengths } from '../../experiments/length/compute_representations';
import { loadPhrasings } from '../../experiments/length/parts/phrasings';
import { loadDirections } from '../../experiments/shared/vectors/load';
import { generate } from '../../src/engine/generate';
import type { Edit } from '../../src/engine/steering';
import { readRun } from '../../src/runs/runFolder';
import { hashFile } from '../../src/util/hashFile';
import { dot } from '../../src/vectors/direction';
import { makeModel, openModel, runStep } from './helpers';

const root = path.join(__dirname, '../..');
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-composition-'));
const model = makeModel(path.join(temp, 'chars'));
test.after(() => fs.rmSync(temp, { recursive: true }));

const IDS = ['punctuation:no_comma', 'change_case:english_lowercase'];
const data = path.join(temp, 'format.jsonl');
fs.writeFileSync(
  data,
  IDS.flatMap((id, at) =>
    Array.from({ length: 6 }, (_, i) =>
      JSON.stringify({
        key: `${at}${i}`,
        prompt: `What is thing ${i}? Answer ${['no commas', 'all in lowercase'][at]}.`,
        prompt_without_instruction: `What is thing ${i}?`,
        instruction_id_list: [id],
        kwargs: [{}],
        split: i < 4 ? 'train' : 'eval',
      }),
    ),
  ).join('\n'),
);
const queries = path.join(temp, 'queries.jsonl');
fs.writeFileSync(
  queries,
  Array.from({ length: 5 }, (_, i) => JSON.stringify({ prompt: `Why thing ${i}?` })).join('\n'),
);
const phrasings = loadPhrasings(path.join(root, 'configs/length/phrasings.yaml'));
const plain: CompositionConfig = {
  include_format_instructions: 'both',
  include_length_instructions: 'both',
  steering: [...STEERINGS],
  format_steering: 'adjust_rs',
  format_weight: 20,
  length_steering: 'conciseness',
  length_source_layer_idx: 1,
  length_weight: 3,
  constraint_type: 'at_most',
  n_sent_max: 5,
  format_positions: 'all',
  length_positions: 'all',
  seed: 1,
};

const vectors = {
  formatLayer: (id: string) => (id === IDS[0] ? 2 : null),
  lengthNames: Object.keys(phrasings.levels),
};

test('sixteen cells; the format acts first; a format without a layer is left alone', () => {
  const rows = loadFormatRows(data, { checked: true });
  const plan = planComposition(rows, plain, vectors, phrasings);
  assert.is(plan.length, 16 * 12);
  assert.is(new Set(plan.map(({ id }) => id)).size, plan.length);
  const of = (key: string, steering: string) =>
    plan.find((row) => row.key === key && row.steering === steering)!;
  const positions = 'all';
  const format = { kind: 'project', vector: IDS[0], target: IDS[0], layer: 2, positions };
  const length = { kind: 'add', vector: 'extremely_concise', layer: 1, positions, weight: 3 };
  assert.equal(of('00', 'none').edits, []);
  assert.equal(of('00', 'format + length').edits, [format, length]);
  assert.equal(of('10', 'format').edits, []);
  assert.equal(of('10', 'format + length').edits, [length]);
  // One number of sentences per prompt, in all its cells; several numbers in use.
  for (const { key } of rows) {
    assert.is(new Set(plan.filter((row) => row.key === key).map(({ n_sent }) => n_sent)).size, 1);
  }
  assert.ok(new Set(plan.map(({ n_sent }) => n_sent)).size > 2);
  const prompts = plan.filter(({ key, steering }) => key === '00' && steering === 'none');
  assert.equal(
    prompts.map(({ prompt }) => [/no commas/.test(prompt), /sentence/.test(prompt)]),
    [
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ],
  );
});

test('length_from_last_layer: one layer gives the vector of every row, another is steered', () => {
  const rows = loadFormatRows(data, { checked: true });
  const faulty = planComposition(rows, plain, { ...vectors, lengthSource: 9 }, phrasings);
  const sources = faulty
    .filter(({ steering }) => steering === 'length')
    .map(({ edits: [edit] }) => [edit.layer, edit.source].join());
  assert.equal([...new Set(sources)], ['1,9']);
});

test('a steering that is none takes its cells with it; add_vector has a weight', () => {
  const rows = loadFormatRows(data, { checked: true }).slice(0, 1);
  const steeringsWith = (change: Partial<CompositionConfig>) => {
    const plan = planComposition(rows, { ...plain, ...change }, vectors, phrasings);
    return [...new Set(plan.map(({ steering }) => steering))];
  };
  assert.equal(steeringsWith({ length_steering: 'none' }), ['none', 'format']);
  assert.equal(steeringsWith({ format_steering: 'none' }), ['none', 'length']);
  assert.equal(steeringsWith({ format_steering: 'none', length_steering: 'none' }), ['none']);
  const adding = { ...plain, format_steering: 'add_vector', format_weight: '2x' } as const;
  const row = planComposition(rows, adding, vectors, phrasings).find(
    ({ steering }) => steering === 'format',
  )!;
  const positions = 'all';
  assert.equal(row.edits, [{ kind: 'add', vector: IDS[0], layer: 2, positions, weight: '2x' }]);
});

test('cells count formats, lengths and both against the unsteered rows of the same prompts', () => {
  const row = (key: string, steering: string, format_ok: boolean, length_ok: boolean) =>
    ({
      ...{ id: key + steering, key, steering, format_instruction: false, length_instruction: true },
      ...{ format_ok, length_ok, ok: format_ok && length_ok, response: 'abc', tokens: 2 },
      ...{ stopped: 'stop', sentences: format_ok ? 1 : 3, words: 4 },
    }) as CompositionRow;
  const rows = [
    row('a', 'none', false, true),
    row('b', 'none', false, false),
    row('a', 'format + length', true, true),
    row('b', 'format + length', true, false),
  ];
  const [base, steered] = computeCells(rows, {
    perplexities: new Map([['aformat + length', 6]]),
    qualities: new Map([['aformat + length', 0.5]]),
  });
  assert.equal([base.format.accuracy, base.length.accuracy, base.both.gain], [0, 0.5, null]);
  assert.equal([steered.format.gain, steered.length.gain, steered.both.gain], [1, 0, 0.5]);
  assert.equal(steered.format.gain_interval, [1, 1]);
  assert.equal([steered.mean_sentences, base.mean_sentences], [1, 3]);
  assert.equal([steered.both.mean_perplexity, steered.both.n_perplexity], [6, 1]);
  assert.equal([steered.both.mean_quality, steered.both.n_quality], [0.5, 1]);
  assert.equal([base.both.mean_quality, base.both.n_quality], [null, 0]);
});

test('the whole chain on a real model; an answer recomputed from the vectors', async () => {
  const settings = [
    `model_name=${model}`,
    `output_path=${temp}/runs`,
    'backend=wasm',
    'max_generation_length=10',
    'max_generation_length_long=10',
  ];
  const evaluateWith = (...words: string[]) =>
    runStep(
      evaluate,
      ...settings,
      `data_path=${data}`,
      `length_data_path=${queries}`,
      'perplexity_model=null',
      'length_rep_examples=4',
      'length_source_layer_idx=1',
      'length_weight=0.5x',
      ...words,
    );
  await assertRejects(evaluateWith(), /Run first: .*precompute_ivs/);
  const formats = [...settings, `data_path=${data}`];
  await runStep(computeRepresentations, ...formats);
  await runStep(findBestLayer, ...formats, 'n_examples_per_instruction=1');
  await runStep(precomputeIvs, ...formats, 'fixed_layer=2');
  const text = await evaluateWith();
  assert.match(text, 'format + length');

  const folder = path.join(temp, 'runs/composition/chars');
  const [name] = fs.readdirSync(folder);
  const { rows } = readRun<CompositionRow>(path.join(folder, name));
  assert.is(rows.length, 16 * 4);
  const summary = JSON.parse(fs.readFileSync(path.join(folder, name, 'summary.json'), 'utf8'));
  assert.equal(summary.cells, computeCells(rows));
  assert.match(await runStep(loadResults, ...settings), /\nenglish_lowercase /);

  // Other wordings in the same file of phrasings are another run.
  const wordings = path.join(temp, 'phrasings.yaml');
  fs.copyFileSync(path.join(root, 'configs/length/phrasings.yaml'), wordings);
  const own = [`phrasings_path=${wordings}`, 'name=mine', 'n_examples=1'];
  await evaluateWith(...own);
  const before = fs.readFileSync(wordings, 'utf8');
  fs.writeFileSync(wordings, before.replace('at most {n} sentence{s}', 'up to {n} sentence{s}'));
  await assertRejects(evaluateWith(...own), /phrasings: "\w+" there, "\w+" now/);

  const session = await openModel(model);
  const one = (folder: string) => {
    const [file] = fs.readdirSync(path.join(temp, 'runs', folder));
    return loadDirections(path.join(temp, 'runs', folder, file), {});
  };
  const format = one('format/chars/representations').directions;
  const concise = one('length/chars/representations').directions.get('extremely_concise')!;
  for (const row of rows.filter(({ steering }) => steering === 'format + length').slice(0, 3)) {
    const { unit, meanWith } = format.get(row.instruction_id)!;
    const [{ tokens }] = await generate(session.model, [session.encode(row.prompt)], {
      maxNewTokens: 10,
      stopIds: session.tokenizer.stopIds,
      edits: [
        [
          { kind: 'project', layer: 2, vector: unit[2], target: dot(unit[2], meanWith[2]) },
          { kind: 'add', layer: 1, vector: concise.unit[1], weight: 0.5 * concise.norm[1] },
        ],
      ],
    });
    assert.is(row.response, session.tokenizer.decode(tokens, { skipSpecialTokens: true }));
  }
});

/** Rows of the only run of a name, and the direction of conciseness and the formats that it had. */
function openRunOf(output: string, name: string) {
  const { rows, config } = readRun<CompositionRow>(path.join(output, 'composition/chars', name));
  const one = (experiment: string) => {
    const folder = path.join(output, experiment, 'chars/representations');
    return fs.existsSync(folder)
      ? loadDirections(path.join(folder, fs.readdirSync(folder)[0]), {}).directions
      : undefined;
  };
  const concise = one('length')?.get('extremely_concise');
  return { rows, config, formats: one('format')!, concise };
}

test('one layer for all formats by add_vector, and the length vector of the last layer', async () => {
  const output = path.join(temp, 'fixed');
  const settings = [
    ...[`model_name=${model}`, `output_path=${output}`, 'backend=wasm', `data_path=${data}`],
    ...['perplexity_model=null', 'max_generation_length=10', `length_data_path=${queries}`],
    ...['length_rep_examples=4', 'length_source_layer_idx=1', 'length_weight=0.5x'],
  ];
  const fixed = ['format_layer=0', 'format_steering=add_vector', 'format_weight=2'];
  await assertRejects(
    runStep(evaluate, ...settings, ...fixed),
    /Run first: .*format\/compute_repr/,
  );
  // No layer has to be searched for it.
  await runStep(computeRepresentations, ...settings);
  await runStep(evaluate, ...settings, ...fixed, 'name=none', 'length_steering=none');
  assert.not.ok(fs.existsSync(path.join(output, 'length')), 'nothing of length is computed');
  const none = openRunOf(output, 'none');
  assert.equal([...new Set(none.rows.map(({ steering }) => steering))], ['none', 'format']);

  const words = [...settings, 'compat=[length_from_last_layer]', 'n_examples=3'];
  // With a layer for all formats, the authors read the length vector there.
  await runStep(evaluate, ...words, ...fixed, 'name=both');
  await runStep(evaluate, ...words, 'name=last', 'steering=length');
  const both = openRunOf(output, 'both');
  const last = openRunOf(output, 'last');
  const session = await openModel(model);
  const answer = async ({ prompt }: CompositionRow, edits: Edit[]) => {
    const [{ tokens }] = await generate(session.model, [session.encode(prompt)], {
      maxNewTokens: 10,
      stopIds: session.tokenizer.stopIds,
      edits: [edits],
    });
    return session.tokenizer.decode(tokens, { skipSpecialTokens: true });
  };
  const add = (layer: number, vector: Float32Array, weight: number): Edit => ({
    ...{ kind: 'add', layer, vector, weight },
  });
  const lengthFrom = (source: number) => {
    const { unit, norm } = last.concise!;
    return add(1, unit[source], 0.5 * norm[source]);
  };
  for (const row of both.rows.filter(({ steering }) => steering === 'format + length')) {
    const format = both.formats.get(row.instruction_id)!;
    assert.is(row.response, await answer(row, [add(0, format.unit[0], 2), lengthFrom(0)]), row.id);
  }
  const steered = last.rows.filter(({ steering }) => steering === 'length');
  assert.is(steered.length, 4 * 3);
  const others = [];
  for (const row of steered) {
    assert.is(row.response, await answer(row, [lengthFrom(2)]), row.id);
    others.push(await answer(row, [lengthFrom(1)]));
  }
  assert.not.equal(
    steered.map(({ response }) => response),
    others,
    'the layer matters',
  );
});

test('a format acts at the layer of prompts like the row’s: with its instruction, or without', async () => {
  const output = path.join(temp, 'two');
  const settings = [
    ...[`model_name=${model}`, `output_path=${output}`, 'backend=wasm', `data_path=${data}`],
    ...['perplexity_model=null', 'max_generation_length=10', 'length_steering=none'],
    ...[`length_data_path=${queries}`, 'length_rep_examples=4', 'length_source_layer_idx=1'],
  ];
  await runStep(computeRepresentations, ...settings);
  const representations = path.join(output, 'format/chars/representations');
  const file = path.join(representations, fs.readdirSync(representations)[0]);
  const vectors = loadDirections(file, {});
  const ivs = path.join(output, 'format/chars/ivs');
  fs.mkdirSync(ivs);
  const session = await openModel(model);
  const layers = {
    without: { [IDS[0]]: 0, [IDS[1]]: 2 },
    with: { [IDS[0]]: 2, [IDS[1]]: null },
  };
  const [without, withIt] = [layers.without, layers.with].map((some) => {
    return new Map(Object.entries(some));
  });
  saveFormatVectors(
    path.join(ivs, 'two.safetensors'),
    { vectors, sha256: hashFile(file) },
    {
      selected: { without, with: withIt },
      chosenBy: 'hand',
      settings: {},
      steeredFingerprint: session.files.fingerprint,
    },
  );
  await runStep(evaluate, ...settings, 'name=two');
  const folder = path.join(output, 'composition/chars/two');
  const { rows, config } = readRun<CompositionRow>(folder);
  assert.is(config.ivs_name, 'two');
  const summary = JSON.parse(fs.readFileSync(path.join(folder, 'summary.json'), 'utf8'));
  assert.equal(summary.selected_layers, layers);
  const steered = rows.filter(({ steering }) => steering === 'format');
  assert.is(steered.length, 4 * 4);
  for (const row of steered) {
    const layer = layers[row.format_instruction ? 'with' : 'without'][row.instruction_id];
    const direction = vectors.directions.get(row.instruction_id)!;
    const edit = (at: number): Edit => ({
      ...{ kind: 'project', layer: at, vector: direction.unit[at] },
      target: direction.projectionWith[at],
    });
    const [{ tokens }] = await generate(session.model, [session.encode(row.prompt)], {
      maxNewTokens: 10,
      stopIds: session.tokenizer.stopIds,
      edits: [layer === null ? [] : [edit(layer)]],
    });
    assert.is(row.response, session.tokenizer.decode(tokens, { skipSpecialTokens: true }), row.id);
  }
});

test("vectors_model: formats and length are steered by that model's vectors", async () => {
  const other = makeModel(path.join(temp, 'other'));
  const config = path.join(other, 'config.json');
  const json = JSON.parse(fs.readFileSync(config, 'utf8'));
  fs.writeFileSync(config, JSON.stringify({ ...json, attn_logit_softcapping: 0.01 }));
  const output = path.join(temp, 'cross');
  const settings = [`output_path=${output}`, 'backend=wasm', `data_path=${data}`];
  const cross = (...words: string[]) =>
    runStep(
      evaluate,
      ...[...settings, `model_name=${model}`, `vectors_model=${other}`],
      ...['format_layer=2', 'format_weight=2', 'format_steering=add_vector', 'n_examples=2'],
      ...[`length_data_path=${queries}`, 'length_rep_examples=4', 'length_source_layer_idx=1'],
      ...['length_weight=3', 'perplexity_model=null', 'max_generation_length=8', 'name=cross'],
      ...words,
    );
  const command = `length/compute_representations.ts model_name=${other} data_path=${queries}`;
  await assertRejects(cross('dry_run=true'), new RegExp(command.replace(/[.]/g, '\\.')));
  const length = [`data_path=${queries}`, 'n_examples=4'];
  const own = [`output_path=${output}`, 'backend=wasm', `model_name=${other}`];
  await runStep(computeLengths, ...own, ...length);
  await assertRejects(cross(), /format\/compute_representations\.ts model_name=other/);
  await runStep(computeRepresentations, ...settings, `model_name=${other}`);
  await cross();
  assert.equal(fs.readdirSync(path.join(output, 'length')), ['other']);
  const one = (experiment: string) => {
    const folder = path.join(output, experiment, 'other/representations');
    return loadDirections(path.join(folder, fs.readdirSync(folder)[0]), {}).directions;
  };
  const concise = one('length').get('extremely_concise')!;
  const formats = one('format');
  const session = await openModel(model);
  const { rows } = readRun<CompositionRow>(path.join(output, 'composition/chars/cross'));
  for (const row of rows.filter(({ steering }) => steering === 'format + length')) {
    const [{ tokens }] = await generate(session.model, [session.encode(row.prompt)], {
      maxNewTokens: 8,
      stopIds: session.tokenizer.stopIds,
      edits: [
        [
          { kind: 'add', layer: 2, vector: formats.get(row.instruction_id)!.unit[2], weight: 2 },
          { kind: 'add', layer: 1, vector: concise.unit[1], weight: 3 },
        ],
      ],
    });
    assert.is(row.response, session.tokenizer.decode(tokens, { skipSpecialTokens: true }));
  }
});

async function assertRejects(promise: Promise<unknown>, pattern: RegExp) {
  let message = '';
  await promise.catch((error: Error) => {
    message = error.message;
  });
  assert.match(message, pattern);
}

test.run();
