/** A choice of layers for prompts with the instruction, another for those without, and whose they are. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as computeRepresentations } from '../../../experiments/format/compute_representations';
import { script as evaluate } from '../../../experiments/format/evaluate';
import { script as findBestLayer } from '../../../experiments/format/find_best_layer';
import type { FormatRow } from '../../../experiments/format/parts/cells';
import { script as precomputeIvs } from '../../../experiments/format/precompute_ivs';
import { run as format } from '../../../experiments/format/run';
import { loadDirections } from '../../../experiments/shared/vectors/load';
import { generate } from '../../../src/engine/generate';
import { readRun } from '../../../src/runs/runFolder';
import { refused } from '../../refusal';
import { deepen, makeModel, onlyFile, openModel, printedBy, runStep } from '../helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-choices-'));
test.after(() => fs.rmSync(temp, { recursive: true }));
const out = path.join(temp, 'runs');

const [COMMA, LOWER, TITLE] = [
  'punctuation:no_comma',
  'change_case:english_lowercase',
  'detectable_format:title',
];
const data = path.join(temp, 'format.jsonl');
fs.writeFileSync(
  data,
  [COMMA, LOWER, TITLE]
    .flatMap((id, at) =>
      Array.from({ length: 4 }, (_, i) => ({
        key: `${at}${i}`,
        prompt: `What is ${i}? ${['No commas', 'Small letters', 'With a title'][at]}!`,
        prompt_without_instruction: `What is ${i}?`,
        instruction_id_list: [id],
        kwargs: [{}],
        split: i < 3 ? 'train' : 'eval',
      })),
    )
    .map((row) => `${JSON.stringify(row)}\n`)
    .join(''),
);

const settings = (model: string, ...more: string[]) => [
  `model_name=${model}`,
  `data_path=${data}`,
  `output_path=${out}`,
  'backend=wasm',
  'perplexity_model=null',
  'perplexity_threshold=null',
  'max_generation_length=8',
  'max_generation_length_long=8',
  ...more,
];

const readJson = (file: string) => JSON.parse(fs.readFileSync(file, 'utf8'));
/** Layers of a run's rows, `id|instructed`: those that were steered at the selected layer. */
const layersOf = (rows: FormatRow[]) =>
  Object.fromEntries(
    rows
      .filter(({ layers }) => layers === 'selected')
      .map(({ instruction_id: id, instructed, layer }) => [`${id}|${instructed}`, layer]),
  );

const model = makeModel(path.join(temp, 'chars'));
const folder = path.join(out, 'format/chars');
const SELECTED = {
  without: { [COMMA]: 0, [LOWER]: 2, [TITLE]: null },
  with: { [COMMA]: 1, [LOWER]: null, [TITLE]: 2 },
};

/** A search whose verdicts are such that these layers are best. */
async function searchFor(best: { without: object; with: object }) {
  await runStep(computeRepresentations, ...settings(model));
  await runStep(findBestLayer, ...settings(model, 'positions=prompt', 'name=made'));
  const file = path.join(folder, 'layer_search/made/out.jsonl');
  const rows = fs.readFileSync(file, 'utf8').trim().split('\n');
  const rewritten = rows.map((line) => {
    const row: FormatRow = JSON.parse(line);
    const wanted = new Map(Object.entries(row.instructed ? best.with : best.without));
    return `${JSON.stringify({ ...row, ok: wanted.get(row.instruction_id) === row.layer })}\n`;
  });
  fs.writeFileSync(file, rewritten.join(''));
}

