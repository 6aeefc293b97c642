import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { meanNll } from '../../../src/engine/perplexity';
import { loadTokenizer } from '../../../src/text/loadTokenizer';
import { seededRandom } from '../../../src/util/random';
import { Safetensors } from '../../../weights/safetensors';
import { SHARES } from '../../../weights/tiny/corpus';
import { type Recipe, TINY_GEMMA2, TINY_GPT2 } from '../../../weights/tiny/recipe';
import { mixed, stuckText, textBatches } from '../../../weights/tiny/texts';
import { train } from '../../../weights/tiny/train';
import { hasTensorflow, testWhere } from '../../where';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-training-'));
const weights = path.join(__dirname, '../../..', 'weights');

/** A small one of each, and how many tensors its checkpoint holds. */
const small: [name: string, recipe: Recipe, tensors: number][] = [
  [
    'tiny-gemma2',
    {
      ...TINY_GEMMA2,
      model: { ...TINY_GEMMA2.model, hidden_size: 64, intermediate_size: 96, head_dim: 16 },
      batchSize: 2,
      warmup: 2,
    },
    1 + 11 * TINY_GEMMA2.model.num_hidden_layers + 1,
  ],
  [
    'tiny-gpt2',
    {
      ...TINY_GPT2,
      model: { ...TINY_GPT2.model, n_embd: 64 },
      batchSize: 2,
      maxLength: 128,
      warmup: 2,
    },
    2 + 12 * TINY_GPT2.model.n_layer + 2,
  ],
];

/** An empty checkpoint folder with the model's tokenizer, and a place for the state. */
function place(model: string, name: string) {
  const out = path.join(folder, model, name);
  fs.mkdirSync(out, { recursive: true });
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json']) {
    fs.copyFileSync(path.join(weights, model, file), path.join(out, file));
  }
  return { out, stateDir: path.join(out, 'state') };
}

// Only tensorflow can train.
const trained = testWhere(
  hasTensorflow && process.env.TILLER_BACKEND !== 'wasm',
  'training needs the tensorflow backend',
);

const checkpoint = ({ out }: { out: string }) =>
  fs.readFileSync(path.join(out, 'model.safetensors'));
const curve = ({ stateDir }: { stateDir: string }) =>
  fs
    .readFileSync(path.join(stateDir, 'loss.csv'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number));

for (const [name, recipe, tensors] of small) {
  trained(`${name}: a run stopped after each step ends as one that was not`, async () => {
    const [straight, stopped] = [place(name, 'straight'), place(name, 'stopped')];
    await train({ ...straight, steps: 3, recipe });
    for (let run = 0; run < 3; run++) {
      // The least time: one step a run.
      const stop = run === 1 ? { stop: () => true } : { minutes: 1e-9 };
      await train({ ...stopped, steps: 3, ...stop, recipe });
    }
    assert.ok(checkpoint(straight).equals(checkpoint(stopped)));
    assert.is(curve(straight).length, 1);
    assert.is(curve(straight)[0][0], 3);
    assert.equal(curve(stopped), curve(straight));
  });

  trained(`${name}: the loss falls, and no tensor is left behind`, async () => {
    const here = place(name, 'longer');
    await train({ ...here, steps: 1, recipe });
    const before = tf.memory().numTensors;
    await train({ ...here, steps: 30, recipe });
    assert.is(tf.memory().numTensors, before);
    const losses = curve(here).map(([, loss]) => loss);
    // A uniform guess costs log(3456) = 8.15 nats; a GPT-2 can copy from the start.
    assert.ok(losses[0] > (name === 'tiny-gpt2' ? 5 : 7.5) && losses[0] < 8.6, `${losses}`);
    assert.ok(losses.at(-1)! < losses[0] - 0.3, `${losses}`);
  });

  trained(
    `${name}: steps beyond the saved state leave the curve; a new folder gets all`,
    async () => {
      const { stateDir } = place(name, 'straight');
      fs.appendFileSync(path.join(stateDir, 'loss.csv'), '20,9.0000\n40,9.0000\n');
      const out = path.join(folder, name, 'new');
      const tokenizerFrom = path.join(weights, name);
      await train({ out, tokenizerFrom, stateDir, steps: 3, recipe });
      assert.is(curve({ stateDir }).length, 1);
      assert.ok(checkpoint({ out }).equals(checkpoint(place(name, 'straight'))));
      assert.is(loadTokenizer(out).vocabSize, loadTokenizer(tokenizerFrom).vocabSize);
    },
  );

  trained(`${name}: the checkpoint holds what the config says, in bfloat16`, () => {
    const dir = path.join(folder, name, 'straight');
    const file = Safetensors.open(path.join(dir, 'model.safetensors'));
    assert.is(file.tensors.size, tensors);
    for (const { dtype } of file.tensors.values()) assert.is(dtype, 'BF16');
    file.close();
    loadModel(dir).dispose();
  });
}

