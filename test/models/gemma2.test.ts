/** Gemma-2, its cache, hooks, steering and decoding: each against a second way to the same numbers. */
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../models';
import { useBackend } from '../../src/backend';
import { generate } from '../../src/engine/generate';
import { hookNames, residPost } from '../../src/engine/hooks';
import { KVCache } from '../../src/engine/kvCache';
import type { CausalLM, ForwardOptions } from '../../src/engine/model';
import { leftPad } from '../../src/engine/prefill';
import { runWithCache } from '../../src/engine/runWithCache';
import { draw } from '../../src/engine/sampling';
import { type Edit, type Positions, Steering } from '../../src/engine/steering';
import { InputError } from '../../src/util/errors';
import { seededRandom } from '../../src/util/random';
import { readReference } from '../../src/verify/reference';

const folder = (name: string) => path.join(__dirname, '../fixtures', name);
const NAMES = [
  'gemma2-gqa',
  'gemma2-mqa-bf16-sharded',
  'gemma2-mha-f16-nocaps',
  'gemma2-narrow-heads',
];
const models = new Map<string, CausalLM>();
/** Grouped queries, soft-caps, a window of 5 in blocks 0 and 2 of 3. */
let gqa: CausalLM;

test.before(async () => {
  await useBackend();
  for (const name of NAMES) models.set(name, loadModel(folder(name)));
  gqa = models.get('gemma2-gqa') as CausalLM;
});

/** A prompt of n tokens. */
function prompt(n: number, seed = n, vocabSize = 73): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => Math.floor(random() * vocabSize));
}

function unit(width: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  const raw = Float32Array.from({ length: width }, () => random() - 0.5);
  const length = Math.hypot(...raw);
  return raw.map((x) => x / length);
}

/** Logits as rows of V numbers, [B][T][V]. */
function forward(model: CausalLM, ids: number[][], options: ForwardOptions = {}): number[][][] {
  const logits = model.forward(ids, options);
  const values = logits.arraySync();
  logits.dispose();
  return values;
}

function close(found: number[], wanted: number[], what: string, tolerance = 1e-4) {
  assert.is(found.length, wanted.length, what);
  const worst = Math.max(...found.map((x, i) => Math.abs(x - wanted[i])));
  const size = Math.sqrt(wanted.reduce((sum, x) => sum + x * x, 0) / wanted.length);
  assert.ok(worst <= tolerance * size, `${what}: off by ${worst} at a size of ${size}`);
}

function argmax(values: number[]): number {
  return values.indexOf(Math.max(...values));
}

// ── Cache and padding ───────────────────────────────────────────────────────────────────────────

for (const name of NAMES) {
  test(`${name}: token by token through the cache = in one shot`, () => {
    const model = models.get(name) as CausalLM;
    const ids = prompt(17);
    const [oneShot] = forward(model, [ids]);
    for (const sizes of [Array(17).fill(1), [6, 1, 1, 7, 2]]) {
      const cache = new KVCache([0], [17]);
      let at = 0;
      for (const size of sizes) {
        const [rows] = forward(model, [ids.slice(at, at + size)], { cache });
        for (const [t, row] of rows.entries()) close(row, oneShot[at + t], `column ${at + t}`);
        at += size;
      }
      assert.is(cache.length, 17);
      cache.dispose();
    }
  });

  test(`${name}: a padded batch = each row alone, whatever fills the padding`, () => {
    const model = models.get(name) as CausalLM;
    const prompts = [prompt(4), prompt(15), prompt(1), prompt(9)];
    for (const padId of [0, 31]) {
      const { ids, pads } = leftPad(prompts, padId);
      const batch = forward(model, ids, { pads });
      prompts.forEach((row, b) => {
        close(batch[b].slice(pads[b]).flat(), forward(model, [row])[0].flat(), `row ${b}`);
      });
    }
  });
}

test('padding keeps its place through the cache', () => {
  const prompts = [prompt(3), prompt(11)];
  const { ids, pads } = leftPad(prompts);
  const cache = new KVCache(
    pads,
    pads.map(() => 11),
  );
  forward(gqa, ids, { cache });
  const more = [prompt(7, 1), prompt(7, 2)];
  for (let t = 0; t < 7; t++) {
    const rows = forward(gqa, [[more[0][t]], [more[1][t]]], { cache });
    prompts.forEach((row, b) => {
      const alone = forward(gqa, [[...row, ...more[b].slice(0, t + 1)]])[0].at(-1) as number[];
      close(rows[b][0], alone, `row ${b}, step ${t}`);
    });
  }
  cache.dispose();
});

