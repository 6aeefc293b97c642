/** Runs end with their reports; tiller report makes one over several. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script } from '../../experiments/length/evaluate';
import { runScript as runHereWith } from '../../experiments/shared/command/script';
import { runHere } from '../src/commands/runHere';
import { makeModel, printedBy, runStep, runWithReport, stopScripts } from './helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-report-'));
const models = ['chars', 'others'].map((name) => makeModel(path.join(temp, name)));
test.after(() => {
  stopScripts();
  fs.rmSync(temp, { recursive: true });
});

const data = path.join(temp, 'questions.jsonl');
fs.writeFileSync(
  data,
  Array.from({ length: 6 }, (_, i) => JSON.stringify({ prompt: `Why thing ${i}?` })).join('\n'),
);
const words = (model: string) => [
  ...[`model_name=${model}`, `data_path=${data}`, `output_path=${temp}/runs`, 'backend=wasm'],
  ...['perplexity_model=null', 'length_rep_examples=3', 'n_examples=2', 'n_sent_max=2'],
  ...['max_generation_length=8', 'positions=last', 'steering=add_vector_conciseness'],
  ...['steering_weights=1x', 'source_layer_idx=[0,1]', 'name=a'],
];
const folders = ['chars', 'others'].map((name) => path.join(temp, 'runs/length', name, 'a'));
const page = path.join(folders[0], 'report.html');
const read = (file: string) => fs.readFileSync(file, 'utf8');

test('a run whose report can not be written ends well but for that, and says so', async () => {
  fs.mkdirSync(page, { recursive: true });
  const { code, text } = await runWithReport('length/evaluate', ...words(models[0])).done;
  assert.is(code, 2, text);
  assert.match(
    text,
    `report.html is not written; the results in ${folders[0]} are kept. Can't write`,
  );
  assert.match(text, `All answers and figures: ${folders[0]}\n`);
  assert.ok(fs.existsSync(path.join(folders[0], 'summary.json')));
  assert.not.match(text, /\n {4}at /, 'no stack');
  fs.rmdirSync(page);
});

test('a run ends by naming its report; after a kill it ends with the same one', async () => {
  const { code, err } = await runHere(['report', folders[0]]);
  assert.is(code, 0, err);
  const written = read(page);
  // As after a kill: half of the rows and no summary; what is left is answered, and shown, alike.
  const out = path.join(folders[0], 'out.jsonl');
  const lines = read(out).split('\n');
  fs.writeFileSync(out, `${lines.slice(0, 3).join('\n')}\n${lines[3].slice(0, 9)}`);
  fs.rmSync(path.join(folders[0], 'summary.json'));
  fs.writeFileSync(page, 'of an earlier state');
  const text = await printedBy(async () => {
    await runHereWith(script, [], words(models[0]), { report: true });
  });
  assert.match(text, `All answers and figures: ${folders[0]} (to look at: report.html)`);
  assert.is(read(page), written);
});

test('tiller report: two models side by side, an unfinished one said, what is no run refused', async () => {
  await runStep(script, ...words(models[1]));
  fs.rmSync(path.join(folders[1], 'summary.json'));
  const { code, out, err } = await runHere(['report', ...folders, '--out', `${temp}/both`]);
  assert.is(code, 0, err);
  assert.match(out, `Report on 2 runs: ${temp}/both/report.html`);
  assert.match(out, /others: Unfinished: \d+ of \d+ answers/);
  const both = read(`${temp}/both/report.html`);
  for (const name of ['chars', 'others', 'Side by side']) assert.ok(both.includes(name), name);
  const above = await runHere(['report', `${temp}/runs`]);
  assert.match(above.out, `Report on 2 runs: ${temp}/runs/report.html`);
  for (const [place, why] of [
    [path.join(folders[0], '..', 'representations'), 'is no run'],
    [`${temp}/none`, 'There is no folder'],
  ]) {
    const refused = await runHere(['report', place]);
    assert.is(refused.code, 2);
    assert.match(refused.err, why);
  }
});

test.run();
