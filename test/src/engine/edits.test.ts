/** Every kind of edit, with and without conditions, against plain arithmetic on what hooks read. */
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { generate } from '../../../src/engine/generate';
import { type HookFn, residPost } from '../../../src/engine/hooks';
import { KVCache } from '../../../src/engine/kvCache';
import type { CausalLM } from '../../../src/engine/model';
import { leftPad, prefill } from '../../../src/engine/prefill';
import { runWithCache } from '../../../src/engine/runWithCache';
import { type Condition, EDIT_KINDS, type Edit, Steering } from '../../../src/engine/steering';
import { seededRandom } from '../../../src/util/random';
import { refusal } from '../../refusal';
import { editedByHand } from './editByHand';

const NAMES = ['gemma2-gqa', 'gpt2-bare-masks'];
const models = new Map<string, CausalLM>();
test.before(async () => {
  await useBackend();
  for (const name of NAMES)
    models.set(name, loadModel(path.join(__dirname, '../../fixtures', name)));
});
test.after(() => {
  for (const model of models.values()) model.dispose();
});

const ids = (n: number, seed: number) => {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => Math.floor(random() * 61));
};

function unit(model: CausalLM, seed: number): Float32Array {
  const random = seededRandom(seed);
  const values = Float32Array.from({ length: model.config.dModel }, () => random() - 0.5);
  const norm = Math.hypot(...values);
  return values.map((x) => x / norm);
}

/** Of every kind: strong enough to change what the model writes. */
function every(model: CausalLM, layer: number, seed: number): Edit[] {
  const place = { layer, vector: unit(model, seed) };
  return [
    { ...place, kind: 'add', weight: 5 },
    { ...place, kind: 'project', target: 3 },
    { ...place, kind: 'ablate' },
    { ...place, kind: 'clamp', min: 0.5 },
    { ...place, kind: 'clamp', max: -0.5 },
    { ...place, kind: 'clamp', min: -0.2, max: 0.1 },
    { ...place, kind: 'rotate', angle: 40 },
    { ...place, kind: 'rotate', angle: 250, second: unit(model, seed + 1).map((x) => 3 * x) },
  ];
}

function conditions(model: CausalLM, layer: number, seed: number): Condition[] {
  const vector = unit(model, seed);
  return [
    { vector, above: 0 },
    { vector, below: 0.05, layer: 0 },
    { vector, above: -0.02, of: 'cosine', layer },
    { vector, below: 0, layer: 0, at: 'prompt' },
    { vector, above: 0, of: 'cosine', at: 'prompt' },
  ];
}

const WHERE = ['all', 'prompt', 'last', 'generated'] as const;

/** Rows of many kinds, places, positions and conditions; some prompts come several times. */
function mixture(model: CausalLM): { prompts: number[][]; edits: Edit[][] } {
  const rows: { prompt: number[]; edits: Edit[] }[] = [{ prompt: ids(6, 9), edits: [] }];
  const plain = every(model, 1, 20);
  for (const [i, edit] of plain.entries()) {
    rows.push({ prompt: ids(4 + (i % 3), i % 2), edits: [{ ...edit, positions: WHERE[i % 4] }] });
    const after = every(model, 2, 30 + i);
    rows.push({ prompt: ids(6, 9), edits: [edit, plain[(i + 3) % 8], after[(i + 5) % 8]] });
    const lower = { ...edit, when: conditions(model, 1, 40 + i)[i % 5] };
    const upper = { ...after[i], when: conditions(model, 2, 50 + i)[(i + 2) % 5] };
    rows.push({ prompt: ids(6, 9), edits: [lower, after[i]] });
    rows.push({ prompt: ids(6, 10), edits: [plain[(i + 1) % 8], upper] });
  }
  for (const [i, when] of conditions(model, 1, 60).entries()) {
    const edit: Edit = { ...plain[0], when, positions: WHERE[(i + 3) % 4] };
    rows.push({ prompt: ids(5, 70 + i), edits: [edit] }, { prompt: ids(7, 80 + i), edits: [edit] });
  }
  return { prompts: rows.map(({ prompt }) => prompt), edits: rows.map(({ edits }) => edits) };
}