test('by default each kind of prompts has its own choice, used in its own cells', async () => {
  await searchFor(SELECTED);
  const table = await runStep(precomputeIvs, ...settings(model, 'name=each'));
  assert.match(table, /Without the instruction in the prompt\n(.*\n){3}mean over instructions/);
  assert.match(table, /With the instruction in the prompt\n(.*\n){3}mean over instructions/);
  const { selected_layers, choices } = readJson(path.join(folder, 'ivs/each.summary.json'));
  assert.equal(selected_layers, SELECTED);
  assert.equal(Object.keys(choices), ['without', 'with']);

  const words = settings(model, 'positions=prompt', 'ivs_name=each', 'name=e');
  const shown = await runStep(evaluate, ...words);
  assert.match(
    shown,
    /Without the instruction in the prompt\nenglish_lowercase +1 +2 .*\ntitle +1 +none /,
  );
  assert.match(
    shown,
    /With the instruction in the prompt\nenglish_lowercase +1 +none .*\ntitle +1 +2 /,
  );
  const { rows } = readRun<FormatRow>(path.join(folder, 'e'));
  assert.equal(layersOf(rows), {
    [`${COMMA}|false`]: 0,
    [`${LOWER}|false`]: 2,
    [`${TITLE}|false`]: null,
    [`${COMMA}|true`]: 1,
    [`${LOWER}|true`]: null,
    [`${TITLE}|true`]: 2,
  });
  assert.equal(readJson(path.join(folder, 'e/summary.json')).selected_layers, SELECTED);
  // The answers are those of the model steered there.
  const session = await openModel(model);
  const { directions } = loadDirections(
    onlyFile(path.join(folder, 'representations'), 'format'),
    {},
  );
  for (const row of rows.filter(({ steering }) => steering !== 'none')) {
    const { layer, instruction_id: id } = row;
    const vector = directions.get(id)!;
    const edits =
      layer === null
        ? []
        : [
            {
              kind: 'project' as const,
              layer,
              vector: vector.unit[layer],
              positions: 'prompt' as const,
              target: vector.projectionWith[layer],
            },
          ];
    const [{ tokens }] = await generate(session.model, [session.encode(row.prompt)], {
      maxNewTokens: 8,
      stopIds: session.tokenizer.stopIds,
      edits: [edits],
    });
    assert.is(row.response, session.tokenizer.decode(tokens, { skipSpecialTokens: true }), row.id);
  }
});

test('rows whose instruction has no vector stay unsteered, and are counted', async () => {
  const known = fs.readFileSync(data, 'utf8').trim().split('\n');
  const other = (id: string) => known.at(-1)!.replace(TITLE, id).replace('"key":"2', '"key":"9');
  const more = path.join(temp, 'more.jsonl');
  fs.writeFileSync(more, [...known, other('startend:quotation')].join('\n'));
  const words = ['name=more', 'ivs_name=each', 'compare_layers=[1]', 'include_instructions=false'];
  const all = [...settings(model), ...words, `vectors_data_path=${data}`];
  const evaluation = (file: string) =>
    all.map((word) => (word === `data_path=${data}` ? `data_path=${file}` : word));
  const said = await runStep(evaluate, ...evaluation(more));
  assert.match(said, 'There is no vector for startend:quotation; unsteered stay 1 of 4 rows.');
  const { rows } = readRun<FormatRow>(path.join(folder, 'more'));
  const own = rows.filter(({ instruction_id }) => instruction_id === 'startend:quotation');
  assert.equal(
    own.map(({ layers, layer }) => [layers, layer]),
    [
      [null, null],
      ['selected', null],
      [1, null],
    ],
  );
  assert.is(new Set(own.map(({ response }) => response)).size, 1);
  assert.is(readJson(path.join(folder, 'more/summary.json')).rows_without_vector, 1);
  const none = path.join(temp, 'none.jsonl');
  fs.writeFileSync(none, other('startend:quotation'));
  assert.match(
    await refused(runStep(evaluate, ...evaluation(none))),
    'has no vector for startend:quotation',
  );
});

test('one choice may serve all prompts: by the answers without the instruction, with it, or all', async () => {
  for (const [given, expected] of [
    ['false', SELECTED.without],
    ['true', SELECTED.with],
    ['both', { [COMMA]: 0, [LOWER]: null, [TITLE]: null }],
  ] as const) {
    const name = `one_${given}`;
    const words = settings(model, `include_instructions=${given}`, `name=${name}`);
    const table = await runStep(precomputeIvs, ...words);
    assert.not.match(table, 'the instruction in the prompt');
    const { selected_layers } = readJson(path.join(folder, `ivs/${name}.summary.json`));
    assert.equal(selected_layers, expected);
  }
  const words = settings(model, 'positions=prompt', 'ivs_name=one_true', 'name=t');
  await runStep(evaluate, ...words);
  const { rows } = readRun<FormatRow>(path.join(folder, 't'));
  for (const instructed of [false, true]) {
    assert.is(layersOf(rows)[`${COMMA}|${instructed}`], 1);
  }
  assert.equal(readJson(path.join(folder, 't/summary.json')).selected_layers, SELECTED.with);
});

