/** On tensorflow and a CPU: steps that run as one graph, against the same steps op by op. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import type { Gemma2 } from '../../../models/gemma2';
import { useBackend } from '../../../src/backend';
import { graphicsCards } from '../../../src/backend/card';
import { forgetRecordings, replayed } from '../../../src/backend/replay';
import type { FunctionCalls, NodeBackend } from '../../../src/backend/tensorflow/binding';
import { putMatrix } from '../../../src/backend/tensorflow/weights16';
import { generate } from '../../../src/engine/generate';
import { KVCache } from '../../../src/engine/kvCache';
import type { CausalLM, ForwardOptions } from '../../../src/engine/model';
import { type Edit, Steering } from '../../../src/engine/steering';
import { seededRandom } from '../../../src/util/random';
import { hasTensorflow, testWhere } from '../../where';

const { TILLER_BACKEND, TILLER_GRAPHS } = process.env;
const onCpu = hasTensorflow && TILLER_BACKEND !== 'wasm' && !graphicsCards().length;
const test = testWhere(onCpu && !TILLER_GRAPHS, 'graphs are for tensorflow on a CPU');

const folder = (name: string) => path.join(__dirname, '../../fixtures', name);
const load = (name: string) => loadModel(folder(name));
const random = seededRandom(3);
const numbers = (n: number) => Array.from({ length: n }, () => Math.floor(random() * 61));

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

const NAMES = [
  ...['gemma2-gqa', 'gemma3-linear-softcap-f32', 'gpt2-bare-masks', 'mistral-wide-heads'],
  ...['olmo2-gqa-tied-f16', 'phi3-partial-tied-f16'],
];
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

for (const dtype of ['bfloat16', 'float16'] as const) {
  for (const name of ['gemma2-gqa', 'gpt2-bare-masks', 'phi3-partial-tied-f16']) {
    test(`${name} in ${dtype}: a graph's steps are those of its ops`, async () => {
      const model = loadModel(folder(name), { dtype });
      const before = tf.memory().numTensors;
      // Up to four rows are multiplied as they are; for more, matrices are widened.
      for (const batch of [1, 6]) {
        const twins = new Twins(
          model,
          Array.from({ length: batch }, () => numbers(7)),
        );
        for (let i = 0; i < 20; i++) {
          await twins.step(Array.from({ length: batch }, () => numbers(1)));
        }
        assert.ok(twins.graphs >= 8, `${twins.graphs} steps of 20 were graphs, batch ${batch}`);
        twins.dispose();
      }
      assert.is(tf.memory().numTensors, before, 'no tensor is left');
      model.dispose();
    });
  }
}

/** The most memory that this process has held since `reset`, in bytes. */
const peak = {
  reset: () => fs.writeFileSync('/proc/self/clear_refs', '5'),
  bytes: () =>
    1024 * Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))![1]),
};

test('a graph widens 16-bit matrices one after the other', () => {
  const side = 1024;
  const floats = Float32Array.from({ length: side * side }, (_, i) => (i % 7) / (4 * side));
  const stored = {
    name: 'w',
    shape: [side, side] as [number, number],
    dtype: 'F32' as const,
    read: (target: Uint8Array, offset: number) =>
      target.set(new Uint8Array(floats.buffer, offset, target.length)),
  };
  const weights = Array.from({ length: 60 }, () => putMatrix(stored, 'bfloat16', false));
  const model = { weights };
  const x = tf.ones<tf.Rank.R2>([8, side]);
  const cache = {};
  const body = () => [tf.tidy(() => weights.reduce((h, w) => tf.matMul(h, w), x))];
  const runs = { ops: 0, graph: 0 };
  const results = { ops: '', graph: '' };
  const start = process.memoryUsage().rss;
  for (let i = 0; i < 24; i++) {
    peak.reset();
    const { outputs, byGraph } = replayed(model, { key: 'k', cache, inputs: [x], body });
    const kind = byGraph ? 'graph' : 'ops';
    results[kind] = String(outputs[0].dataSync().slice(0, 9));
    tf.dispose(outputs);
    runs[kind] = peak.bytes() - start;
  }
  assert.is(results.graph, results.ops);
  // All of them widened would be 250 MB.
  assert.ok(runs.graph < 60e6, `${runs.graph / 1e6} MB, op by op ${runs.ops / 1e6}`);
  forgetRecordings(model);
  tf.dispose([...weights, x]);
});

