import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as computeRepresentations } from '../../experiments/format/compute_representations';
import { script as computePerplexity } from '../../experiments/format/compute_response_perplexity';
import { script as evaluate } from '../../experiments/format/evaluate';
import { script as findBestLayer } from '../../experiments/format/find_best_layer';
import { script as loadResults } from '../../experiments/format/load_results';
import { computeCells, type FormatRow } from '../../experiments/format/parts/cells';
import { loadFormatVectors } from '../../experiments/format/parts/ivs';
import { chooseLayers } from '../../experiments/format/parts/layerChoice';
import { planFormatRows, steeringActs } from '../../experiments/format/parts/plan';
import {
  drawSearchRows,
  drawSubset,
  evaluationRows,
  loadFormatRows,
  searchLayers,
  trainingRows,
} from '../../experiments/format/parts/rows';
import { layerComparison } from '../../experiments/format/parts/tables';
import { script as precomputeIvs } from '../../experiments/format/precompute_ivs';
import { loadDirections } from '../../experiments/shared/vectors/load';
import { followLoose, parseInstruction } from '../../ifeval';
import { generate } from '../../src/engine/generate';
import type { Edit } from '../../src/engine/steering';
import { readRun } from '../../src/runs/runFolder';
import { refused } from '../refusal';
import { testWhere } from '../where';
import {
  close,
  makeModel,
  meanActivation,
  openModel,
  runStep,
  runScript as spawnScript,
  stopScripts,
} from './helpers';

const root = path.join(__dirname, '../..');
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-format-'));
const model = makeModel(path.join(temp, 'chars'));
test.after(() => {
  stopScripts();
  fs.rmSync(temp, { recursive: true });
});

const IDS = ['punctuation:no_comma', 'change_case:english_lowercase', 'detectable_format:title'];
const WORDS = ['no commas', 'all in lowercase', 'with a title in <<>>'];
/** Of each instruction 6 rows for training, then 2 for evaluation. */
const raw = IDS.flatMap((id, at) =>
  Array.from({ length: 8 }, (_, i) => ({
    key: `${at}${i}`,
    prompt: `What is thing ${i}? Answer ${WORDS[at]}.`,
    prompt_without_instruction: `What is thing ${i}?`,
    instruction_id_list: [id],
    kwargs: [{}],
    split: i < 6 ? 'train' : 'eval',
  })),
);
const data = writeRows('format.jsonl', raw);

function writeRows(name: string, rows: object[]): string {
  const file = path.join(temp, name);
  fs.writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return file;
}

const keys = (rows: { key: string }[]) => rows.map(({ key }) => key);

test("layers searched: the paper's rule, every layer of small models, or a list", () => {
  assert.equal(searchLayers(null, 26), [5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25]);
  assert.equal(searchLayers(null, 42), [8, 11, 14, 17, 20, 23, 26, 29, 32, 35, 38, 41]);
  assert.equal(searchLayers(null, 32).slice(0, 2), [6, 8]);
  assert.is(searchLayers(null, 32).at(-1), 30);
  assert.equal(searchLayers(null, 6), [0, 1, 2, 3, 4, 5]);
  assert.equal(searchLayers([4, 0, 4], 6), [0, 4]);
  assert.throws(() => searchLayers([0, 6], 6), /no layer 6; the model has 0 to 5/);
});

