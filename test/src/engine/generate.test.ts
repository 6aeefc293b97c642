/** Generation of many prompts: batches, places taken over, shared layers; checked against each alone. */
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { BatchSizer } from '../../../src/engine/batchSizer';
import { type Generation, generate } from '../../../src/engine/generate';
import { KVCache } from '../../../src/engine/kvCache';
import type { CausalLM } from '../../../src/engine/model';
import { prefill } from '../../../src/engine/prefill';
import { type Edit, type Positions, Steering } from '../../../src/engine/steering';
import { attention } from '../../../src/nn/attention';
import { seededRandom } from '../../../src/util/random';

const NAMES = ['gemma2-gqa', 'phi3-longrope-gqa', 'mistral-window-bf16-sharded', 'gpt2-bare-masks'];
const models = new Map<string, CausalLM>();
test.before(async () => {
  await useBackend();
  for (const name of NAMES)
    models.set(name, loadModel(path.join(__dirname, '../../fixtures', name)));
});
test.after(() => {
  for (const model of models.values()) model.dispose();
});

function numbers(n: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => Math.floor(random() * 61));
}

function vector(model: CausalLM, seed: number): Float32Array {
  const random = seededRandom(seed);
  const values = Float32Array.from({ length: model.config.dModel }, () => random() - 0.5);
  const norm = Math.hypot(...values);
  return values.map((x) => x / norm);
}

/** An edit of every kind, layer and place in turn. */
function edit(model: CausalLM, i: number): Edit {
  const layer = i % model.config.nLayers;
  const positions = (['all', 'prompt', 'last', 'generated'] as Positions[])[i % 4];
  const base = { layer, vector: vector(model, i), positions };
  return i % 3 ? { ...base, kind: 'add', weight: 6 } : { ...base, kind: 'project', target: 4 };
}

/** One prompt alone: no neighbours, no sharing. */
async function alone(model: CausalLM, prompt: number[], steer: Edit[], more: object) {
  const [one] = await generate(model, [prompt], {
    maxNewTokens: 12,
    batchSize: 1,
    edits: [steer],
    ...more,
  });
  return one;
}

for (const name of NAMES) {
  test(`${name}: a prompt with many edits in one pass = each of them alone`, async () => {
    const model = models.get(name)!;
    const prompts: number[][] = [];
    const edits: Edit[][] = [];
    // Two prompts of one length with 6 edits and none (twice), one of another, one single.
    for (const prompt of [numbers(9, 1), numbers(9, 2), numbers(5, 3)]) {
      for (let i = 0; i < 6; i++) {
        prompts.push(prompt);
        edits.push(i === 4 ? [edit(model, 1), edit(model, 8), edit(model, 3)] : [edit(model, i)]);
      }
      prompts.push(prompt, prompt);
      edits.push([], []);
    }
    prompts.push(numbers(7, 4));
    edits.push([edit(model, 2)]);
    const { cache, logits } = prefill(model, prompts, { edits });
    const together = logits.arraySync();
    for (const [row, prompt] of prompts.entries()) {
      const steers = new Steering([edits[row]], model.config);
      const one = model.forward([prompt], { steering: steers, logits: 'last' });
      const wanted = one.arraySync()[0][0];
      const worst = Math.max(...wanted.map((x, i) => Math.abs(x - together[row][i])));
      assert.ok(worst < 1e-4 * Math.max(...wanted.map(Math.abs)), `row ${row}: off by ${worst}`);
      one.dispose();
      steers.dispose();
    }
    cache.dispose();
    logits.dispose();

    const before = tf.memory().numTensors;
    const found = await generate(model, prompts, { maxNewTokens: 12, edits });
    assert.is(tf.memory().numTensors, before, 'no tensor is left');
    for (const [row, prompt] of prompts.entries()) {
      assert.equal(found[row], await alone(model, prompt, edits[row], {}), `row ${row}`);
    }
  });
}

