/**
 * On tensorflow: steps that run as one graph, against the same steps op by op; and functions that
 * are one kernel there, against their ops. The other backends have neither.
 */
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import type { Gemma2 } from '../../../models/gemma2';
import { tensorflowCandidates, useBackend } from '../../../src/backend';
import { KVCache } from '../../../src/engine/kvCache';
import type { CausalLM, ForwardOptions } from '../../../src/engine/model';
import { type Edit, Steering } from '../../../src/engine/steering';
import { geluTanh } from '../../../src/nn/activation';
import { attention } from '../../../src/nn/attention';
import type { FusedAttributes } from '../../../src/nn/fused';
import { linear } from '../../../src/nn/linear';
import { layerNorm, rmsNorm } from '../../../src/nn/norm';
import { applyRope } from '../../../src/nn/rope';
import { seededRandom } from '../../../src/util/random';

// Graphs are for CPUs.
const here = tensorflowCandidates().some(({ missing }) => !missing);
const test = here && process.env.TILLER_BACKEND !== 'wasm' ? always : always.skip;

const load = (name: string) => loadModel(path.join(__dirname, '../../fixtures', name));
const random = seededRandom(3);
const numbers = (n: number) => Array.from({ length: n }, () => Math.floor(random() * 61));
const normal = <T extends tf.Tensor>(...shape: number[]): T =>
  tf.tensor(
    Array.from({ length: shape.reduce((a, b) => a * b) }, () => 2 * random() - 1),
    shape,
  ) as T;

function close(found: ArrayLike<number>, wanted: ArrayLike<number>, what: string) {
  assert.is(found.length, wanted.length, what);
  let worst = 0;
  for (let i = 0; i < found.length; i++) worst = Math.max(worst, Math.abs(found[i] - wanted[i]));
  assert.ok(worst < 1e-5, `${what}: off by ${worst}`);
}

/** One step; `kernels` is how many ops went through tfjs, none when it was a graph. */
async function step(model: CausalLM, ids: number[][], options: ForwardOptions) {
  let values: ArrayLike<number> = [];
  const { kernels } = await tf.profile(() => {
    const logits = model.forward(ids, { ...options, logits: 'last' });
    values = logits.dataSync();
    logits.dispose();
  });
  return { values, kernels: kernels.filter(({ name }) => name === 'Linear').length };
}

/** The same rows twice: with graphs, and without. */
class Twins {
  readonly caches: KVCache[];
  graphs = 0;
  constructor(
    readonly model: CausalLM,
    prompts: number[][],
    readonly steering?: Steering,
  ) {
    const pads = prompts.map((_, row) => row % 2);
    const make = () => new KVCache(pads, [...prompts.map((ids) => ids.length)], 1 << 10);
    this.caches = [make(), make()];
    for (const cache of this.caches) {
      model.forward(prompts, { cache, steering, logits: 'none' }).dispose();
    }
  }

  async step(ids: number[][], more: ForwardOptions = {}) {
    const { model, steering } = this;
    const [a, b] = this.caches;
    const found = await step(model, ids, { cache: a, steering, ...more });
    const wanted = await step(model, ids, { cache: b, steering, graph: false });
    assert.ok(wanted.kernels > 0, 'op by op');
    close(found.values, wanted.values, `step at column ${a.length}`);
    if (found.kernels === 0) this.graphs++;
  }

  dispose() {
    for (const cache of this.caches) cache.dispose();
  }
}

always.before(async () => {
  await useBackend();
});

const NAMES = ['gemma2-gqa', 'gpt2-bare-masks', 'mistral-wide-heads', 'phi3-partial-tied-f16'];
for (const name of NAMES) {
  test(`${name}: a graph's steps are those of its ops, for batches of any size`, async () => {
    const model = load(name);
    const before = tf.memory().numTensors;
    const vector = Float32Array.from({ length: model.config.dModel }, () => random() - 0.5);
    const steer = (weight: number): Edit[] => [{ kind: 'add', layer: 1, vector, weight }];
    for (const steered of [false, true]) {
      for (const batch of [3, 2, 1]) {
        const prompts = Array.from({ length: batch }, () => numbers(7));
        const edits = prompts.map((_, i) => (i % 2 ? steer(i) : []));
        const steering = steered ? new Steering(edits, model.config) : undefined;
        const twins = new Twins(model, prompts, steering);
        for (let i = 0; i < 24; i++) await twins.step(prompts.map(() => numbers(1)));
        assert.ok(twins.graphs >= 8, `${twins.graphs} steps of 24 were graphs, batch ${batch}`);
        twins.dispose();
        steering?.dispose();
      }
    }
    assert.is(tf.memory().numTensors, before, 'no tensor is left');
    model.dispose();
  });
}

test('hooks are called at every step, also where a graph is at hand', async () => {
  const model = load('gemma2-gqa');
  const twins = new Twins(model, [numbers(5)]);
  for (let i = 0; i < 20; i++) await twins.step([numbers(1)]);
  assert.ok(twins.graphs > 0);
  const { graphs } = twins;
  let seen = 0;
  const hooks = {
    hook_embed: (h: tf.Tensor) => {
      seen++;
      return h;
    },
  };
  for (let i = 0; i < 3; i++) await twins.step([numbers(1)], { hooks });
  assert.equal([seen, twins.graphs], [3, graphs]);
  twins.dispose();
  model.dispose();
});

