/** Killed at random points, an experiment ends with the same files as one that was not. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PartialActivations } from '../../experiments/shared/vectors/partialActivations';
import { seededRandom } from '../../src/util/random';
import { testFullDisk } from '../where';
import { makeModel, runScript, stopScripts } from './helpers';

const KILLS = 20;
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-resume-'));
const model = makeModel(path.join(temp, 'chars'));
const output = path.join(temp, 'runs');
const data = path.join(temp, 'questions.jsonl');
fs.writeFileSync(
  data,
  Array.from({ length: 30 }, (_, key) =>
    JSON.stringify({ key, prompt: `What is thing ${key} for${'?'.repeat(1 + (key % 3))}` }),
  ).join('\n'),
);
test.after(() => {
  stopScripts();
  fs.rmSync(temp, { recursive: true });
});

/** Representations, answers, perplexities and tables: all that an experiment writes. */
function start() {
  return runScript(
    'length/run',
    `model_name=${model}`,
    `data_path=${data}`,
    `output_path=${output}`,
    'compute_representations.n_examples=24',
    'compute_representations.num_final_tokens=2',
    'compute_representations.keep_activations=true',
    'compute_representations.batch_size=4',
    `perplexity_model=${model}`,
    'evaluate.length_rep_examples=24',
    'evaluate.n_examples=6',
    'evaluate.batch_size=4',
    'steering=[add_vector_conciseness,adjust_rs_length_specific]',
    'steering_weights=[3,1x]',
    'source_layer_idx=1',
    'max_generation_length=12',
    'evaluate.name=a',
  );
}

/** Every file written, with its content; drafts that a kill left behind aside. */
function files(): Map<string, string> {
  const names = fs.readdirSync(output, { recursive: true, encoding: 'utf8' });
  return new Map(
    names
      .filter((name) => fs.statSync(path.join(output, name)).isFile() && !/\.tmp$/.test(name))
      .sort()
      .map((name) => [name, fs.readFileSync(path.join(output, name), 'base64')]),
  );
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test(`an experiment survives SIGKILL at ${KILLS} random points`, async () => {
  const begun = performance.now();
  const whole = start();
  while (!fs.existsSync(output) && whole.child.exitCode === null) await sleep(5);
  const startUp = performance.now() - begun;
  const uninterrupted = await whole.done;
  const takes = performance.now() - begun - startUp;
  assert.is(uninterrupted.code, 0, uninterrupted.text);
  const expected = files();
  assert.ok(expected.size >= 5, [...expected.keys()].join());

  const random = seededRandom(Date.now() % 100000);
  let kills = 0;
  while (kills < KILLS) {
    fs.rmSync(output, { recursive: true });
    const grown = new Map<string, string>();
    for (;;) {
      const { child, done } = start();
      // Mostly while it writes, now and then before it does.
      if (kills < KILLS) await Promise.race([done, sleep(0.8 * startUp + random() * 0.5 * takes)]);
      else await done;
      if (child.exitCode !== null) {
        const { code, text } = await done;
        assert.is(code, 0, text);
        break;
      }
      child.kill('SIGKILL');
      await done;
      kills++;
      // What was appended stays: finished rows are never computed again.
      const now = fs.existsSync(output) ? files() : new Map<string, string>();
      for (const [name, content] of now) {
        if (!name.endsWith('out.jsonl')) continue;
        const rows = Buffer.from(content, 'base64')
          .toString()
          .replace(/[^\n]*$/, '');
        assert.ok(rows.startsWith(grown.get(name) ?? ''), `${name} lost rows`);
        grown.set(name, rows);
      }
    }
    assert.equal([...files().keys()], [...expected.keys()]);
    for (const [name, content] of files()) {
      assert.ok(content === expected.get(name), `${name} differs`);
    }
  }
});

test('Ctrl-C says that nothing is lost, and ends with code 130', async () => {
  fs.rmSync(output, { recursive: true, force: true });
  const { child, done } = start();
  const rows = path.join(output, 'length/chars/a/out.jsonl');
  while (!fs.existsSync(rows) && child.exitCode === null) await sleep(5);
  child.kill('SIGINT');
  const { code, text } = await done;
  assert.is(code, 130, text);
  assert.match(text, 'the same command goes on from there');
  assert.not.match(text, /\n\s+at /);
});

testFullDisk('a full disk is named, without a stack trace', () => {
  const file = path.join(temp, 'vectors.safetensors.partial');
  const partial = PartialActivations.open(file, 'x');
  fs.rmSync(file);
  fs.symlinkSync('/dev/full', file);
  assert.throws(
    () => partial.append([new Float32Array(4)]),
    (error: Error) => error.name === 'InputError' && error.message.includes('the disk is full'),
  );
});

test.run();
