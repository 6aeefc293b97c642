/** Attention with few scores at a time, against all of them at once. */
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { useBackend } from '../../../src/backend';
import { attention, type Seen } from '../../../src/nn/attention';
import { causalMask } from '../../../src/nn/mask';

test.before(async () => void (await useBackend()));

/** [2, 6 heads over 3, 7 queries] on 11 columns in pieces of 8 and 3; the second row is padded. */
function example() {
  const normal = (shape: [number, number, number, number], seed: number) =>
    tf.randomNormal(shape, 0, 1, 'float32', seed) as tf.Tensor4D;
  const pieces = [8, 3];
  const seen: Seen = {
    keys: pieces.map((s, i) => normal([2, 3, s, 4], 1 + i)),
    values: pieces.map((s, i) => normal([2, 3, s, 4], 5 + i)),
    columns: tf.tensor1d(pieces, 'int32'),
  };
  const mask = causalMask({ pads: [0, 5], start: 4, length: 7, window: 6 });
  return { q: normal([2, 6, 7, 4], 9), seen, options: { scale: 0.5, softcap: 3, mask } };
}

test('some queries at a time give the numbers of all at once', () => {
  const { q, seen, options } = example();
  const single = {
    ...options,
    mask: causalMask({ pads: [0, 0], start: 4, length: 7, window: null }),
  };
  for (const given of [options, single, { ...options, mask: null, softcap: null }]) {
    const wanted = attention(q, seen, given);
    // One query has 2 · 6 · 11 scores: 1, 1, 2, 3, 6 and 7 queries at once.
    for (const most of [1, 132, 264, 500, 792, 924]) {
      const found = attention(q, seen, given, most);
      assert.equal(found.shape, wanted.shape);
      const [a, b] = [found.dataSync(), wanted.dataSync()];
      const worst = Math.max(...a.map((x, i) => Math.abs(x - b[i])));
      assert.ok(worst < 1e-6, `${most}: off by ${worst}`);
      found.dispose();
    }
    wanted.dispose();
  }
});

test('no more scores are there at once than asked for', async () => {
  const { q, seen, options } = example();
  const { kernels } = await tf.profile(() => attention(q, seen, options, 264));
  const fused = kernels.filter(({ name }) => name === 'Attention');
  // In one kernel of the backend: four times, for seven queries two at a time.
  if (fused.length) return assert.is(fused.length, 4);
  const scores = kernels
    .flatMap(({ outputShapes }) => outputShapes)
    .filter((shape) => shape?.length === 4 && [8, 11].includes(shape[3]))
    .map((shape) => shape.reduce((x, y) => x * y, 1));
  assert.ok(scores.length > 0);
  assert.ok(Math.max(...scores) <= 264, `${Math.max(...scores)} scores`);
});

test('gradients go through the parts', () => {
  const { q, seen, options } = example();
  const gradient = (most: number) =>
    tf
      .grad((x) => tf.sum(tf.square(attention(x as tf.Tensor4D, seen, options, most))))(q)
      .dataSync();
  const [whole, parts] = [gradient(1e9), gradient(264)];
  const worst = Math.max(...whole.map((x, i) => Math.abs(x - parts[i])));
  assert.ok(worst < 1e-5, `off by ${worst}`);
});

test.run();