test('edits of every kind, with conditions, go by graph', async () => {
  const model = load('gemma2-gqa');
  const unit = () => {
    const values = Float32Array.from({ length: model.config.dModel }, () => random() - 0.5);
    return values.map((x) => x / Math.hypot(...values));
  };
  const place = () => ({ layer: 1, vector: unit() });
  const edits: Edit[] = [
    { ...place(), kind: 'add', weight: 2, when: { vector: unit(), above: 0 } },
    { ...place(), kind: 'project', target: 1, when: { vector: unit(), below: 0, layer: 0 } },
    { ...place(), kind: 'ablate', when: { vector: unit(), above: 0, of: 'cosine' } },
    { ...place(), kind: 'clamp', min: 1, when: { vector: unit(), above: 0, at: 'prompt' } },
    { ...place(), kind: 'rotate', angle: 30, positions: 'generated' },
    { ...place(), kind: 'rotate', angle: 200, second: unit() },
  ];
  const before = tf.memory().numTensors;
  const steering = new Steering([edits, [], ...edits.map((edit) => [edit])], model.config);
  const prompts = Array.from({ length: 8 }, () => numbers(5));
  const twins = new Twins(model, prompts, steering);
  for (let i = 0; i < 24; i++) await twins.step(prompts.map(() => numbers(1)));
  assert.ok(twins.graphs >= 8, `${twins.graphs} steps of 24 were graphs`);
  twins.dispose();
  steering.dispose();
  assert.is(tf.memory().numTensors, before, 'no tensor is left');
  model.dispose();
});

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
    'blocks.1.attn.hook_pattern': () => undefined,
  };
  for (let i = 0; i < 3; i++) await twins.step([numbers(1)], { hooks });
  assert.equal([seen, twins.graphs], [3, graphs]);
  await twins.step([numbers(1)]);
  assert.is(twins.graphs, graphs + 1, 'without them, the graph is still there');
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
  const old = mlp.downProj.weight;
  mlp.downProj.weight = tf.mul(old, 3);
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

test('steps on keys and values in several pieces are told apart, and are graphs', async () => {
  process.env.TILLER_GRAPHS = 'explain';
  const model = load('gemma2-gqa');
  const twins = new Twins(model, [numbers(7)]);
  const pieces = new Set<number>();
  try {
    const lines = await warnings(async () => {
      for (let i = 0; i < 110; i++) {
        await twins.step([numbers(1)]);
        pieces.add(twins.caches[0].pieces().length / model.config.nLayers / 2);
      }
    });
    assert.equal(
      lines.filter((line) => /change|dropped/.test(line)),
      [],
    );
  } finally {
    delete process.env.TILLER_GRAPHS;
  }
  assert.ok(pieces.size > 2, `pieces: ${[...pieces]}`);
  assert.ok(twins.graphs > 50, `${twins.graphs} of 110 steps were graphs`);
  twins.dispose();
  model.dispose();
});

// ── A model that changes ────────────────────────────────────────────────────────────────────────

/** What `run` writes to standard error as warnings. */
async function warnings(run: () => Promise<unknown>): Promise<string[]> {
  const { warn } = console;
  const lines: string[] = [];
  console.warn = (line) => lines.push(line);
  try {
    await run();
  } finally {
    console.warn = warn;
  }
  return lines;
}

/** Greedy tokens after a prompt, and how many passes went op by op. */
async function write(model: Gemma2, onToken?: () => unknown) {
  let opByOp = 0;
  const { blocks } = model;
  model.blocks = (...args) => {
    opByOp++;
    return blocks.apply(model, args);
  };
  const [{ tokens }] = await generate(model, [[5, 9, 2, 40]], { maxNewTokens: 25, onToken });
  model.blocks = blocks;
  return { tokens, opByOp };
}