test('other weights are seen at once', async () => {
  const model = load('gemma2-gqa') as Gemma2;
  const twins = new Twins(model, [numbers(5)]);
  for (let i = 0; i < 20; i++) await twins.step([numbers(1)]);
  assert.ok(twins.graphs > 0);
  const { graphs } = twins;
  const { mlp } = model.weights.layers[1];
  const old = mlp.downProj;
  mlp.downProj = tf.mul(old, 3);
  old.dispose();
  await twins.step([numbers(1)]);
  assert.is(twins.graphs, graphs);
  for (let i = 0; i < 20; i++) await twins.step([numbers(1)]);
  assert.ok(twins.graphs > graphs, 'and become part of a new graph');
  twins.dispose();
  model.dispose();
});

/** A model whose every pass adds to its logits what `extra` makes. */
function changed(extra: () => tf.Tensor | number): CausalLM {
  const model = load('gemma2-gqa') as Gemma2;
  const { readOut } = model;
  model.readOut = (h) => tf.add(readOut.call(model, h), extra());
  return model;
}

test('what no graph can stand for stays as it is', async () => {
  const foreign = tf.scalar(2);
  let count = 0;
  const cases: Record<string, () => tf.Tensor | number> = {
    'a number that grows': () => count++,
    'a number that comes and goes': () => count++ % 2,
    'a tensor made of numbers': () => tf.tensor1d(Array(1).fill(count++)),
    'a tensor from elsewhere': () => tf.mul(foreign, tf.tensor1d([1])),
  };
  for (const [what, extra] of Object.entries(cases)) {
    const model = changed(extra);
    const cache = new KVCache([0], [5]);
    model.forward([numbers(5)], { cache }).dispose();
    const plain = load('gemma2-gqa');
    const other = new KVCache([0], [5]);
    for (const row of cache.ids) plain.forward([row], { cache: other }).dispose();
    for (let i = 0; i < 20; i++) {
      const ids = [numbers(1)];
      const now = count;
      const found = await step(model, ids, { cache });
      const wanted = await step(plain, ids, { cache: other, graph: false });
      const more =
        { 'a tensor from elsewhere': 2, 'a number that comes and goes': now % 2 }[what] ?? now;
      close(
        found.values,
        Array.from(wanted.values, (x) => x + more),
        what,
      );
      assert.ok(found.kernels > 0, what);
    }
    for (const one of [cache, other, model, plain]) one.dispose();
  }
  foreign.dispose();
});

test('where no graph can be built, decoding goes on', async () => {
  const model = load('gemma2-gqa');
  const twins = new Twins(model, [numbers(5)]);
  const { TMPDIR } = process.env;
  const { warn } = console;
  const said: string[] = [];
  console.warn = (line) => said.push(line);
  process.env.TMPDIR = path.join(__dirname, '../../no', 'such', 'folder');
  try {
    for (let i = 0; i < 20; i++) await twins.step([numbers(1)]);
  } finally {
    console.warn = warn;
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
  assert.is(twins.graphs, 0);
  assert.is(said.length, 1);
  assert.match(said[0], /all go op by op: .*no\/such\/folder/);
  twins.dispose();
  model.dispose();
});

// ── One kernel for several ops ──────────────────────────────────────────────────────────────────

/** What `run` gives by the kernel, and by the ops that the kernel stands for. */
function bothWays(name: keyof FusedAttributes, run: () => tf.Tensor) {
  const config = tf.getKernel(name, 'tensorflow');
  assert.ok(config, name);
  const fused = run();
  tf.unregisterKernel(name, 'tensorflow');
  try {
    const ops = run();
    assert.equal(fused.shape, ops.shape, name);
    close(fused.dataSync(), ops.dataSync(), name);
  } finally {
    tf.registerKernel(config);
  }
}

test('a kernel computes what its ops do', () => {
  tf.tidy(() => {
    const vector = (n: number) => normal<tf.Tensor1D>(n);
    const [gain, bias, matrix, bias5] = [
      vector(8),
      vector(8),
      normal<tf.Tensor2D>(8, 5),
      vector(5),
    ];
    for (const shape of [
      [2, 3, 8],
      [1, 1, 8],
      [5, 8],
    ]) {
      const x = normal(...shape);
      bothWays('LayerNorm', () => layerNorm(x, { gain, bias }, 1e-3));
      bothWays('RMSNorm', () => rmsNorm(x, gain, 1e-3));
      bothWays('GeluTanh', () => geluTanh(tf.mul(x, 4)));
      bothWays('Linear', () => linear(x, matrix));
      bothWays('Linear', () => linear(x, matrix, bias5));
    }
    for (const [batch, length] of [
      [2, 3],
      [2, 1],
      [1, 1],
    ]) {
      const x = normal<tf.Tensor4D>(batch, 4, length, 6);
      const table = () => normal<tf.Tensor4D>(batch, 1, length, 6);
      const tables = { cos: table(), sin: table() };
      bothWays('Rope', () => applyRope(x, tables));
      for (const kvHeads of [4, 2, 1]) {
        for (const columns of [[7], [4, 1, 2]]) {
          const pieces = () => columns.map((n) => normal<tf.Tensor4D>(batch, kvHeads, n, 6));
          const [keys, values] = [pieces(), pieces()];
          const sizes = columns.length > 1 ? tf.tensor1d(columns, 'int32') : null;
          for (const mask of [null, normal<tf.Tensor4D>(batch, 1, length, 7)]) {
            const options = { scale: 0.5, softcap: mask ? 2 : null, mask };
            bothWays('Attention', () => attention(x, { keys, values, columns: sizes }, options));
          }
        }
      }
    }
  });
});
always.run();