test('rows: single instructions, by split; the search avoids those of the vectors', () => {
  const rows = loadFormatRows(data, { checked: true });
  const training = trainingRows(rows, data);
  assert.equal([training.length, evaluationRows(rows, data).length], [18, 6]);
  assert.ok(evaluationRows(rows, data).every(({ key }) => /[67]$/.test(key)));

  const subset = drawSubset(training, 0.7, 1);
  assert.equal(
    IDS.map((id) => subset.filter((row) => row.id === id).length),
    [4, 4, 4],
  );
  assert.equal(drawSubset(training, 0.7, 1), subset);
  assert.not.equal(keys(drawSubset(training, 0.7, 2)), keys(subset));
  assert.is(drawSubset(training, 0.01, 1).length, 3);
  // A row's place in the draw does not depend on the other instructions.
  const alone = drawSubset(
    training.filter(({ id }) => id === IDS[1]),
    0.7,
    1,
  );
  assert.equal(keys(alone), keys(subset.filter(({ id }) => id === IDS[1])));

  const used = new Set(keys(subset));
  const two = drawSearchRows(training, 2, 1, used);
  assert.is(two.length, 6);
  assert.ok(two.every(({ key }) => !used.has(key)));
  const five = drawSearchRows(training, 5, 1, used);
  assert.equal([five.length, five.filter(({ key }) => used.has(key)).length], [15, 9]);

  const spoken = loadFormatRows(
    writeRows(
      'spoken.jsonl',
      ['es', 'de', 'es'].map((language, i) => ({
        ...raw[i],
        instruction_id_list: ['language:response_language'],
        kwargs: [{ language }],
      })),
    ),
    { checked: true },
  );
  assert.equal(
    spoken.map(({ id }) => id.slice(-3)),
    ['_es', '_de', '_es'],
  );
  const drawn = drawSearchRows(spoken, 8, 1, new Set(['00']));
  assert.equal(keys(drawn).sort(), ['01', '02'], 'one of each language, not the one used');

  const several = writeRows('several.jsonl', [
    raw[0],
    { ...raw[1], instruction_id_list: IDS.slice(0, 2), kwargs: [{}, {}] },
  ]);
  const { log } = console;
  let said = '';
  console.log = (text: string) => (said += text);
  assert.is(loadFormatRows(several, { checked: true }).length, 1);
  console.log = log;
  assert.match(said, /^1 rows .* several instructions/);
  const unsplit = rows.map((row) => ({ ...row, split: undefined }));
  assert.is(evaluationRows(unsplit, 'x').length, 24);
  assert.throws(() => evaluationRows(training, 'x'), /no row of the split "eval"/);
  assert.throws(() => trainingRows(rows.slice(6, 8), 'x'), /All rows/);
});

const authors = path.join(root, '../shared/data/seed/format/ifeval_single_instr_format.jsonl');
const withAuthors = testWhere(fs.existsSync(authors), `${authors} is not here`);

withAuthors("the authors' data file loads", () => {
  const rows = loadFormatRows(authors, { checked: true });
  assert.is(rows.length, 163);
  assert.is(evaluationRows(rows, authors).length, 163);
  const search = drawSearchRows(rows, 8, 42, new Set());
  const spoken = search.filter(({ id }) => id.startsWith('language:'));
  const languages = rows.filter(({ id }) => id.startsWith('language:'));
  assert.is(new Set(languages.map(({ kwargs }) => kwargs[0].language)).size, spoken.length);
  assert.ok(spoken.length > 5 && languages.length > spoken.length);
  assert.ok(spoken.every(({ id, kwargs }) => id.endsWith(`_${kwargs[0].language}`)));
});

/** Search rows of one instruction: for each layer a string of + (obeys) and - per row. */
function searchRows(layers: Record<string, string>, id = IDS[0]): FormatRow[] {
  return Object.entries(layers).flatMap(([name, marks]) => {
    const layer = name === 'none' ? null : Number(name.slice(1));
    return [...marks].map((mark, i) => ({
      id: `${id}|${name}|${i}`,
      key: String(i),
      instruction_id: id,
      instructed: false,
      steering: layer === null ? 'none' : 'adjust_rs',
      layers: layer,
      layer,
      weight: null,
      prompt: '',
      response: 'x',
      tokens: 1,
      stopped: 'stop' as const,
      ok: mark === '+',
    }));
  });
}