/** The tokens without any graph. */
async function writeOpByOp(model: Gemma2, onToken?: () => unknown): Promise<number[]> {
  const forward = model.forward.bind(model);
  model.forward = (ids, options) => forward(ids, { ...options, graph: false });
  const { tokens } = await write(model, onToken);
  model.forward = forward;
  return tokens;
}

const PASSES = 25;
/** Each changes what a model computes, and nothing that the model is known by. */
const CHANGES: Record<string, (model: Gemma2) => void> = {
  'a patched readOut': (model) => {
    const { readOut } = model;
    model.readOut = (h) => tf.neg(readOut.call(model, h));
  },
  'a patched blocks': (model) => {
    const { blocks } = model;
    model.blocks = (pass, inputs) => tf.neg(blocks.call(model, pass, inputs));
  },
  'a number of the config': (model) => {
    (model.config as { attnSoftcap: number }).attnSoftcap = 0.01;
    (model.config as { queryPreAttnScalar: number }).queryPreAttnScalar = 1e-4;
  },
  'blocks in another order': (model) => void model.weights.layers.reverse(),
  'a layer less': (model) => tf.dispose(model.weights.layers.pop()!),
  'another tensor': (model) => {
    const old = model.weights.norm;
    model.weights.norm = tf.neg(old);
    old.dispose();
  },
};