test('logits: last is the last column of all, none is empty', () => {
  const ids = [prompt(6), prompt(6, 1)];
  const all = forward(gqa, ids);
  const last = forward(gqa, ids, { logits: 'last' });
  assert.is(last[0].length, 1);
  for (const b of [0, 1]) close(last[b][0], all[b][5], `row ${b}`);
  const none = gqa.forward(ids, { logits: 'none' });
  assert.equal(none.shape, [2, 0, 101]);
  none.dispose();
});

test('an extra mask hides a token from those after it', () => {
  const ids = prompt(10);
  const other = ids.with(3, (ids[3] + 1) % 73);
  const hidden = tf.tidy(() => {
    const column = tf.equal(tf.range(0, 10), 3);
    const later = tf.greater(tf.reshape(tf.range(0, 10), [10, 1]), 3);
    const both = tf.logicalAnd(later, tf.reshape(column, [1, 10]));
    return tf.mul(tf.cast(tf.reshape(both, [1, 1, 10, 10]), 'float32'), -1e9);
  }) as tf.Tensor4D;
  const [a, b] = [ids, other].map((row) => forward(gqa, [row], { mask: hidden })[0]);
  const [c, d] = [ids, other].map((row) => forward(gqa, [row])[0]);
  close(a.slice(4).flat(), b.slice(4).flat(), 'columns after the hidden one');
  assert.not.equal(a[3], b[3], 'the hidden token sees itself');
  assert.not.equal(c[9], d[9], 'unmasked, it matters');
  hidden.dispose();
});

// ── Hooks ───────────────────────────────────────────────────────────────────────────────────────

test('runWithCache keeps every point, with its shape, and they add up', () => {
  const before = tf.memory().numTensors;
  const { logits, cache } = runWithCache(gqa, [prompt(5), prompt(8)]);
  assert.equal([...cache.keys()], hookNames(3));
  const shapes: Record<string, number[]> = {
    ...{ hook_q: [2, 8, 4, 16], hook_k: [2, 8, 2, 16], hook_v: [2, 8, 2, 16] },
    ...{ hook_z: [2, 8, 4, 16], hook_attn_scores: [2, 4, 8, 8], hook_pattern: [2, 4, 8, 8] },
    hook_post: [2, 8, 56],
  };
  for (const [name, tensor] of cache) {
    assert.equal(tensor.shape, shapes[name.split('.').at(-1)!] ?? [2, 8, 40], name);
  }
  assert.equal(logits.shape, [2, 8, 101]);
  const values = (name: string) => Array.from((cache.get(name) as tf.Tensor).dataSync());
  const sum = (a: string, b: string) => {
    const [x, y] = [values(a), values(b)];
    return x.map((value, i) => value + y[i]);
  };
  close(values('blocks.0.hook_resid_pre'), values('hook_embed'), 'first block');
  for (const l of [0, 1, 2]) {
    const at = (name: string) => `blocks.${l}.hook_${name}`;
    close(values(at('resid_mid')), sum(at('resid_pre'), at('attn_out')), at('resid_mid'));
    close(values(at('resid_post')), sum(at('resid_mid'), at('mlp_out')), at('resid_post'));
    if (l) close(values(at('resid_pre')), values(residPost(l - 1)), at('resid_pre'));
  }
  tf.dispose([logits, ...cache.values()]);
  assert.is(tf.memory().numTensors, before);
});

test('runWithCache gives the resid_post of transformers, steered, at the points asked for', () => {
  for (const name of NAMES) {
    const model = models.get(name) as CausalLM;
    const { nLayers, dModel } = model.config;
    for (const wanted of readReference(
      path.join(folder(name), 'reference.safetensors'),
      model.config,
    )) {
      const { logits, cache } = runWithCache(model, [wanted.inputIds], {
        names: (point) => point.endsWith('resid_post'),
        edits: [wanted.steer],
        logits: 'none',
      });
      assert.is(cache.size, nLayers);
      const size = wanted.inputIds.length * dModel;
      for (let l = 0; l < nLayers; l++) {
        const found = Array.from((cache.get(residPost(l)) as tf.Tensor).dataSync());
        const expected = Array.from(wanted.residPost.subarray(l * size, (l + 1) * size));
        close(found, expected, `${name} ${wanted.name} layer ${l}`);
      }
      tf.dispose([logits, ...cache.values()]);
    }
  }
});