test('choices of equal standing are listed, with the key that chooses', async () => {
  const said = await refused(runStep(evaluate, ...settings(model, 'positions=prompt')));
  assert.match(said, /more than one fitting vector file/);
  assert.match(said, /\n {2}ivs_name=each: .*include_instructions each/);
  assert.match(said, /\n {2}ivs_name=one_true: .*include_instructions true/);
});

test('a search of one kind of prompts has no choice for the other', async () => {
  const half = ['include_instructions=false', 'name=half'];
  await runStep(findBestLayer, ...settings(model, 'positions=prompt', ...half));
  const words = settings(model, 'search_name=half', 'name=x');
  const said = await refused(runStep(precomputeIvs, ...words));
  assert.match(said, /no answers with the instruction .*include_instructions=both.*=false/);
});

test('layers as published: no search, each in its own cells', async () => {
  const real = deepen(makeModel(path.join(temp, 'gemma-2-2b-it')), 26);
  const overrides = settings(real, 'layers_from=published').filter(
    (word) => word !== 'perplexity_threshold=null',
  );
  const text = await printedBy(() => format({ overrides, multirun: false, wide: false }));
  assert.is(text.match(/no search is needed/g)?.length, 2);
  const base = path.join(out, 'format/gemma-2-2b-it');
  assert.not.ok(fs.existsSync(path.join(base, 'layer_search')));
  // As in the table of the paper's layers.
  const expected = {
    without: { [COMMA]: 11, [LOWER]: 17, [TITLE]: null },
    with: { [COMMA]: 5, [LOWER]: 7, [TITLE]: null },
  };
  const ivs = path.basename(onlyFile(path.join(base, 'ivs'), ''), '.safetensors');
  const stored = readJson(path.join(base, `ivs/${ivs}.summary.json`));
  assert.equal(stored.selected_layers, expected);
  assert.match(stored.chosen_by, 'layers_from=published');
  const [name] = fs.readdirSync(base).filter((one) => !['ivs', 'representations'].includes(one));
  const { rows } = readRun<FormatRow>(path.join(base, name));
  assert.equal(
    [layersOf(rows)[`${COMMA}|false`], layersOf(rows)[`${COMMA}|true`]],
    [expected.without[COMMA], expected.with[COMMA]],
  );
  assert.equal(readJson(path.join(base, name, 'summary.json')).selected_layers, expected);

  // One of the two may serve all prompts; beside the other, it has to be named.
  await runStep(precomputeIvs, ...overrides, 'include_instructions=true');
  const said = await refused(runStep(evaluate, ...overrides));
  assert.match(said, new RegExp(`ivs_name=${ivs}: .*include_instructions each`));
  const both = refused(runStep(precomputeIvs, ...overrides, 'include_instructions=both'));
  assert.match(await both, /chooses one layer by the answers to both/);
});

test('published layers are refused where there are none, or none that fit; dry runs say so too', async () => {
  for (const dry of ['dry_run=false', 'dry_run=true']) {
    const published = (name: string, ...more: string[]) =>
      refused(runStep(precomputeIvs, ...settings(name, 'layers_from=published', dry, ...more)));
    const none = await published(model);
    assert.match(none, /no published layers for chars; .*gemma-2-2b-it.*phi-3/);
    assert.match(none, 'layers_from=search');
    const asked = await published(model, 'preset=phi-3');
    assert.match(asked, /no layer .*18 \(change_case:english_lowercase\).*chars has 0 to 2/);
    const shallow = makeModel(path.join(temp, 'shallow/gemma-2-2b-it'));
    const missing = await published(shallow);
    assert.match(missing, /no layer .*11 \(punctuation:no_comma\).*gemma-2-2b-it has 0 to 2/);
    const real = path.join(temp, 'gemma-2-2b-it');
    assert.match(
      await published(real, `vectors_model=${model}`),
      /for its own vectors, not .*chars/,
    );
    assert.match(await published(real, 'fixed_layer=1'), /fixed_layer.*layers_from=published/);
  }
});

test.run();
