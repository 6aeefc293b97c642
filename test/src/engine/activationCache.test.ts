/** What the activation cache computes, against the pass itself. */
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { hookName, residPost } from '../../../src/engine/hooks';
import type { CausalLM } from '../../../src/engine/model';
import { type RunOptions, runWithCache } from '../../../src/engine/runWithCache';
import { refusal } from '../../refusal';
import { testTensorflow } from '../../where';

const NAMES = [
  ...['gemma2-gqa', 'gpt2-bare-masks', 'mistral-wide-heads', 'phi3-partial-tied-f16'],
  ...['llama-biases-linear-f16', 'qwen3-biases-window-f32', 'olmo2-gqa-tied-f16'],
  'gemma3-bf16-sharded',
];
const folder = (name: string) => path.join(__dirname, '../../fixtures', name);
const models = new Map<string, CausalLM>();
const prompts = [
  [5, 6, 7, 8, 9],
  [11, 12, 13],
];

test.before(async () => {
  await useBackend();
  for (const name of NAMES) models.set(name, loadModel(folder(name)));
});

function close(found: tf.Tensor, wanted: tf.Tensor, what: string, tolerance = 1e-5) {
  assert.equal(found.shape, wanted.shape, what);
  const size = tf.norm(wanted).dataSync()[0];
  const off = tf.norm(tf.sub(found, wanted)).dataSync()[0];
  assert.ok(off <= tolerance * size, `${what}: off by ${off} at a size of ${size}`);
}

/** Runs `check` on a cache, and counts tensors. */
function withCache(
  model: CausalLM,
  options: RunOptions,
  check: (run: ReturnType<typeof runWithCache>) => void,
) {
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const run = runWithCache(model, prompts, options);
    check(run);
    run.cache.dispose();
    assert.is(run.cache.size, 0);
  });
  assert.is(tf.memory().numTensors, before, 'no tensor is left');
}

for (const name of NAMES) {
  test(`${name}: the parts add up to the last residual, its lens is the logits`, () => {
    const model = models.get(name)!;
    const { nLayers, dModel } = model.config;
    withCache(model, {}, ({ logits, cache, pads }) => {
      assert.equal([pads, cache.pads], [[0, 2], pads]);
      const { labels, stack } = cache.decomposeResid();
      assert.is(labels.length, 1 + 2 * nLayers);
      assert.equal(labels.slice(0, 4), ['embed', '0_attn_out', '0_mlp_out', '1_attn_out']);
      assert.equal(stack.shape, [labels.length, 2, 5, dModel]);
      close(tf.sum(stack, 0), cache.resid(nLayers - 1), 'sum');
      close(tf.sum(cache.decomposeResid(1).stack, 0), cache.resid(0), 'sum of one block');
      const grown = cache.accumulatedResid();
      assert.equal(grown.labels.slice(0, 2), ['embed', '0_post']);
      const layers = tf.unstack(grown.stack);
      assert.is(layers.length, nLayers + 1);
      close(layers[nLayers], cache.resid(nLayers - 1), 'the last');
      close(layers[0], cache.at('embed'), 'the first');
      close(cache.logitLens(nLayers - 1), logits, 'lens of the last block');
      close(cache.logitLens(layers[1] as tf.Tensor3D), cache.logitLens(0), 'lens of a tensor');
      // A model cut off after its first block.
      const cut = Object.fromEntries(
        Array.from({ length: nLayers }, (_, l) => [residPost(l), () => cache.resid(0)]),
      );
      const short = runWithCache(model, prompts, { hooks: cut, names: [] });
      close(cache.logitLens(0), short.logits, 'lens of the first block');
    });
  });

  test(`${name}: what edits add is a part of its own`, () => {
    const model = models.get(name)!;
    const { nLayers, dModel } = model.config;
    const vector = new Float32Array(dModel).fill(dModel ** -0.5);
    const edit = { kind: 'add', layer: 1, vector, weight: 2 } as const;
    const hooks = { 'blocks.0.hook_resid_mid': (x: tf.Tensor) => tf.mul(x, 1.5) };
    withCache(model, { edits: [[edit], []], hooks }, ({ cache }) => {
      const { labels, stack } = cache.decomposeResid();
      close(tf.sum(stack, 0), cache.resid(nLayers - 1), 'sum');
      assert.equal(
        labels.filter((label) => label.endsWith('edit')),
        ['0_edit', '1_edit'],
      );
      const added = tf.slice(stack, [labels.indexOf('1_edit')], [1]);
      const wanted = tf.mul(tf.tensor1d(vector), tf.tensor4d([2, 0], [1, 2, 1, 1]));
      close(added, tf.tile(wanted, [1, 1, 5, 1]), 'the vector, in its row', 1e-4);
    });
    withCache(model, { hooks: () => undefined }, ({ cache }) => {
      const { labels } = cache.decomposeResid();
      assert.is(labels.length, 1 + 3 * nLayers, 'a function may edit every block');
    });
  });

  test(`${name}: what the heads write adds up to what attention does`, () => {
    const model = models.get(name)!;
    withCache(model, {}, ({ cache }) => sumsToAttention(model, cache, 1e-5));
  });
}