test('a hook edits: without attention, a token does not see the others', () => {
  const silence = Object.fromEntries(
    [0, 1, 2].map((l) => [`blocks.${l}.hook_attn_out`, (x: tf.Tensor) => tf.zerosLike(x)]),
  );
  const [a] = forward(gqa, [[5, 6, 7]], { hooks: silence });
  const [b] = forward(gqa, [[7]], { hooks: silence });
  close(a[2], b[0], 'alone');
  assert.not.equal(a[2], forward(gqa, [[5, 6, 7]])[0][2]);
});

test('an edit at one point is seen at the next, and runWithCache keeps what was edited', () => {
  const hooks = { 'blocks.1.hook_resid_mid': (x: tf.Tensor) => tf.mul(x, 0.5) };
  const plain = runWithCache(gqa, [prompt(6)]);
  const edited = runWithCache(gqa, [prompt(6)], { hooks });
  const at = (cache: Map<string, tf.Tensor>, name: string) =>
    Array.from((cache.get(name) as tf.Tensor).dataSync());
  const [mid, mlpOut] = ['blocks.1.hook_resid_mid', 'blocks.1.hook_mlp_out'];
  const half = at(plain.cache, mid).map((x) => x / 2);
  close(at(edited.cache, mid), half, 'halved');
  const out = at(edited.cache, mlpOut);
  close(
    at(edited.cache, residPost(1)),
    half.map((x, i) => x + out[i]),
    'carried on',
  );
  tf.dispose([plain.logits, edited.logits, ...plain.cache.values(), ...edited.cache.values()]);
});

// ── Gradients ───────────────────────────────────────────────────────────────────────────────────

for (const [name, point] of [
  ['gemma2-gqa', 'blocks.1.hook_resid_pre'],
  ['gemma2-narrow-heads', 'blocks.1.hook_resid_pre'],
  ['gemma2-mqa-bf16-sharded', 'hook_embed'],
  ['gemma2-mha-f16-nocaps', 'hook_embed'],
]) {
  test(`${name}: the gradient at ${point} agrees with finite differences`, () => {
    const model = models.get(name) as CausalLM;
    const { dModel, vocabSize } = model.config;
    const ids = [prompt(4), prompt(9)];
    const { ids: padded, pads } = leftPad(ids);
    // A scalar that weighs the logits of every column at random; padding columns count nothing.
    const random = seededRandom(3);
    const weights = padded.map((row, b) =>
      row.map((_, t) =>
        Array.from({ length: vocabSize }, () => (t < pads[b] ? 0 : random() - 0.5)),
      ),
    );
    const r = tf.tensor3d(weights);
    const shape: [number, number, number] = [2, 9, dModel];
    const logitsAt = (edit: tf.Tensor) =>
      model.forward(padded, { pads, hooks: { [point]: (h) => tf.add(h, edit) } });
    const gradient = tf.tidy(() =>
      tf.grad((edit) => tf.sum(tf.mul(logitsAt(edit), r)))(tf.zeros(shape)),
    );
    assert.equal(gradient.shape, shape);
    const g = Array.from(gradient.dataSync());
    // Columns of padding reach nothing.
    assert.ok(g.slice(0, 5 * dModel).every((x) => x === 0));
    const size = Math.hypot(...g);
    assert.ok(size > 0.1);

    /** The scalar, summed in double precision. */
    const scalarAt = (direction: number[], step: number) =>
      tf.tidy(() => {
        const edit = tf.tensor3d(
          direction.map((x) => x * step),
          shape,
        );
        const values = logitsAt(edit).dataSync();
        return weights.flat(2).reduce((sum, w, i) => sum + w * values[i], 0);
      });
    const directions = [g.map((x) => x / size)];
    for (const seed of [1, 2, 3]) directions.push(Array.from(unit(g.length, seed)));
    for (const [i, direction] of directions.entries()) {
      const slope = (h: number) => (scalarAt(direction, h) - scalarAt(direction, -h)) / (2 * h);
      // Two step sizes, so that the cubic term drops out.
      const h = 0.02;
      const estimate = (4 * slope(h / 2) - slope(h)) / 3;
      const exact = direction.reduce((sum, x, k) => sum + x * g[k], 0);
      assert.ok(
        Math.abs(estimate - exact) < 2e-3 * size,
        `direction ${i}: ${exact} by the gradient, ${estimate} by differences, |g| = ${size}`,
      );
    }
    tf.dispose([r, gradient]);
  });
}