test('only trunks are computed below the steered layer', () => {
  const model = models.get('gemma2-gqa')!;
  const rows: number[] = [];
  const { forward } = model;
  // Rows that each block gets, seen where the branches are applied.
  model.forward = (ids, options = {}) =>
    forward.call(model, ids, {
      ...options,
      steering: {
        at: (columns) => {
          const edits = options.steering!.at(columns);
          const apply: typeof edits.apply = (layer, h) => {
            rows.push(h.shape[0]);
            return edits.apply(layer, h);
          };
          return { ...edits, apply };
        },
      },
    });
  const prompts = Array.from({ length: 5 }, () => numbers(6, 1));
  const at = (layer: number): Edit[] => [{ ...edit(model, 1), layer }];
  const { cache, logits } = prefill(model, prompts, { edits: [at(0), at(1), at(1), at(2), at(2)] });
  model.forward = forward;
  assert.equal(rows, [1, 2, 4]);
  assert.equal(logits.shape[0], 5);
  cache.dispose();
  logits.dispose();
});

test('the tokens of a row do not depend on its neighbours, the batch size or the order', async () => {
  for (const name of ['gemma2-gqa', 'phi3-longrope-gqa']) {
    const model = models.get(name)!;
    const n = 23;
    const prompts = Array.from({ length: n }, (_, i) => numbers(1 + ((i * 5) % 13), i));
    const edits = prompts.map((_, i) => (i % 3 ? [edit(model, i)] : []));
    // Some rows stop early, some not at all.
    const more = { maxNewTokens: 15, stopIds: [3, 7, 11, 20, 33, 41] };
    const wanted: Generation[] = [];
    for (const [i, prompt] of prompts.entries()) {
      wanted.push(await alone(model, prompt, edits[i], more));
    }
    assert.ok(wanted.some(({ stopped }) => stopped === 'stop'));
    assert.ok(
      new Set(wanted.map(({ tokens }) => tokens.length)).size > 3,
      'rows end at many points',
    );
    const order = prompts.map((_, i) => (i * 7) % n);
    for (const sizes of [
      { batchSize: 1 },
      { batchSize: 4 },
      { batchSize: 64 },
      {},
      { cacheBytes: 20000 },
    ]) {
      const finished: number[] = [];
      const found = await generate(
        model,
        order.map((i) => prompts[i]),
        {
          ...more,
          ...sizes,
          edits: order.map((i) => edits[i]),
          onFinish: (prompt) => finished.push(prompt),
        },
      );
      for (const [at, i] of order.entries()) {
        assert.equal(found[at], wanted[i], `${name}, ${JSON.stringify(sizes)}, row ${i}`);
      }
      assert.equal(
        finished.sort((a, b) => a - b),
        order.map((_, at) => at),
      );
    }
  }
});

test('a cache in pieces holds what one piece holds, and no column is copied often', () => {
  const cache = new KVCache([0], [0], 0);
  const columns: number[] = [];
  let copied = 0;
  for (let column = 0; column < 700; column++) {
    columns.push(column);
    const k = tf.fill([1, 1, 1, 1], column) as tf.Tensor4D;
    const { keys } = cache.append(0, k, k);
    k.dispose();
    cache.advance([[0]], [column + 1]);
    copied += keys.at(-1)!.shape[2];
    const sizes = keys.map((piece) => piece.shape[2]);
    assert.is(
      sizes.reduce((a, b) => a + b),
      column + 1,
    );
    assert.ok(sizes.length <= 7, `${sizes}`);
    if (column % 97 === 0 || column === 699) {
      assert.equal(
        keys.flatMap((piece) => [...piece.dataSync()]),
        columns,
      );
    }
  }
  assert.ok(copied < 700 * 60, `${copied} columns were copied`);
  cache.dispose();
});

