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
import { loadFormatRows } from '../../experiments/format/parts/rows';
import { script as precomputeIvs } from '../../experiments/format/precompute_ivs';
import { loadPhrasings } from '../../experiments/length/parts/phrasings';
import { dot } from '../../experiments/shared/vectors/direction';
import { loadVectors } from '../../experiments/shared/vectors/vectorFile';
import { generate } from '../../src/engine/generate';
import { readRun } from '../../src/runs/runFolder';
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
    return loadVectors(path.join(temp, 'runs', folder, file), {});
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

async function assertRejects(promise: Promise<unknown>, pattern: RegExp) {
  let message = '';
  await promise.catch((error: Error) => {
    message = error.message;
  });
  assert.match(message, pattern);
}

test.run();