type Cache = ReturnType<typeof runWithCache>['cache'];

/** Families whose attention is normed before it is added to the stream. */
const NORMED = ['gemma2', 'gemma3', 'olmo2'];

/** Heads summed, and one of them silenced. */
function sumsToAttention(model: CausalLM, cache: Cache, tolerance: number) {
  const { nHeads, dModel } = model.config;
  const heads = cache.headResults(1);
  assert.equal(heads.shape, [2, 5, nHeads, dModel]);
  const sum = tf.sum(heads, 2);
  const out = cache.at('attn_out', 1);
  if (NORMED.some((type) => model.modelType.startsWith(type))) {
    const { config, weights } = model as unknown as Normed;
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(sum), -1, true), config.rmsNormEps));
    const normed = tf.mul(tf.mul(sum, scale), weights.layers[1].postAttentionLayernorm);
    return close(normed, out, 'normed', tolerance);
  }
  // What is left is the bias: the same everywhere.
  const left = tf.sub(out, sum);
  const bias = tf.slice(left, [0, 0, 0], [1, 1, -1]);
  close(tf.add(sum, bias), out, 'sum and bias', tolerance);
  const kept = tf.tensor2d(Array.from({ length: nHeads }, (_, head) => [head ? 1 : 0]));
  const hooks = { [hookName('z', 1)]: (z: tf.Tensor) => tf.mul(z, kept) };
  const without = runWithCache(model, prompts, { hooks, names: [hookName('attn_out', 1)] });
  const first = tf.squeeze(tf.slice(heads, [0, 0, 0, 0], [-1, -1, 1, -1]), [2]);
  close(tf.sub(out, without.cache.at('attn_out', 1)), first, 'less the first', 10 * tolerance);
  without.cache.dispose();
}

interface Normed {
  config: { rmsNormEps: number };
  weights: { layers: { postAttentionLayernorm: tf.Tensor1D }[] };
}

testTensorflow('in 16 bit as in 32', async () => {
  await useBackend('tensorflow');
  for (const name of NAMES) {
    const model = loadModel(folder(name), { dtype: 'bfloat16' });
    withCache(model, {}, ({ cache, logits }) => {
      const last = model.config.nLayers - 1;
      close(tf.sum(cache.decomposeResid().stack, 0), cache.resid(last), 'sum');
      close(cache.logitLens(last), logits, 'lens');
      sumsToAttention(model, cache, 1e-4);
    });
    model.dispose();
  }
});

test('what is not there is refused by its name', () => {
  const model = models.get('gemma2-gqa')!;
  withCache(model, { names: [residPost(2), hookName('z', 0)], logits: 'none' }, ({ cache }) => {
    assert.equal([...cache.keys()], [hookName('z', 0), residPost(2)]);
    assert.is(cache.get('nothing'), undefined);
    assert.equal(cache.at('z', 0).shape, [2, 5, 4, 16]);
    assert.is(cache.at('resid_post2'), cache.get(residPost(2)));
    assert.match(
      refusal(() => cache.resid(1)),
      /has no blocks\.1\.hook_resid_post: it holds 2 others\. See "names"/,
    );
    assert.match(
      refusal(() => cache.at('z', 3)),
      /No hook point "blocks\.3.*0 to 2/,
    );
    assert.match(
      refusal(() => cache.at('blocks.0.hook_z')),
      /mean "blocks\.0\.attn\.hook_z"/,
    );
    assert.match(
      refusal(() => cache.decomposeResid()),
      /has no hook_embed/,
    );
    assert.match(
      refusal(() => cache.accumulatedResid(4)),
      /layers is 4, not .* 0 to 3/,
    );
    assert.match(
      refusal(() => cache.logitLens(cache.at('z', 0) as tf.Tensor as tf.Tensor3D)),
      /a tensor \[2,5,4,16\], not \[batch, pos, 40\]/,
    );
  });
});

test('a pass that fails leaves nothing behind', () => {
  const model = models.get('gemma2-gqa')!;
  const before = tf.memory().numTensors;
  const hooks = { [residPost(2)]: () => tf.zeros([1]) };
  assert.match(
    refusal(() => tf.tidy(() => runWithCache(model, prompts, { hooks }).logits)),
    /returned float32 \[1\]/,
  );
  assert.is(tf.memory().numTensors, before);
});

test.run();