test('attention over pieces = attention over all columns at once', () => {
  const random = seededRandom(5);
  const make = (...shape: [number, number, number, number]) =>
    tf.tensor4d(
      Array.from({ length: shape.reduce((a, b) => a * b) }, () => random() - 0.5),
      shape,
    );
  const [q, k, v] = [make(2, 4, 3, 8), make(2, 2, 11, 8), make(2, 2, 11, 8)];
  const options = { scale: 0.3, softcap: 2, mask: make(2, 1, 3, 11) };
  const cut = (x: tf.Tensor4D): tf.Tensor4D[] => tf.split(x, [6, 1, 4], 2);
  const columns = tf.tensor1d([6, 1, 4], 'int32');
  const whole = attention(q, { keys: [k], values: [v], columns: null }, options).dataSync();
  const pieces = attention(q, { keys: cut(k), values: cut(v), columns }, options).dataSync();
  whole.forEach((x, i) => {
    assert.ok(Math.abs(x - pieces[i]) < 1e-6);
  });
});

test('rows join a batch, and leave it, without a change to the others', () => {
  const model = models.get('gemma2-gqa')!;
  const last = (ids: number[][], cache: KVCache) => {
    const logits = model.forward(ids, { cache, logits: 'last' });
    const values = logits.arraySync().map(([row]) => row);
    logits.dispose();
    return values;
  };
  const close = (found: number[], wanted: number[]) =>
    assert.ok(found.every((x, i) => Math.abs(x - wanted[i]) < 1e-4));
  const [a, b] = [numbers(9, 1), numbers(4, 2)];
  const make = (ids: number[]) => {
    const cache = new KVCache([0], [ids.length], 0);
    last([ids], cache);
    return cache;
  };
  const alone = [a, b].map((ids) => {
    const cache = make(ids);
    const rows = [5, 6, 7].map((id) => last([[id]], cache)[0]);
    cache.dispose();
    return rows;
  });
  // The short row first: its columns move when the long one joins, and move back when that leaves.
  const cache = make(b);
  close(last([[5]], cache)[0], alone[1][0]);
  const other = make(a);
  cache.join(other);
  assert.equal([cache.length, cache.pads, cache.promptEnds], [9, [4, 0], [8, 9]]);
  const both = last([[6], [5]], cache);
  close(both[0], alone[1][1]);
  close(both[1], alone[0][0]);
  cache.selectRows([0]);
  assert.equal([cache.length, cache.pads], [6, [0]]);
  close(last([[7]], cache)[0], alone[1][2]);
  cache.dispose();
});

test('the batch grows while that pays, and stays within its memory', () => {
  const config = {
    nLayers: 2,
    dModel: 8,
    nHeads: 2,
    kvHeads: 2,
    headDim: 4,
    intermediateSize: 8,
    vocabSize: 9,
    maxPositions: 99,
  };
  const prompts = Array.from({ length: 500 }, () => [1, 2, 3]);
  /** Sizes over time where a step takes `ms(rows)`. */
  const sizes = (ms: (rows: number) => number, options = {}) => {
    const sizer = new BatchSizer(config, prompts, { maxNewTokens: 7, ...options });
    const seen = [sizer.size];
    for (let step = 0; step < 100; step++) {
      sizer.measured(sizer.size, ms(sizer.size), 400);
      if (seen.at(-1) !== sizer.size) seen.push(sizer.size);
    }
    return seen;
  };
  assert.equal(
    sizes(() => 10),
    [8, 16, 32, 64, 128, 256, 500],
  );
  assert.equal(
    sizes((rows) => Math.max(10, rows / 3)),
    [8, 16, 32, 64, 32],
  );
  assert.equal(
    sizes((rows) => rows),
    [8, 16, 8],
  );
  assert.equal(
    sizes(() => 10, { batchSize: 5 }),
    [5],
  );
  // 10 columns of keys and values: 2 × 4 bytes × 2 layers × 2 heads × 4 = 1280 bytes a row.
  assert.equal(
    sizes(() => 10, { cacheBytes: 1280 * 20 }),
    [8, 16, 20],
  );
  assert.equal(
    sizes(() => 10, { cacheBytes: 1 }),
    [1],
  );
});

test.run();