// ── Steering ────────────────────────────────────────────────────────────────────────────────────

const target = (edit: Edit) => (edit as Edit & { kind: 'project' }).target;

/**
 * Greedy decoding the long way: no cache, no padding, no `Steering`; each step runs the whole row,
 * and a hook edits the columns that should be.
 */
function decodeByHand(model: CausalLM, ids: number[], edits: Edit[], count: number): number[] {
  const steered: Record<Positions, (t: number) => boolean> = {
    all: () => true,
    prompt: (t) => t < ids.length,
    last: (t) => t === ids.length - 1,
    generated: (t) => t >= ids.length,
  };
  const row = [...ids];
  for (let step = 0; step < count; step++) {
    const hooks = Object.fromEntries(
      edits.map(({ layer }) => [
        residPost(layer),
        (h: tf.Tensor) => {
          const [[...columns]] = h.arraySync() as number[][][];
          for (const edit of edits.filter((s) => s.layer === layer)) {
            columns.forEach((column, t) => {
              if (!steered[edit.positions ?? 'all'](t)) return;
              const along = column.reduce((sum, x, i) => sum + x * edit.vector[i], 0);
              const amount = edit.kind === 'add' ? edit.weight : target(edit) - along;
              columns[t] = column.map((x, i) => x + amount * edit.vector[i]);
            });
          }
          return tf.tensor3d([columns]);
        },
      ]),
    );
    row.push(argmax(forward(model, [row], { hooks })[0].at(-1) as number[]));
  }
  return row.slice(ids.length);
}

test('positions all, prompt, last and generated act on those columns, each row its own', async () => {
  const where: Positions[] = ['all', 'prompt', 'last', 'generated'];
  const u = unit(40, 8);
  for (const kind of ['add', 'project'] as const) {
    const edits = where.map((positions): Edit[] => [
      kind === 'add'
        ? { kind, layer: 1, vector: u, weight: 50, positions }
        : { kind, layer: 0, vector: u, target: -50, positions },
    ]);
    // One prompt for all four, then four prompts of unequal lengths in one batch.
    for (const prompts of [
      where.map(() => prompt(7)),
      [prompt(3), prompt(12), prompt(1), prompt(8)],
    ]) {
      const batch = await generate(gqa, prompts, { maxNewTokens: 8, edits });
      const byHand = prompts.map((ids, b) => decodeByHand(gqa, ids, edits[b], 8));
      assert.equal(
        batch.map(({ tokens }) => tokens),
        byHand,
      );
      if (prompts[0].length === prompts[1].length) {
        const kinds = [...byHand, decodeByHand(gqa, prompts[0], [], 8)];
        assert.is(new Set(kinds.map(String)).size, 5, `all differ: ${kinds.join(' | ')}`);
        assert.is(byHand[3][0], kinds[4][0], 'the first token is not yet touched by "generated"');
      }
    }
  }
});

test('several edits a row, of unequal number, in the listed order', async () => {
  const [u, v] = [unit(40, 1), unit(40, 2)];
  const edits: Edit[][] = [
    [
      { kind: 'add', layer: 1, vector: u, weight: 40 },
      { kind: 'project', layer: 1, vector: v, target: 30 },
      { kind: 'add', layer: 2, vector: v, weight: -30, positions: 'generated' },
    ],
    [],
    [{ kind: 'project', layer: 1, vector: u, target: -60, positions: 'prompt' }],
    [
      { kind: 'project', layer: 1, vector: u, target: 30 },
      { kind: 'add', layer: 1, vector: u, weight: 25, positions: 'last' },
    ],
  ];
  const prompts = [prompt(5), prompt(9), prompt(13), prompt(2)];
  const batch = await generate(gqa, prompts, { maxNewTokens: 8, edits });
  prompts.forEach((ids, b) => {
    assert.equal(batch[b].tokens, decodeByHand(gqa, ids, edits[b], 8), `row ${b}`);
  });
});

