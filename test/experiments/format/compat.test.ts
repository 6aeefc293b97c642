/** What the faults of the authors' scripts change in the choice of layers, through the steps. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as computeRepresentations } from '../../../experiments/format/compute_representations';
import { script as computePerplexity } from '../../../experiments/format/compute_response_perplexity';
import { script as findBestLayer } from '../../../experiments/format/find_best_layer';
import type { FormatRow } from '../../../experiments/format/parts/cells';
import { script as precomputeIvs } from '../../../experiments/format/precompute_ivs';
import { readPerplexities } from '../../../experiments/shared/answers/judge';
import { makeModel, runStep } from '../helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-compat-'));
test.after(() => fs.rmSync(temp, { recursive: true }));
const model = makeModel(path.join(temp, 'chars'));
const judge = makeModel(path.join(temp, 'judge'));

const ID = 'punctuation:no_comma';
const data = path.join(temp, 'format.jsonl');
fs.writeFileSync(
  data,
  [0, 1, 2]
    .map((key) => ({
      key,
      prompt: `What is ${key}? No commas!`,
      prompt_without_instruction: `What is ${key}?`,
      instruction_id_list: [ID],
      kwargs: [{}],
    }))
    .map((row) => `${JSON.stringify(row)}\n`)
    .join(''),
);
const settings = [
  `model_name=${model}`,
  `data_path=${data}`,
  `output_path=${temp}/runs`,
  'backend=wasm',
  `perplexity_model=${judge}`,
  'max_generation_length=2',
  'layers=[0,1]',
  'include_instructions=false',
  'search_name=made',
];
const folder = path.join(temp, 'runs/format/chars');
const search = path.join(folder, 'layer_search/made');

const fileOf = (place: string) => path.join(place, 'out.jsonl');
/** Changes the rows of a run as if they had come out so. */
function rewrite<R>(place: string, change: (row: R) => object) {
  const rows = fs.readFileSync(fileOf(place), 'utf8').trim().split('\n');
  const changed = rows.map((line) => {
    const row: R = JSON.parse(line);
    return `${JSON.stringify({ ...row, ...change(row) })}\n`;
  });
  fs.writeFileSync(fileOf(place), changed.join(''));
}

let runs = 0;
/** The layer that is picked, with the compat given and further words. */
async function pick(compat: string, ...more: string[]): Promise<number | null> {
  const name = `pick${runs++}`;
  await runStep(precomputeIvs, ...settings, `compat=${compat}`, `name=${name}`, ...more);
  const summary = fs.readFileSync(path.join(folder, `ivs/${name}.summary.json`), 'utf8');
  return JSON.parse(summary).selected_layers[ID];
}

test('filter_baseline: a layer in the place of no steering, where that is degenerate', async () => {
  await runStep(computeRepresentations, ...settings);
  await runStep(findBestLayer, ...settings, 'name=made');
  // Two of three obey at layer 1, all unsteered; one of these repeats itself.
  rewrite<FormatRow>(search, ({ layer, key }) => ({
    ok: layer === null || (layer === 1 && key !== '0'),
    response: 'It is so.',
  }));
  await runStep(computePerplexity, ...settings, 'name=made');
  rewrite<FormatRow>(path.join(search, 'perplexity_judge'), ({ id }) => ({
    perplexity: id === '0|false|none||' ? 1.1 : 9,
  }));
  assert.ok([...readPerplexities(search, judge)!.values()].includes(1.1));
  assert.is(await pick('null'), null);
  assert.is(await pick('[filter_baseline]'), 1);
  assert.is(await pick('paper', 'perplexity_threshold=null'), null, 'without the filter, no fault');
});

test('raw_perplexity: blanks after an answer count, for or against its layer', async () => {
  const words = 'It is so.';
  rewrite<FormatRow>(search, ({ layer, key }) => ({
    ok: layer === 1,
    // Of one kind in each run, so that no figure is there from before.
    response: layer === 1 && key === '0' ? `${words}${' '.repeat(40)}` : `${words} Or not.`,
  }));
  const figure = async (compat: string) => {
    await runStep(computePerplexity, ...settings, 'name=made', `compat=${compat}`);
    return readPerplexities(search, judge)!.get('0|false|adjust_rs|1|')!;
  };
  const [trimmed, raw] = [await figure('null'), await figure('[raw_perplexity]')];
  assert.ok(Math.abs(trimmed - raw) > 1, `${trimmed} and ${raw}`);
  // Between the two, one of them is degenerate. All other answers are sound.
  const other = readPerplexities(search, judge)!.get('0|false|none||')!;
  const threshold = (trimmed + raw) / 2;
  rewrite<FormatRow>(path.join(search, 'perplexity_judge'), ({ id }) =>
    id === '0|false|adjust_rs|1|' ? {} : { perplexity: other + threshold },
  );
  const [layerTrimmed, layerRaw] = trimmed < raw ? [null, 1] : [1, null];
  const at = `perplexity_threshold=${threshold}`;
  assert.is(await pick('[raw_perplexity]', at), layerRaw);
  // Figures of other texts are refused.
  let said = '';
  await pick('null', at).catch((error: Error) => {
    said = error.message;
  });
  assert.match(said, /of other texts/);
  await figure('null');
  rewrite<FormatRow>(path.join(search, 'perplexity_judge'), ({ id }) =>
    id === '0|false|adjust_rs|1|' ? {} : { perplexity: other + threshold },
  );
  assert.is(await pick('null', at), layerTrimmed);
});

test('an answer of a single token is sound, a blank one degenerate: as published', async () => {
  for (const [response, layer] of [
    ['x', 1],
    [' ', null],
  ] as const) {
    rewrite<FormatRow>(search, ({ layer: at }) => ({
      ok: at === 1,
      response: at === 1 ? response : 'It is so.',
    }));
    await runStep(computePerplexity, ...settings, 'name=made');
    assert.is(readPerplexities(search, judge)!.get('0|false|adjust_rs|1|'), null);
    assert.is(await pick('null', 'perplexity_threshold=0.5'), layer);
  }
});

test.run();