test("a layer is picked by the paper's rule", () => {
  const options = { inPrompt: false, threshold: null, unsteeredBaseline: false } as const;
  const pick = (layers: Record<string, string>) => chooseLayers(searchRows(layers), options)[0];
  const choice = pick({ none: '---+', l1: '++--', l3: '+++-', l5: '+++-', l7: '+---' });
  assert.equal([choice.selected, choice.accuracy, choice.median], [3, 0.75, 0.625]);
  assert.is(pick({ none: '++', l1: '++' }).selected, null, 'no steering wins a tie');
  assert.is(pick({ none: '--', l1: '--' }).selected, null);

  // Responses 0.. of a layer whose perplexity is low (below 2.5), missing, or fine.
  const rows = searchRows({ none: '++--', l1: '++++', l3: '+++-', l5: '++--' });
  const perplexities = new Map<string, number | null>(rows.map(({ id }) => [id, 9]));
  const filtered = (more: object = {}) =>
    chooseLayers(rows, { ...options, threshold: 2.5, perplexities, ...more })[0];
  assert.is(filtered().selected, 1);
  perplexities.set(`${IDS[0]}|l1|0`, 2.49);
  assert.is(filtered().selected, 3, 'one repeating response puts a layer out');
  assert.is(filtered({ threshold: 2.4 }).selected, 1);
  // What has no perplexity is blank, which is degenerate, or a single token, which is not.
  perplexities.set(`${IDS[0]}|l3|3`, null);
  assert.is(filtered().selected, 3);
  rows.find(({ id }) => id === `${IDS[0]}|l3|3`)!.response = ' \n';
  assert.is(filtered().selected, null, 'none ties with layer 5');
  assert.equal(
    filtered().layers.map(({ score }) => score),
    [0.5, 0, 0, 0.5],
  );
  // The unsteered share of a base model allows as much, not more.
  perplexities.set(`${IDS[0]}|none|0`, 1.5);
  assert.is(filtered().selected, null, 'unsteered responses are not filtered');
  assert.is(filtered({ unsteeredBaseline: true }).selected, 1);
  assert.is(filtered({ filterBaseline: true }).selected, 5);
  perplexities.delete(`${IDS[0]}|l5|0`);
  assert.throws(filtered, /answer .*l5\|0 was not judged/);
});

test('cells: every way to steer once, against the unsteered rows of the same prompts', () => {
  const rows = loadFormatRows(data, { checked: true }).slice(0, 10);
  const acts = steeringActs(['add_vector', 'none', 'adjust_rs'], ['selected', 1], [20, '1x']);
  assert.is(acts.length, 1 + 2 * 2 + 2);
  const selected = { without: new Map([[IDS[0], 2]]), with: new Map([[IDS[0], 0]]) };
  const plan = planFormatRows(
    rows,
    { include_instructions: 'both', positions: 'all' },
    acts,
    (instructed) => (instructed ? selected.with : selected.without),
  );
  assert.is(new Set(plan.map(({ id }) => id)).size, 2 * 7 * 10);
  for (const { layers, layer, steering, instruction_id, edits, instructed, prompt, row } of plan) {
    const own = instruction_id === IDS[0] ? (instructed ? 0 : 2) : null;
    const expected = layers === 'selected' ? own : layers;
    assert.is(layer, steering === 'none' ? null : expected);
    assert.equal(
      edits.map((edit) => [edit.vector, edit.layer]),
      layer === null ? [] : [[row.id, layer]],
    );
    assert.is(prompt, instructed ? row.prompt : row.withoutInstruction);
  }

  // Of two instructions, two rows each: the first obeys at layer 0, both rows; the second never.
  const done = [IDS[0], IDS[1]].flatMap((id, at) => [
    ...searchRows({ none: '--', l0: at ? '--' : '++', l1: '+-' }, id),
    ...searchRows({ l9: at ? '--' : '++' }, id).map((row) => ({
      ...row,
      layers: 'selected' as const,
    })),
  ]);
  const cells = computeCells(done.map((row) => ({ ...row, key: row.instruction_id + row.key })));
  assert.equal(
    cells.map(({ layers, accuracy, gain }) => [layers, accuracy, gain]),
    [
      [null, 0, null],
      [0, 0.5, 0.5],
      [1, 0.5, 0.5],
      ['selected', 0.5, 0.5],
    ],
  );
  assert.equal(
    cells[1].by_instruction.map(({ gain }) => gain),
    [1, 0],
  );
  // Medians by hand: (1 and 0.5 → 0.75) and (0 and 0.5 → 0.25), so 0.5.
  assert.match(layerComparison(cells)[0], /50\.0 % at the selected layers, 50\.0 % at the median/);
});

const settings = (...more: string[]) => [
  `model_name=${model}`,
  `data_path=${data}`,
  `output_path=${temp}/runs`,
  'backend=wasm',
  'batch_size=5',
  'max_generation_length=12',
  'max_generation_length_long=16',
  'n_examples_per_instruction=2',
  ...more,
];