trained(
  'Ctrl-C ends a training after the step it is at; the state and the checkpoint are there',
  async () => {
    const shipped = path.join(weights, 'tiny-gpt2', 'model.safetensors');
    const before = fs.statSync(shipped).mtimeMs;
    const state = path.join(folder, 'stopped');
    const args = ['weights/tiny/train.ts', 'tiny-gpt2', '--state', state];
    const child = spawn(process.execPath, ['-r', 'ts-node/register', ...args], {
      cwd: path.join(weights, '..'),
      env: { ...process.env, TILLER_BACKEND: 'tensorflow' },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        // The first step is told at once.
        if (!said.includes('step 1/') && `${said}${text}`.includes('step 1/')) child.kill('SIGINT');
        said += text;
      });
    }
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.is(code, 130, said);
    assert.match(said, 'The same command goes on from there.');
    const { metadata } = Safetensors.open(path.join(state, 'state.safetensors'));
    assert.ok(Number(metadata.step) >= 1 && Number(metadata.step) < 100, metadata.step);
    loadModel(path.join(state, 'checkpoint')).dispose();
    assert.is(fs.statSync(shipped).mtimeMs, before);
  },
);

const tokenizer = loadTokenizer(path.join(weights, 'tiny-gpt2'));
const reads = { shares: SHARES, foreign: 0.3, noise: 0.1, stuck: 0.2, tokens: 0 };
const sizes = { batchSize: 3, maxLength: 200, seed: 4 };

trained('a GPT-2 copies what it has read from the start, and does not know it before', async () => {
  const model = loadModel(path.join(folder, 'tiny-gpt2', 'straight'));
  const random = seededRandom(5);
  const draw = (n: number) => Array.from({ length: n }, () => 10 + Math.floor(3000 * random()));
  const part = draw(20);
  const [again, unseen] = await meanNll(model, [Array(6).fill(part).flat(), draw(120)]);
  model.dispose();
  assert.ok(unseen! > 7.5 && again! < unseen! - 0.4, `${again}, ${unseen}`);
});

test('texts fill their rows, and batch n is the same wherever one starts', () => {
  const source = textBatches(tokenizer, { ...reads, ...sizes, from: 0 });
  const batches = [source.next().value, source.next().value, source.next().value];
  const later = textBatches(tokenizer, { ...reads, ...sizes, from: 2 });
  assert.equal(later.next().value, batches[2]);
  assert.not.equal(batches[0].ids, batches[1].ids);
  for (const { ids, predicted, mask } of batches) {
    assert.is(mask, undefined);
    assert.equal(
      ids.map((row) => row.length),
      [200, 200, 200],
    );
    for (const row of predicted) assert.equal(row, [false, ...Array(199).fill(true)]);
    for (const row of ids) {
      assert.not.equal(row[0], tokenizer.eosId);
      const texts = tokenizer.decode(row).split('<eos>');
      for (const text of texts.slice(1, -1)) assert.match(text, /^\S.*\S$/s);
    }
  }
});

test('of random tokens, only what is said again is to be predicted', () => {
  const options = { ...reads, ...sizes, batchSize: 12, tokens: 1, from: 0 };
  const { ids, predicted } = textBatches(tokenizer, options).next().value;
  let texts = 0;
  ids.forEach((row, b) => {
    // Whole texts: neither the first of a row nor the last, which may be cut.
    for (let begin = row.indexOf(1) + 1; row.indexOf(1, begin) > 0; texts++) {
      const end = row.indexOf(1, begin);
      const given = predicted[b].slice(begin, end).lastIndexOf(false) + 1;
      assert.ok(given >= 1);
      assert.equal(predicted[b].slice(begin, begin + given), Array(given).fill(false));
      const [first, again] = [row.slice(begin, begin + given), row.slice(begin + given, end)];
      assert.equal(
        again,
        Array(again.length / given)
          .fill(first)
          .flat(),
      );
      begin = end + 1;
    }
  });
  assert.ok(texts >= 3, `${texts} texts`);
});

test('a stuck text repeats its end, after a beginning of the answer or at once', () => {
  const random = seededRandom(2);
  const answer = 'Bees dance at home. They find flowers. Others follow them.';
  const kinds = new Set<string>();
  for (let i = 0; i < 300; i++) {
    const text = stuckText(random, answer);
    // The shortest end that comes four times or more, up to the end of the text.
    const [, stuck] = text.match(/(?:^|\s)(\S+(?: \S+)*?)(?:\s\1){3,}$/) ?? [];
    assert.ok(stuck, text);
    assert.ok(answer.includes(stuck), text);
    const lines = text.includes('\n');
    kinds.add(`${text.startsWith('Bees')} ${stuck.endsWith('.')} ${stuck.includes(' ')} ${lines}`);
  }
  assert.is(kinds.size, 16);
});

test('a mixed text has the stated shares of foreign sentences and words', () => {
  const random = seededRandom(3);
  const [text, other] = ['a b. c d.', 'w x. y z.'];
  const counts = { sentences: 0, words: 0 };
  const n = 2000;
  for (let i = 0; i < n; i++) {
    assert.is(mixed(random, text, other, { foreign: 0, noise: 0 }), text);
    const sentences = mixed(random, text, other, { foreign: 0.7, noise: 0 });
    counts.sentences += sentences.match(/[wy] [xz]\./g)?.length ?? 0;
    assert.ok(/^(a b|w x|y z)\. (c d|w x|y z)\.$/.test(sentences), sentences);
    const words = mixed(random, text, other, { foreign: 0, noise: 0.2 });
    counts.words += words.match(/[w-z]/g)?.length ?? 0;
  }
  // Four standard deviations of the mean.
  assert.ok(Math.abs(counts.sentences / (2 * n) - 0.7) < 0.03, `${counts.sentences}`);
  assert.ok(Math.abs(counts.words / (4 * n) - 0.2) < 0.02, `${counts.words}`);
});

test.after(() => fs.rmSync(folder, { recursive: true }));
test.run();