for (const name of NAMES) {
  test(`${name}: activations of a padded batch are those by hand, row by row`, () => {
    const model = models.get(name)!;
    const { prompts, edits } = mixture(model);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const { cache, pads } = runWithCache(model, prompts, {
        edits,
        names: (point) => point.endsWith('resid_post'),
      });
      const found = [0, 1, 2].map(
        (layer) => cache.get(residPost(layer))!.arraySync() as number[][][],
      );
      cache.dispose();
      for (const [row, prompt] of prompts.entries()) {
        const wanted = editedByHand(model, prompt, prompt.length, edits[row]).residPost;
        for (const [layer, columns] of wanted.entries()) {
          const size = Math.max(...columns.flat().map(Math.abs));
          columns.forEach((column, t) => {
            const own = found[layer][row][pads[row] + t];
            const worst = Math.max(...column.map((x, i) => Math.abs(x - own[i])));
            assert.ok(worst < 2e-5 * size, `row ${row}, layer ${layer}, ${t}: off by ${worst}`);
          });
        }
      }
    });
    assert.is(tf.memory().numTensors, before);
  });

  test(`${name}: tokens of a mixed batch are those by hand, without a cache or a neighbour`, async () => {
    const model = models.get(name)!;
    const { prompts, edits } = mixture(model);
    const before = tf.memory().numTensors;
    const found = await generate(model, prompts, { maxNewTokens: 5, edits, batchSize: 16 });
    assert.is(tf.memory().numTensors, before, 'no tensor is left');
    for (const [row, prompt] of prompts.entries()) {
      const text = [...prompt];
      while (text.length < prompt.length + 5) {
        const { logits } = editedByHand(model, text, prompt.length, edits[row]);
        text.push(logits.indexOf(Math.max(...logits)));
      }
      assert.equal(found[row].tokens, text.slice(prompt.length), `row ${row}`);
    }
    const plain = await generate(model, prompts, { maxNewTokens: 5 });
    const changed = found.filter(({ tokens }, i) => String(tokens) !== String(plain[i].tokens));
    assert.ok(changed.length > found.length / 2, `${changed.length} of ${found.length}`);
  });

  test(`${name}: a row without edits keeps its numbers, to the last bit`, () => {
    const model = models.get(name)!;
    const all = [...every(model, 0, 3), ...every(model, 1, 5)];
    const edits = [
      [],
      ...all.map((edit, i) => [{ ...edit, when: conditions(model, edit.layer, i)[i % 5] }]),
    ];
    const rows = edits.map(() => ids(6, 1));
    const run = (steered: boolean) => {
      const { logits, cache } = runWithCache(model, rows, {
        ...(steered && { edits }),
        names: () => false,
      });
      const [first] = logits.arraySync();
      cache.dispose();
      logits.dispose();
      return first;
    };
    assert.equal(run(true), run(false));
  });
}

test('rotation keeps the length and comes to its angle; clamping stays in its range', () => {
  const model = models.get('gemma2-gqa')!;
  const u = unit(model, 1);
  const place = { layer: 1, vector: u } as const;
  const rowsOf = (edit: Edit) => {
    const found = [[edit], []].map((edits) => {
      const { cache, logits } = runWithCache(model, [ids(8, 2)], { edits: [edits] });
      const [columns] = cache.get(residPost(1))!.arraySync() as number[][][];
      cache.dispose();
      logits.dispose();
      return columns;
    });
    return found[0].map((after, t) => ({ after, before: found[1][t] }));
  };
  const dot = (x: number[]) => x.reduce((sum, value, i) => sum + value * u[i], 0);
  for (const angle of [0, 30, 90, 135, 180]) {
    for (const { after, before } of rowsOf({ ...place, kind: 'rotate', angle })) {
      const [long, was] = [Math.hypot(...after), Math.hypot(...before)];
      assert.ok(Math.abs(long / was - 1) < 1e-5, `${angle}: ${long} was ${was}`);
      const cos = Math.min(1, Math.max(-1, dot(after) / long));
      assert.ok(Math.abs(Math.acos(cos) - (angle * Math.PI) / 180) < 2e-3, `${angle}`);
    }
  }
  for (const { after, before } of rowsOf({ ...place, kind: 'clamp', min: -0.1, max: 0.2 })) {
    const wanted = Math.min(0.2, Math.max(-0.1, dot(before)));
    assert.ok(Math.abs(dot(after) - wanted) < 1e-5);
  }
});