test('all six steps on a real model, checked by hand', async () => {
  const judge = makeModel(path.join(temp, 'judge'), 'gpt2-bare-masks');
  const folder = path.join(temp, 'runs/format/chars');
  await runStep(
    computeRepresentations,
    ...settings('subset_ratio=0.7', 'n_generations=1', 'keep_activations=true'),
  );
  const [looks, vectorFile] = fs.readdirSync(path.join(folder, 'representations'));
  assert.match(vectorFile, /^format_ratio0\.7_seed42_\w{8}\.safetensors$/);
  const vectors = loadDirections(path.join(folder, 'representations', vectorFile), {});
  const training = trainingRows(loadFormatRows(data, { checked: true }), data);
  const used: string[] = JSON.parse(vectors.provenance.example_keys);
  assert.equal(used, keys(drawSubset(training, 0.7, 42)));
  const looked = fs
    .readFileSync(path.join(folder, 'representations', looks), 'utf8')
    .trim()
    .split('\n');
  assert.is(looked.length, 2 * IDS.length);

  const session = await openModel(model);
  for (const id of IDS) {
    const rows = training.filter((row) => row.id === id && used.includes(row.key));
    assert.is(rows.length, 4);
    for (const layer of [0, 2]) {
      const withIt = await meanActivation(
        session,
        rows.map(({ prompt }) => prompt),
        layer,
      );
      const without = await meanActivation(
        session,
        rows.map((row) => row.withoutInstruction),
        layer,
      );
      const difference = withIt.map((value, i) => value - without[i]);
      const norm = Math.hypot(...difference);
      const { unit, projectionWith } = vectors.directions.get(id)!;
      close(
        unit[layer],
        difference.map((value) => value / norm),
      );
      const target = withIt.reduce((sum, value, i) => sum + (value * difference[i]) / norm, 0);
      assert.ok(Math.abs(projectionWith[layer] - target) < 1e-3);
    }
  }

  await runStep(findBestLayer, ...settings('positions=all', 'name=s'));
  const search = readRun<FormatRow>(path.join(folder, 'layer_search/s'));
  // Two rows of each, unsteered and at three layers, without and with the instruction.
  assert.is(search.rows.length, 2 * 4 * 6);
  assert.ok(search.rows.every(({ key }) => !used.includes(key) && Number(key[1]) < 6));
  assert.match(
    await refused(runStep(precomputeIvs, ...settings())),
    'Run compute_response_perplexity first',
  );
  await runStep(computePerplexity, ...settings(`perplexity_model=${judge}`));
  const table = await runStep(precomputeIvs, ...settings('perplexity_threshold=null'));
  assert.match(table, /mean over instructions/);
  const stored = loadFormatVectors(
    {
      output_path: `${temp}/runs`,
      model_name: model,
      vectors_model: null,
      vectors_data_path: data,
    },
    { chosen: null, made: [], layers: [] },
    { positions: 'prompt', steering: ['adjust_rs'] },
    session,
  );
  // Each kind of prompts has its own choice, by its own answers.
  for (const [id, instructed] of IDS.flatMap((one) => [
    [one, false] as const,
    [one, true] as const,
  ])) {
    const obeyed = (layer: number | null) =>
      search.rows.filter(
        (row) =>
          row.instruction_id === id &&
          row.layer === layer &&
          row.instructed === instructed &&
          row.ok,
      ).length;
    const order = [null, 0, 1, 2];
    const most = Math.max(...order.map(obeyed));
    assert.is(
      stored.selectedFor(instructed).get(id),
      order.find((layer) => obeyed(layer) === most),
      id,
    );
  }

  await runStep(precomputeIvs, ...settings('fixed_layer=1', 'name=one'));
  // Two choices of layers by now, and time decides nothing.
  const ambiguous = await refused(runStep(evaluate, 'perplexity_model=null', ...settings()));
  assert.match(ambiguous, /more than one fitting vector file/);
  assert.match(ambiguous, /ivs_name=one: fixed_layer 1/);
  assert.match(ambiguous, /ivs_name=\w+: fixed_layer null/);
  const steerings = [
    'steering=[adjust_rs,add_vector]',
    'steering_weights=[1x]',
    'compare_layers=[0]',
  ];
  const text = await runStep(
    evaluate,
    'perplexity_model=null',
    ...settings('name=e', 'ivs_name=one', 'positions=prompt', ...steerings),
  );
  assert.match(text, 'fixed_layer=1');
  const { rows, config } = readRun<FormatRow>(path.join(folder, 'e'));
  assert.is(rows.length, 2 * 3 * 6 + 2 * 6);
  assert.is(config.model_fingerprint, session.files.fingerprint);
  for (const row of rows) {
    assert.ok(Number(row.key[1]) >= 6, 'evaluation rows only');
    const { unit, norm, projectionWith } = vectors.directions.get(row.instruction_id)!;
    const layer = row.layers === 'selected' ? 1 : 0;
    const at = { layer, vector: unit[layer], positions: 'prompt' } as const;
    const steer: Edit[] =
      row.steering === 'none'
        ? []
        : row.steering === 'adjust_rs'
          ? [{ kind: 'project', ...at, target: projectionWith[layer] }]
          : [{ kind: 'add', ...at, weight: norm[layer] }];
    const [{ tokens }] = await generate(session.model, [session.encode(row.prompt)], {
      maxNewTokens: 12,
      stopIds: session.tokenizer.stopIds,
      edits: [steer],
    });
    const expected = session.tokenizer.decode(tokens, { skipSpecialTokens: true });
    assert.is(row.response, expected, row.id);
    assert.is(row.ok, followLoose(parseInstruction(row.instruction_id, {}), expected).followed);
  }
  const { cells } = JSON.parse(fs.readFileSync(path.join(folder, 'e/summary.json'), 'utf8'));
  assert.equal(cells, computeCells(rows));
  const shown = await runStep(loadResults, ...settings());
  assert.ok(shown.startsWith(path.join(folder, 'e')), shown);
  for (const id of IDS) assert.match(shown, id.split(':')[1]);
});

