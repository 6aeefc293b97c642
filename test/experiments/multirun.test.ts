/** What a whole experiment prints, run as a program, for several settings. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertTablesFit, makeModel, runScript, stopScripts } from './helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-multirun-'));
const model = makeModel(path.join(temp, 'chars'));
test.after(() => {
  stopScripts();
  fs.rmSync(temp, { recursive: true });
});

const data = path.join(temp, 'questions.jsonl');
fs.writeFileSync(
  data,
  Array.from({ length: 6 }, (_, i) => JSON.stringify({ prompt: `Why thing ${i}?` })).join('\n'),
);
const SETTINGS = [
  ...[`model_name=${model}`, `data_path=${data}`, `output_path=${temp}/runs`, 'backend=wasm'],
  ...['perplexity_model=null', 'compute_representations.n_examples=3', 'length_rep_examples=3'],
  ...['evaluate.n_examples=2', 'n_sent_max=2', 'max_generation_length=8', 'positions=last'],
  ...['steering=add_vector_conciseness', 'steering_weights=1x', 'source_layer_idx=1'],
];

test('run.ts shows each table once; several runs end with one table of them all', async () => {
  const { code, text } = await runScript('length/run', ...SETTINGS, '--multirun', 'seed=1,2').done;
  assert.is(code, 0, text);
  assertTablesFit(text);
  const headers = (some: string) =>
    some.match(/.*\n(?=─[─ ]*\n)/g)?.filter((line) => /ppl/.test(line));
  const [runs, joined] = text.split('\nAll 2 runs, by seed\n');
  assert.is(headers(runs)?.length, 2, 'one table of cells a run');
  assert.match(joined, /^seed {2}steering /);
  for (const seed of [1, 2]) {
    for (const steering of ['none', 'add_vector_conciseness']) {
      const lines = joined.match(new RegExp(`^ +${seed} {2}${steering} .*$`, 'gm'));
      assert.is(lines?.length, 2, 'without and with the instruction');
    }
  }
  assert.is(joined.match(/the instruction in the prompt/g)?.length, 2);
});

test('--wide shows all columns, and is no setting of the run', async () => {
  const folder = path.join(temp, 'runs/length/chars');
  const before = fs.readdirSync(folder).sort();
  const { code, text } = await runScript('length/run', ...SETTINGS, 'seed=2', '--wide').done;
  assert.is(code, 0, text);
  assert.match(text, / n +obeyed +95 % +against none +median ppl +mean ppl +tokens +cut off +≤ 2/);
  assert.not.match(text, '--wide adds');
  assert.equal(fs.readdirSync(folder).sort(), before, 'it is the run of before');
});

test.run();