for (const [what, change] of Object.entries(CHANGES)) {
  test(`between two generations, ${what} is noticed`, async () => {
    const model = load('gemma2-gqa') as Gemma2;
    await write(model);
    const { tokens: before, opByOp } = await write(model);
    assert.ok(opByOp < PASSES, 'graphs are in use');
    change(model);
    let after: number[] = [];
    const lines = await warnings(async () => {
      after = (await write(model)).tokens;
      await write(model);
    });
    const wanted = await writeOpByOp(model);
    assert.equal(after, wanted);
    assert.not.equal(before, wanted, 'the change matters');
    // Other weights are another model, and nothing to warn of.
    const weights = /order|layer|tensor/.test(what);
    assert.is(lines.length, weights ? 0 : 1, lines.join());
    if (!weights)
      assert.match(lines[0], /otherwise than when its steps were recorded \(".*" where/);
    assert.ok((await write(model)).opByOp < PASSES, 'graphs of the new steps are in use');
    model.dispose();
  });
}

test('a flag that is switched to and fro decides every generation', async () => {
  const model = load('gemma2-gqa') as Gemma2;
  const { readOut } = model;
  let flag = false;
  model.readOut = (h) => (flag ? tf.neg(readOut.call(model, h)) : readOut.call(model, h));
  const wanted = new Map<boolean, number[]>();
  for (const value of [true, false]) {
    flag = value;
    wanted.set(value, await writeOpByOp(model));
  }
  assert.not.equal(wanted.get(true), wanted.get(false));
  const lines = await warnings(async () => {
    for (let i = 0; i < 6; i++) {
      flag = i % 2 === 1;
      assert.equal((await write(model)).tokens, wanted.get(flag), `generation ${i}`);
    }
  });
  assert.is(lines.length, 1, 'said once');
  model.dispose();
});

test('a hook that is added is called, and the graphs are there again without it', async () => {
  const model = load('gemma2-gqa') as Gemma2;
  for (let i = 0; i < 2; i++) await write(model);
  let calls = 0;
  const hooks = { hook_embed: () => void calls++ };
  await generate(model, [[5, 9, 2, 40]], { maxNewTokens: 25, hooks });
  assert.is(calls, PASSES);
  assert.ok((await write(model)).opByOp < PASSES);
  model.dispose();
});

test('a field of a model that is switched while it writes acts from the next token on', async () => {
  const model = load('gemma2-gqa') as Gemma2 & { flag?: boolean };
  const { readOut } = model;
  model.readOut = (h) => (model.flag ? tf.neg(readOut.call(model, h)) : readOut.call(model, h));
  await write(model);
  /** On at the 14th token, off at the 18th. */
  const switching = async (run: typeof write) => {
    let count = 0;
    model.flag = false;
    return run(model, () => (model.flag = ++count >= 14 && count < 18));
  };
  const opByOp = await switching(async (_, onToken) => {
    return { tokens: await writeOpByOp(model, onToken), opByOp: PASSES };
  });
  let found = opByOp;
  await warnings(async () => (found = await switching(write)));
  assert.equal(found.tokens, opByOp.tokens);
  assert.ok(found.opByOp < PASSES, 'graphs are in use');
  model.dispose();
});

test('a model that is changed while it writes is refused', async () => {
  const model = load('gemma2-gqa') as Gemma2;
  const { readOut } = model;
  let flag = false;
  model.readOut = (h) => (flag ? tf.neg(readOut.call(model, h)) : readOut.call(model, h));
  const long = (onToken?: () => void) =>
    generate(model, [[5], [7]], { maxNewTokens: 25, batchSize: 1, onToken });
  await long();
  process.env.TILLER_GRAPHS = 'explain';
  let count = 0;
  try {
    await warnings(() => long(() => (flag = ++count >= 14)));
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /changed in the middle of a generation \(".*Neg/);
  } finally {
    delete process.env.TILLER_GRAPHS;
  }
  model.dispose();
});

test('TILLER_GRAPHS=explain says why passes go op by op', async () => {
  process.env.TILLER_GRAPHS = 'explain';
  const model = load('gemma2-gqa') as Gemma2;
  const foreign = tf.tensor1d([2]);
  let lines: string[] = [];
  try {
    lines = await warnings(async () => {
      await write(model);
      await generate(model, [[5, 9]], { maxNewTokens: 3, hooks: () => undefined });
      const { readOut } = model;
      model.readOut = (h) => tf.mul(readOut.call(model, h), foreign);
      await write(model);
      let count = 0;
      model.readOut = (h) => tf.add(readOut.call(model, h), count++);
      await write(model);
    });
  } finally {
    delete process.env.TILLER_GRAPHS;
  }
  for (const wanted of [
    /op by op: it is no step of one token on a cache/,
    /op by op: hooks are called at each step/,
    /A graph of about \d+ ops stands for steps/,
    /recorded steps were dropped: an input of Mul is a tensor that is no input/,
    /no graph can stand for it: an input of Mul is a tensor that is no input/,
    /op by op, as its ops change: "const\d+ of type 1 \[\]: \d+" where "const\d+ of type 1/,
  ]) {
    assert.ok(
      lines.some((line) => wanted.test(line)),
      `${wanted} in\n${lines.join('\n')}`,
    );
  }
  assert.is(new Set(lines).size, lines.length, 'each is said once');
  foreign.dispose();
  model.dispose();
});

// The last one: from then on, this process builds none.
test('where no graph can be built, decoding goes on', async () => {
  const model = load('gemma2-gqa');
  const twins = new Twins(model, [numbers(5)]);
  const backend = tf.backend() as unknown as NodeBackend;
  const { binding } = backend;
  const { warn } = console;
  const said: string[] = [];
  console.warn = (line) => said.push(line);
  const addFunction: FunctionCalls['addFunction'] = (name, _graph, ...names) =>
    binding.addFunction!(name, Buffer.from('?'), ...names);
  backend.binding = Object.create(binding, { addFunction: { value: addFunction } });
  try {
    for (let i = 0; i < 20; i++) await twins.step([numbers(1)]);
  } finally {
    console.warn = warn;
    backend.binding = binding;
  }
  assert.is(twins.graphs, 0);
  assert.is(said.length, 1);
  assert.match(said[0], /all go op by op: Error: Invalid GraphDef/);
  twins.dispose();
  model.dispose();
});

always.run();