test('what a prompt decides holds for the answer, whichever rows stay', () => {
  const model = models.get('gemma2-gqa')!;
  const when: Condition = { vector: unit(model, 4), above: 0, at: 'prompt' };
  const edit: Edit = { kind: 'add', layer: 1, vector: unit(model, 5), weight: 8, when };
  const free: Edit = { kind: 'ablate', layer: 2, vector: unit(model, 6) };
  const prompts = Array.from({ length: 8 }, (_, i) => ids(5, 100 + i));
  const before = tf.memory().numTensors;
  const { edits, cache, logits } = prefill(model, prompts, {
    edits: prompts.map(() => [edit, free]),
  });
  const acts = edits.map((list) => list.length === 2);
  assert.ok(acts.includes(true) && acts.includes(false), 'some prompts pass');
  const { when: _, ...always } = edit;
  for (const list of edits) assert.equal(list, list.length === 2 ? [always, free] : [free]);
  tf.dispose(logits);
  cache.dispose();

  const own = new KVCache([0, 0, 0], [5, 5, 5]);
  const three = prompts.slice(0, 3);
  const steering = new Steering(
    three.map(() => [edit, free]),
    model.config,
  );
  assert.throws(() => model.forward([[1], [2], [3]], { cache: own, steering }), /must come first/);
  own.clear();
  model.forward(three, { cache: own, steering, logits: 'none' }).dispose();
  own.selectRows([2, 0]);
  steering.selectRows([2, 0]);
  const next = model.forward([[7], [8]], { cache: own, steering, logits: 'last' });
  const found = next.arraySync().map(([row]) => row);
  [2, 0].forEach((i, row) => {
    const wanted = editedByHand(model, [...prompts[i], 7 + row], 5, [edit, free]).logits;
    const worst = Math.max(...wanted.map((x, v) => Math.abs(x - found[row][v])));
    assert.ok(worst < 1e-4, `row ${i}: off by ${worst}`);
  });
  next.dispose();
  steering.dispose();
  own.dispose();
  assert.is(tf.memory().numTensors, before);
});

test('gradients go through every kind: along a direction they are finite differences', () => {
  const model = models.get('gemma2-gqa')!;
  const prompts = [ids(4, 1), ids(4, 2)];
  const { ids: rows } = leftPad(prompts);
  const push = tf.tensor3d([unit(model, 70), unit(model, 71)].map((x) => [[...x]])) as tf.Tensor;
  const kinds = new Set<string>();
  for (const [i, edit] of every(model, 1, 8).entries()) {
    kinds.add(edit.kind);
    const when = conditions(model, 1, 90 + i)[i % 5];
    const steering = new Steering([[i % 2 ? edit : { ...edit, when }], []], model.config);
    const logitsAt = (x: tf.Tensor) => {
      const hooks: Record<string, HookFn> = { [residPost(0)]: (h) => tf.add(h, x) };
      return model.forward(rows, { steering, hooks });
    };
    const zero = tf.zeros([2, 1, model.config.dModel]);
    const loss = (x: tf.Tensor) => tf.sum(tf.square(logitsAt(x))) as tf.Scalar;
    const slope = tf.tidy(() => tf.sum(tf.mul(tf.grad(loss)(zero), push)).dataSync()[0]);
    // The sum in double precision: a difference of two large ones.
    const at = (step: number) =>
      tf.tidy(() => {
        const logits = logitsAt(tf.mul(push, step)).dataSync() as Float32Array;
        return logits.reduce((sum, x) => sum + x * x, 0);
      });
    const difference = (at(0.04) - at(-0.04)) / 0.08;
    const error = Math.abs(slope - difference) / (Math.abs(difference) + 1);
    assert.ok(error < 0.01, `${edit.kind} ${i}: ${slope}, by differences ${difference}`);
    steering.dispose();
    zero.dispose();
  }
  assert.equal([...kinds], EDIT_KINDS);
  push.dispose();
});