test('steering that does not fit the model is refused', () => {
  const { config } = gqa;
  const good = { kind: 'add', layer: 1, vector: unit(40, 1), weight: 1 } as const;
  const refused = (edit: Edit, message: RegExp) =>
    assert.throws(
      () => new Steering([[edit]], config),
      (error: Error) => error instanceof InputError && message.test(error.message),
    );
  refused({ ...good, layer: 3 }, /layers 0 to 2/);
  refused({ ...good, layer: -1 }, /layer -1/);
  refused({ ...good, vector: unit(41, 1) }, /41 numbers.*40/);
  refused({ ...good, weight: Number.NaN }, /weight is NaN, not a finite number/);
});

// ── Decoding ────────────────────────────────────────────────────────────────────────────────────

test('rows that stop leave the batch and do not disturb the others', async () => {
  const prompts = [prompt(6), prompt(3), prompt(10), prompt(4)];
  const edits: Edit[][] = prompts.map((_, b) => [
    { kind: 'add', layer: 1, vector: unit(40, b), weight: 20 },
  ]);
  const free = await generate(gqa, prompts, { maxNewTokens: 10, edits });
  // The third token of one row, the sixth of another.
  const stopIds = [free[2].tokens[2], free[0].tokens[5]];
  const order: string[] = [];
  const stopped = await generate(gqa, prompts, {
    maxNewTokens: 10,
    edits,
    stopIds,
    onToken: (b, token) => order.push(`${b}:${token}`),
    onFinish: (b) => order.push(`${b} done`),
  });
  stopped.forEach(({ tokens, stopped: why }, b) => {
    const end = free[b].tokens.findIndex((token) => stopIds.includes(token));
    assert.equal(tokens, end < 0 ? free[b].tokens : free[b].tokens.slice(0, end), `row ${b}`);
    assert.is(why, end < 0 ? 'length' : 'stop');
    const seen = order.filter((entry) => entry.startsWith(`${b}:`));
    assert.equal(
      seen,
      tokens.map((token) => `${b}:${token}`),
    );
    assert.is(order.filter((entry) => entry === `${b} done`).length, 1);
  });
  assert.ok(stopped[2].tokens.length <= 2 && stopped[0].tokens.length <= 5);
});

test('tokens do not depend on the batch', async () => {
  const prompts = [prompt(6), prompt(3), prompt(10), prompt(4), prompt(1)];
  for (const sampling of [{}, { temperature: 0.8, topP: 0.9, seed: 4 }]) {
    const [small, large] = await Promise.all(
      [2, 5].map((batchSize) =>
        generate(gqa, prompts, { maxNewTokens: 6, batchSize, ...sampling }),
      ),
    );
    assert.equal(small, large);
  }
});

test('sampling is reproducible by its seed', async () => {
  const prompts = [prompt(6), prompt(6)];
  const sample = async (seed: number, temperature = 1.5, topP = 1) =>
    (await generate(gqa, prompts, { maxNewTokens: 12, temperature, topP, seed })).map(
      ({ tokens }) => tokens,
    );
  const [a, again, b] = [await sample(1), await sample(1), await sample(2)];
  assert.equal(a, again);
  assert.not.equal(a, b);
  assert.not.equal(a[0], a[1], 'equal prompts draw from streams of their own');
  const [greedy] = await generate(gqa, prompts, { maxNewTokens: 12 });
  assert.equal((await sample(1, 1, 1e-6))[0], greedy.tokens, 'the smallest nucleus is greedy');
  assert.equal((await sample(1, 1e-3))[0], greedy.tokens, 'near zero temperature is greedy');
});

