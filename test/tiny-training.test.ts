import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tensorflowCandidates } from '../src/backend';
import { Safetensors } from '../weights/safetensors';
import { RECIPE } from '../weights/tiny/recipe';
import { train } from '../weights/tiny/train';

const source = path.join(__dirname, '..', 'weights', 'tiny-gemma2');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-training-'));
const recipe = {
  ...RECIPE,
  model: { ...RECIPE.model, hidden_size: 64, intermediate_size: 96, head_dim: 16 },
  batchSize: 2,
  warmup: 2,
};

/** An empty checkpoint folder with the tokenizer, and a place for the state. */
function place(name: string) {
  const out = path.join(folder, name);
  fs.mkdirSync(out);
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json']) {
    fs.copyFileSync(path.join(source, file), path.join(out, file));
  }
  return { out, stateDir: path.join(out, 'state') };
}

// Only this backend can train.
const tensorflow = tensorflowCandidates().some(({ missing }) => !missing);
const trained = tensorflow && process.env.TILLER_BACKEND !== 'wasm' ? test : test.skip;

const checkpoint = ({ out }: { out: string }) =>
  fs.readFileSync(path.join(out, 'model.safetensors'));
const curve = ({ stateDir }: { stateDir: string }) =>
  fs
    .readFileSync(path.join(stateDir, 'loss.csv'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number));

trained(
  'a run stopped after each step ends with the same checkpoint as one that was not',
  async () => {
    const [straight, stopped] = [place('straight'), place('stopped')];
    await train({ ...straight, steps: 3, recipe });
    for (let run = 0; run < 3; run++) {
      // The least time: one step a run.
      await train({ ...stopped, steps: 3, minutes: 1e-9, recipe });
    }
    assert.ok(checkpoint(straight).equals(checkpoint(stopped)));
    assert.is(curve(straight).length, 1);
    assert.is(curve(straight)[0][0], 3);
  },
);

trained('the loss falls, and no tensor is left behind', async () => {
  const here = place('longer');
  await train({ ...here, steps: 1, recipe });
  const tensors = tf.memory().numTensors;
  await train({ ...here, steps: 30, recipe });
  assert.is(tf.memory().numTensors, tensors);
  const losses = curve(here).map(([, loss]) => loss);
  // A uniform guess costs log(3456) = 8.15 nats.
  assert.ok(losses[0] > 7.5 && losses[0] < 8.6, `${losses}`);
  assert.ok(losses.at(-1)! < losses[0] - 0.3, `${losses}`);
});

trained('the checkpoint holds what the config says, in bfloat16', () => {
  const file = Safetensors.open(path.join(folder, 'straight', 'model.safetensors'));
  try {
    assert.is(file.tensors.size, 1 + 11 * RECIPE.model.num_hidden_layers + 1);
    for (const { dtype } of file.tensors.values()) assert.is(dtype, 'BF16');
  } finally {
    file.close();
  }
});

test.after(() => fs.rmSync(folder, { recursive: true }));
test.run();