test("another model's vectors steer, if it is as wide; a base model answers Q: ... A:", async () => {
  const base = path.join(temp, 'base');
  fs.cpSync(model, base, { recursive: true });
  const config = path.join(base, 'tokenizer_config.json');
  const { chat_template: _, ...plain } = JSON.parse(fs.readFileSync(config, 'utf8'));
  fs.writeFileSync(config, JSON.stringify(plain));
  const cross = [`model_name=${base}`, `vectors_model=${model}`, 'name=cross'];
  const own = settings().slice(1);
  const unasked = ['include_instructions=false'];
  await runStep(findBestLayer, ...own, ...cross, ...unasked, 'layers=[1]');
  await runStep(precomputeIvs, ...own, ...cross, ...unasked, 'perplexity_threshold=null');
  await runStep(evaluate, 'perplexity_model=null', ...own, ...cross);
  const done = readRun<FormatRow>(path.join(temp, 'runs/format/base/cross'));
  assert.is(done.rows.length, 2 * 2 * 6);
  assert.is(done.config.prompt_style, 'qa');
  // Its own vectors were never computed.
  const without = await refused(runStep(findBestLayer, ...own, `model_name=${base}`));
  assert.match(without, /no fitting vector file .*\nWhat|no fitting vector file/s);
  assert.match(without, 'compute_representations.ts model_name=base');

  const wide = makeModel(path.join(temp, 'wide'), 'gemma2-mha-f16-nocaps');
  const refusedWide = await refused(
    runStep(findBestLayer, ...own, `model_name=${wide}`, `vectors_model=${model}`, 'layers=[1]'),
  );
  assert.match(refusedWide, 'of the same width');

  // Layers that were found for another model of that name.
  fs.appendFileSync(config, '\n');
  const changed = await refused(runStep(evaluate, 'perplexity_model=null', ...own, ...cross));
  assert.match(changed, /steered_model_fingerprint is "\w+", not "\w+"/);
});

test('refused: rows without a vector, vectors of other data', async () => {
  const other = writeRows(
    'other.jsonl',
    raw.map((row) => ({ ...row, instruction_id_list: ['startend:quotation'] })),
  );
  const foreign = settings(`vectors_data_path=${data}`, 'name=x').filter(
    (w) => !/^data_path/.test(w),
  );
  assert.match(
    await refused(
      runStep(evaluate, 'perplexity_model=null', 'ivs_name=one', `data_path=${other}`, ...foreign),
    ),
    'no vector for startend:quotation',
  );
  const newData = writeRows('new.jsonl', raw.slice(0, 20));
  const message = await refused(
    runStep(findBestLayer, ...settings(`vectors_data_path=${newData}`)),
  );
  assert.match(message, /data_sha256 is "\w+", not "\w+"/);
});

test('run.ts plans all steps, inputs or not', async () => {
  const { code, text } = await spawnScript(
    'format/run',
    '--dry-run',
    'model_name=tiny-gemma2',
    `output_path=${temp}/none`,
  ).done;
  assert.is(code, 0, text);
  assert.match(text, '6/6 load_results');
  assert.not.ok(fs.existsSync(path.join(temp, 'none')));
});

test.run();