test('a draw follows the tempered and truncated distribution', () => {
  const logits = Float32Array.from([1, 3, -1, 2, 0.5]);
  const share = (options: { temperature: number; topP: number }) => {
    const counts = new Array(5).fill(0);
    for (let i = 0; i < 10000; i++) counts[draw(logits, options, (i + 0.5) / 10000)]++;
    return counts.map((count) => count / 10000);
  };
  const softmax = (temperature: number, kept: number[]) => {
    const weights = Array.from(logits, (x, i) =>
      kept.includes(i) ? Math.exp(x / temperature) : 0,
    );
    const total = weights.reduce((sum, x) => sum + x, 0);
    return weights.map((x) => x / total);
  };
  const near = (found: number[], wanted: number[]) =>
    assert.ok(
      found.every((x, i) => Math.abs(x - wanted[i]) < 1e-3),
      `${found} ${wanted}`,
    );
  near(share({ temperature: 1, topP: 1 }), softmax(1, [0, 1, 2, 3, 4]));
  near(share({ temperature: 2, topP: 1 }), softmax(2, [0, 1, 2, 3, 4]));
  // 0.61 + 0.23 of the mass: 0.6 needs one token, 0.7 two, 0.9 three.
  near(share({ temperature: 1, topP: 0.6 }), softmax(1, [1]));
  near(share({ temperature: 1, topP: 0.7 }), softmax(1, [1, 3]));
  near(share({ temperature: 1, topP: 0.9 }), softmax(1, [1, 3, 0]));
});

test('decoding ends where the context does', async () => {
  const narrow = models.get('gemma2-narrow-heads') as CausalLM;
  assert.is(narrow.config.maxPositions, 32);
  const prompts = [prompt(29), prompt(4)];
  const [long, short] = await generate(narrow, prompts, { maxNewTokens: 6 });
  assert.is(long.tokens.length, 3);
  assert.is(long.stopped, 'length');
  assert.equal(short.tokens, decodeByHand(narrow, prompts[1], [], 6));
});

test('input that a model cannot take is refused in plain words', async () => {
  const narrow = models.get('gemma2-narrow-heads') as CausalLM;
  const refused = (ids: number[][], message: RegExp) =>
    assert.throws(
      () => narrow.forward(ids),
      (error: Error) => error instanceof InputError && message.test(error.message),
    );
  refused([], /at least one row/);
  refused([[]], /at least one row/);
  refused([[1, 2], [1]], /pad/i);
  refused([[1, 73]], /id 73 .*vocabulary of 73/);
  refused([[1, -1]], /id -1/);
  refused([[1.5]], /id 1\.5/);
  refused([prompt(33)], /33 tokens.*32/);
  assert.throws(() => narrow.forward([[1]], { hooks: { hook_resid: () => undefined } }), /No hook/);
  assert.throws(
    () => narrow.forward([[1]], { hooks: { hook_embed: () => tf.zeros([1, 1, 3]) } }),
    /hook_embed returned float32 \[1,1,3\] in place of float32/,
  );
  for (const prompts of [[[]], [prompt(32)]]) {
    const error = await generate(narrow, prompts, { maxNewTokens: 1 }).catch((e) => e);
    assert.instance(error, InputError);
  }
});

test('no tensor is left behind, also when something throws half-way', async () => {
  const prompts = [prompt(6), prompt(3), prompt(10)];
  const edits: Edit[][] = prompts.map((_, b) => [
    { kind: 'add', layer: 1, vector: unit(40, b), weight: 20, positions: 'generated' },
    { kind: 'project', layer: 2, vector: unit(40, b), target: 3 },
  ]);
  const free = await generate(gqa, prompts, { maxNewTokens: 8, edits });
  const perStep: number[] = [];
  const options = {
    maxNewTokens: 8,
    edits,
    stopIds: [free[1].tokens[3]],
    onToken: (b: number) => {
      if (b === 0) perStep.push(tf.memory().numTensors);
    },
  };
  const before = tf.memory().numTensors;
  for (const sampling of [{}, { temperature: 1, seed: 2 }]) {
    await generate(gqa, prompts, { ...options, ...sampling });
    assert.is(tf.memory().numTensors, before);
  }
  assert.ok(new Set(perStep).size <= 2, `flat over the steps: ${perStep}`);

  const broken = {
    onToken: (_: number, __: number) => {
      throw new Error('no more paper');
    },
  };
  const error = await generate(gqa, prompts, { ...options, ...broken }).catch((e) => e);
  assert.is(error.message, 'no more paper');
  assert.is(tf.memory().numTensors, before, 'after onToken threw');

  const failingHook = {
    'blocks.2.hook_mlp_out': () => {
      throw new Error('hook');
    },
  };
  await generate(gqa, prompts, { ...options, hooks: failingHook }).catch(() => undefined);
  assert.is(tf.memory().numTensors, before, 'after a hook threw');

  const copy = loadModel(folder('gemma2-gqa'));
  copy.dispose();
  assert.is(tf.memory().numTensors, before, 'after dispose');
});

test.run();
