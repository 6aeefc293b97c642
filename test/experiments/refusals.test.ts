/** What can't be done is said at once, in one message with exit code 2; with real processes. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as composition } from '../../experiments/composition/evaluate_format_plus_length';
import { script as formatEvaluate } from '../../experiments/format/evaluate';
import { script as findBestLayer } from '../../experiments/format/find_best_layer';
import { script as precomputeIvs } from '../../experiments/format/precompute_ivs';
import { script as keywordEvaluate } from '../../experiments/keywords/evaluate';
import { runScript as runHere } from '../../experiments/shared/command/script';
import { makeModel, runScript, stopScripts } from './helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-refusals-'));
const model = makeModel(path.join(temp, 'chars'));
const data = path.join(temp, 'questions.jsonl');
fs.writeFileSync(
  data,
  Array.from({ length: 40 }, (_, i) => JSON.stringify({ prompt: `What is thing ${i}?` })).join(
    '\n',
  ),
);
test.after(() => {
  stopScripts();
  fs.rmSync(temp, { recursive: true });
});

const out = path.join(temp, 'runs');
const common = [`model_name=${model}`, `data_path=${data}`];
const evaluation = [
  ...common,
  ...['length_rep_examples=4', 'n_examples=2', 'n_sent_max=2', 'max_generation_length=6'],
  ...['source_layer_idx=1', 'perplexity_model=null', 'steering_weights=3'],
];

async function refused(script: string, ...words: string[]): Promise<string> {
  const { code, text } = await runScript(script, ...words).done;
  assert.is(code, 2, text);
  assert.not.match(text, /\n\s+at /);
  return text;
}

test('layers that the model lacks are refused before anything is done', async () => {
  const where = `output_path=${out}`;
  const missing = /there is no layer 9; chars has 0 to 2/;
  const layer = 'source_layer_idx=9';
  const forEvaluate = (word: string) => word.replace(/^n_examples/, 'evaluate.$&');
  const own = evaluation.filter((word) => !word.startsWith('source_layer_idx'));
  const all = await Promise.all([
    refused('length/evaluate', ...own, where, layer, '--dry-run'),
    refused('length/evaluate', ...own, where, '--multirun', 'source_layer_idx=1,9'),
    refused(
      'length/run',
      ...own.map(forEvaluate),
      'compute_representations.n_examples=4',
      where,
      layer,
    ),
    refused('length/compute_representations', ...common, where, 'layers=[0,9]', '--dry-run'),
  ]);
  for (const text of all) assert.match(text, missing);
  assert.match(all[1], 'source_layer_idx');
  assert.not.match(all[1], '[1/2]');
  assert.not.match(all[2], '── 1/3');
  assert.not.ok(fs.existsSync(out), 'nothing was written');
});

test('every key that names layers knows how many there are', async () => {
  for (const [script, override] of [
    [composition, 'length_source_layer_idx=9'],
    [formatEvaluate, 'compare_layers=[0,9]'],
    [findBestLayer, 'layers=9'],
    [precomputeIvs, 'fixed_layer=9'],
    [keywordEvaluate, 'source_layer_idx=[9]'],
  ] as const) {
    let message = '';
    await runHere(script, [], [override, 'dry_run=true']).catch((error: Error) => {
      message = error.message;
    });
    assert.match(message, /: there is no layer 9; tiny-gemma2 has 0 to 5/, override);
  }
});

test('places that can not be written are refused before the model is loaded', async () => {
  const file = path.join(temp, 'file');
  fs.writeFileSync(file, '');
  const places = [file, path.join(file, 'below'), `/proc/x`, path.join(temp, 'n'.repeat(300))];
  const texts = await Promise.all(
    places.map((place) => refused('length/evaluate', ...evaluation, `output_path=${place}`)),
  );
  for (const text of texts) assert.match(text, "Can't make the folder");
  for (const text of texts) assert.not.match(text, 'on wasm');
  assert.is(fs.statSync(file).size, 0);
});

test('names stay in their folder', async () => {
  const names = ['', '../../evil', '..', 'a/b', 'representations'];
  const texts = await Promise.all(
    names.map((name) =>
      refused('length/evaluate', ...evaluation, `output_path=${out}`, `name=${name}`, '--dry-run'),
    ),
  );
  for (const text of texts) assert.match(text, /^name \(command line\) must/m);
});

/** Lets `tick` pass until `holds`, or the process has ended. */
async function until(child: { exitCode: number | null }, holds: () => boolean) {
  while (!holds() && child.exitCode === null) await new Promise((tick) => setTimeout(tick, 5));
}

test('of two processes on the same vectors one works; killed and resumed, they are right', async () => {
  const compute = (place: string) =>
    runScript(
      'length/compute_representations',
      ...common,
      ...[`output_path=${place}`, 'n_examples=40', 'batch_size=2'],
    );
  const read = (place: string) => {
    const folder = path.join(place, 'length/chars/representations');
    const names = fs.readdirSync(folder);
    assert.is(names.length, 1, names.join());
    return fs.readFileSync(path.join(folder, names[0]));
  };
  const alone = path.join(temp, 'alone');
  const whole = compute(alone).done;
  const two = path.join(temp, 'two');
  const folder = path.join(two, 'length/chars/representations');
  const [one, other] = [compute(two), compute(two)];
  // One of them is refused, or the first had ended before the second began.
  const begun = () =>
    fs.existsSync(folder) && fs.readdirSync(folder).some((n) => /partial$/.test(n));
  await until(one.child, begun);
  await Promise.race([one.done, other.done]);
  for (const { child } of [one, other]) child.kill('SIGKILL');
  const ended = await Promise.all([one.done, other.done]);
  const texts = ended.filter(({ code }) => code === 2).map(({ text }) => text);
  for (const text of texts) assert.match(text, /Process \d+ on \S+ is writing to the vectors/);
  assert.ok(texts.length < 2, 'not both');
  const last = await compute(two).done;
  assert.is(last.code, 0, last.text);
  assert.is((await whole).code, 0);
  assert.equal(read(two), read(alone));
});

test('two evaluations of one name write every row once', async () => {
  const place = path.join(temp, 'rows');
  const words = [...evaluation, `output_path=${place}`, 'name=a'];
  const both = await Promise.all([0, 1].map(() => runScript('length/evaluate', ...words).done));
  for (const { code, text } of both) {
    assert.ok(code === 0 || /Process \d+ on \S+ is writing to/.test(text), text);
  }
  assert.is((await runScript('length/evaluate', ...words).done).code, 0);
  const lines = fs.readFileSync(path.join(place, 'length/chars/a/out.jsonl'), 'utf8').split('\n');
  const ids = lines.slice(0, -1).map((line) => JSON.parse(line).id);
  assert.is(new Set(ids).size, ids.length);
  assert.ok(ids.length > 4);
});

test.run();
