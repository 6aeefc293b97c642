import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { generate } from '../../../src/engine/generate';
import { KVCache } from '../../../src/engine/kvCache';
import type { CausalLM } from '../../../src/engine/model';

let model: CausalLM;
test.before(async () => {
  await useBackend();
  model = loadModel(path.join(__dirname, '../../fixtures/gemma2-narrow-heads'));
});
test.after(() => model.dispose());

const prompt = (length: number, from = 0) =>
  Array.from({ length }, (_, i) => (7 * (i + from)) % model.config.vocabSize);

test('rows that come from one go on apart', () => {
  const cache = new KVCache([0, 1], [2, 2]);
  cache.advance(
    [
      [5, 6],
      [0, 8],
    ],
    [2, 1],
  );
  cache.selectRows([0, 0, 1]);
  cache.advance([[1], [2], [3]], [3, 3, 2]);
  assert.equal(cache.ids, [
    [5, 6, 1],
    [5, 6, 2],
    [0, 8, 3],
  ]);
  assert.equal(
    [cache.pads, cache.lengths],
    [
      [0, 0, 1],
      [3, 3, 2],
    ],
  );
});

test('padding is no context', () => {
  const { maxPositions } = model.config;
  const text = prompt(maxPositions);
  const wide = [[0, 0, 0, ...text]];
  tf.tidy(() => {
    const found = model.forward(wide, { pads: [3], logits: 'last' }).dataSync();
    const wanted = model.forward([text], { logits: 'last' }).dataSync();
    for (const [i, x] of found.entries()) assert.ok(Math.abs(x - wanted[i]) < 1e-4);
  });
  assert.throws(() => model.forward(wide, { pads: [2] }), /33 tokens .* context of 32/);
  const cache = new KVCache([3], [35]);
  model.forward(wide, { cache, logits: 'none' }).dispose();
  assert.throws(() => model.forward([[1]], { cache }), /33 tokens .* context of 32/);
  cache.dispose();
});

test('a row at the end of the context leaves, however few rows are finished', async () => {
  const prompts = [prompt(30), ...Array.from({ length: 9 }, (_, i) => prompt(4, i))];
  const options = { maxNewTokens: 9, batchSize: 10 };
  const found = await generate(model, prompts, options);
  assert.equal([found[0].tokens.length, found[0].stopped], [2, 'length']);
  for (const [i, one] of prompts.entries()) {
    const [alone] = await generate(model, [one], options);
    assert.equal(found[i], alone, `prompt ${i}`);
  }
});

test('each prompt draws from its own stream, wherever its row stands', async () => {
  const prompts = Array.from({ length: 6 }, (_, i) => prompt(3 + (i % 2), i));
  const draws = { maxNewTokens: 8, temperature: 2, seed: 4 };
  const wanted = await generate(model, prompts, { ...draws, batchSize: 6 });
  for (const batchSize of [1, 2]) {
    assert.equal(await generate(model, prompts, { ...draws, batchSize }), wanted, `${batchSize}`);
  }
  const others = await generate(model, prompts, { ...draws, seed: 5 });
  assert.not.equal(others, wanted);
  const same = await generate(model, [prompts[0], prompts[0]], { ...draws, batchSize: 2 });
  assert.not.equal(same[0], same[1], 'one prompt twice is two draws');
});

test.run();