// biome-ignore lint/suspicious/noExplicitAny: what no type would let through
type Any = any;
const REFUSALS: [string, object, RegExp][] = [
  ['a foreign number', { kind: 'ablate', target: 0 }, /ablate has nothing but a vector, no target/],
  ['whose it is', { kind: 'add', weight: 1, angle: 3 }, /no angle \(rotate has\)/],
  ['no range', { kind: 'clamp' }, /clamp needs a min, a max or both/],
  ['a range turned', { kind: 'clamp', min: 2, max: 1 }, /min 2 is above its max 1/],
  ['half NaN', { kind: 'clamp', min: 0, max: Number.NaN }, /max is NaN, not a finite/],
  ['no angle', { kind: 'rotate' }, /angle is undefined, not a finite number/],
  [
    'half a turn',
    { kind: 'rotate', angle: 181 },
    /angle is 181, not from 0 to 180 degrees without/,
  ],
  ['backwards', { kind: 'rotate', angle: -1 }, /angle is -1, not from 0/],
  ['a misspelt kind', { kind: 'rotat', angle: 3 }, /Did you mean "rotate"/],
  [
    'scaled',
    { kind: 'ablate', vector: 2 },
    /kind ablate needs a vector of length 1; this one has 2/,
  ],
  ['zero', { kind: 'add', weight: 1, vector: 0 }, /vector is zero: it has no direction/],
  [
    'one direction',
    { kind: 'rotate', angle: 9, second: -2 },
    /second direction is that of its vect/,
  ],
  ['zero beside', { kind: 'rotate', angle: 9, second: 0 }, /second is zero/],
];
const WHEN: [string, object, RegExp][] = [
  ['no threshold', {}, /when needs a threshold: above or below, one of them/],
  ['two', { above: 1, below: 2 }, /above or below, one of them/],
  ['NaN', { above: Number.NaN }, /above is NaN/],
  ['no cosine', { above: 2, of: 'cosine' }, /a cosine is from -1 to 1, not 2/],
  ['a later layer', { above: 0, layer: 2 }, /layer 2: it must be known .* from 0 to 1/],
  ['a misspelt key', { abov: 0 }, /no "abov".* mean "above"/],
  ['a moment', { above: 0, at: 'tokens' }, /at is "tokens".* mean "token"/],
  [
    'a long probe',
    { above: 0, vector: 3 },
    /a condition needs a vector of length 1; this one has 3/,
  ],
];
test('what fits no kind, no range or no condition is refused', () => {
  const model = models.get('gemma2-gqa')!;
  // A number in a vector's place: that many times the unit vector.
  const filled = (values: Any, u: Float32Array) =>
    Object.fromEntries(
      Object.entries({ vector: 1, ...values }).map(([key, x]) => [
        key,
        key === 'vector' || key === 'second' ? u.map((value) => value * (x as number)) : x,
      ]),
    );
  const u = unit(model, 1);
  const told = (edit: Any) => refusal(() => new Steering([[edit]], model.config));
  for (const [what, values, message] of REFUSALS) {
    assert.match(told({ layer: 1, ...filled(values, u) }), message, what);
  }
  for (const [what, values, message] of WHEN) {
    const edit = { kind: 'ablate', layer: 1, vector: u, when: filled(values, u) };
    assert.match(told(edit), message, what);
  }
});

test.run();
