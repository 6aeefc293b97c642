/**
 * The hook points of every architecture: their values against those of transformers
 * (scripts/write_hooks_reference.py), what takes a value's place, gradients, and what a hook costs.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { hookName, hookNames, hookTable } from '../../../src/engine/hooks';
import { KVCache } from '../../../src/engine/kvCache';
import type { CausalLM, ForwardOptions } from '../../../src/engine/model';
import { runWithCache } from '../../../src/engine/runWithCache';
import { Safetensors } from '../../../weights/safetensors';
import { refusal } from '../../refusal';

const fixtures = path.join(__dirname, '../../fixtures');
const NAMES = fs
  .readdirSync(fixtures)
  .filter((name) => fs.existsSync(path.join(fixtures, name, 'hooks.safetensors')));
const models = new Map<string, CausalLM>();

test.before(async () => {
  await useBackend();
  for (const name of NAMES) models.set(name, loadModel(path.join(fixtures, name)));
});

/** What transformers has at each point, [positions or heads, ...], and the prompt. */
function reference(name: string) {
  const file = Safetensors.open(path.join(fixtures, name, 'hooks.safetensors'));
  const points = new Map<string, tf.Tensor>();
  for (const [point, { shape }] of file.tensors) {
    if (point === 'input_ids') continue;
    points.set(point, tf.tensor(file.readFloat32(point), shape));
  }
  const ids = Array.from(file.readInt32('input_ids'));
  file.close();
  return { ids, points };
}

/** Hidden scores are the smallest number of either side. */
const visible = (values: Float32Array) => values.map((x) => Math.max(x, -1e8));

function close(found: tf.Tensor, wanted: tf.Tensor, what: string) {
  assert.equal(found.shape, wanted.shape, what);
  const [a, b] = [found, wanted].map((x) => visible(x.dataSync() as Float32Array));
  const shown = b.filter((x) => x > -1e8);
  const size = Math.sqrt(shown.reduce((sum, x) => sum + x * x, 0) / shown.length);
  const worst = Math.max(...a.map((x, i) => Math.abs(x - b[i])));
  assert.ok(worst <= 1e-4 * size, `${what}: off by ${worst} at a size of ${size}`);
}

const isSquare = (point: string) => /attn_scores|pattern/.test(point);

/** Row `b` of an activation, without its first `pad` columns. */
function rowOf(value: tf.Tensor, b: number, pad: number, point: string): tf.Tensor {
  const row = tf.squeeze(tf.slice(value, [b], [1]), [0]);
  if (isSquare(point)) return tf.slice(row, [0, pad, pad]);
  return tf.slice(row, [pad]);
}

/** The last query (or position) of what transformers has. */
function lastOf(value: tf.Tensor, point: string): tf.Tensor {
  const length = value.shape[isSquare(point) ? 1 : 0]!;
  return isSquare(point) ? tf.slice(value, [0, length - 1, 0]) : tf.slice(value, [length - 1]);
}

// ── Values ──────────────────────────────────────────────────────────────────────────────────────

test('there is a fixture of every architecture', () => {
  const types = new Set([...models.values()].map((model) => model.modelType));
  const families = [
    'gemma2',
    'gemma3',
    'gpt2',
    'llama',
    'mistral',
    'olmo2',
    'phi3',
    'qwen2',
    'qwen3',
  ];
  for (const type of families) assert.ok(types.has(type), type);
});

for (const name of NAMES) {
  test(`${name}: every point has the values of transformers, alone and in a padded batch`, () => {
    const model = models.get(name)!;
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const { ids, points } = reference(name);
      const longer = [...ids, 9, 4, 30];
      const alone = runWithCache(model, [ids]);
      const batch = runWithCache(model, [longer, ids], { padId: 3 });
      assert.equal([...alone.cache.keys()], hookNames(model.config.nLayers));
      for (const [point, wanted] of points) {
        close(rowOf(alone.cache.at(point), 0, 0, point), wanted, point);
        close(rowOf(batch.cache.at(point), 1, 3, point), wanted, `${point}, padded`);
        if (point.endsWith('pattern')) {
          const onPadding = tf.slice(batch.cache.at(point), [1, 0, 3, 0], [1, -1, -1, 3]);
          assert.is(tf.max(tf.abs(onPadding)).dataSync()[0], 0, 'no share for padding');
        }
      }
      alone.cache.dispose();
      batch.cache.dispose();
    });
    assert.is(tf.memory().numTensors, before, 'no tensor is left');
  });

  test(`${name}: a step on a cache has one query, and all keys seen`, () => {
    const model = models.get(name)!;
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const { ids, points } = reference(name);
      // A second row, padded: 2 columns less.
      const rows = [ids, [0, 0, ...ids.slice(2)]];
      const cache = new KVCache([0, 2], [6, 6]);
      model.forward(
        rows.map((row) => row.slice(0, -1)),
        { cache },
      );
      const seen = new Map<string, tf.Tensor>();
      const hooks = Object.fromEntries(
        [...points.keys()].map((point) => [
          point,
          (x: tf.Tensor) => void seen.set(point, tf.keep(tf.clone(x))),
        ]),
      );
      model.forward(
        rows.map((row) => row.slice(-1)),
        { cache, hooks },
      );
      for (const [point, wanted] of points) {
        close(rowOf(seen.get(point)!, 0, 0, ''), lastOf(wanted, point), point);
      }
      assert.equal(seen.get(hookName('pattern', 1))!.shape, [2, model.config.nHeads, 1, 7]);
      tf.dispose([...seen.values()]);
      cache.dispose();
    });
    assert.is(tf.memory().numTensors, before, 'no tensor is left');
  });
}

test('the table of a model has the shapes of its activations', () => {
  for (const [name, model] of models) {
    tf.tidy(() => {
      const { cache } = runWithCache(model, [[5, 6, 7]]);
      const axes: Record<string, number> = { batch: 1, pos: 3, key: 3 };
      for (const row of hookTable(model.config)) {
        const point = row.name.replace('.L.', '.1.');
        const shape = row.shape.map((axis) => (typeof axis === 'number' ? axis : axes[axis]));
        assert.equal(cache.at(point).shape, shape, `${name} ${point}`);
        assert.is(hookName(row.shorthand, point.includes('blocks') ? 1 : undefined), point);
      }
      cache.dispose();
    });
  }
});

// ── What takes a value's place ──────────────────────────────────────────────────────────────────

type Edits = Record<string, (x: tf.Tensor) => tf.Tensor>;

for (const name of NAMES) {
  test(`${name}: what a hook returns is computed with, at every new point`, () => {
    const model = models.get(name)!;
    const { nHeads, kvHeads, nLayers } = model.config;
    const ids = [5, 6, 7, 8];
    const run = (hooks: Edits) => runWithCache(model, [ids], { hooks });
    const zero = (x: tf.Tensor) => tf.zerosLike(x);
    const perHead = (v: tf.Tensor) =>
      tf.gather(
        v,
        tf.tensor1d(
          Array.from({ length: nHeads }, (_, h) => Math.floor((h * kvHeads) / nHeads)),
          'int32',
        ),
        2,
      );
    tf.tidy(() => {
      const plain = run({});
      // Without queries or without keys every visible key has the same share.
      const seen = tf.cast(tf.greater(plain.cache.at('attn_scores', 1), -1e8), 'float32');
      const even = tf.div(seen, tf.sum(seen, -1, true));
      close(run({ [hookName('q', 1)]: zero }).cache.at('pattern', 1), even, 'no queries');
      close(run({ [hookName('k', 1)]: zero }).cache.at('pattern', 1), even, 'no keys');
      const doubled = run({ [hookName('v', 1)]: (v) => tf.mul(v, 2) });
      close(doubled.cache.at('z', 1), tf.mul(plain.cache.at('z', 1), 2), 'values twice as large');
      // Scores of which a token's own is the largest by far.
      const self = tf.tile(tf.reshape(tf.eye(4), [1, 1, 4, 4]), [1, nHeads, 1, 1]);
      const raised = run({ [hookName('attn_scores', 1)]: (x) => tf.add(x, tf.mul(self, 200)) });
      close(raised.cache.at('pattern', 1), self, 'all of itself');
      // Every token looks at itself.
      const own = run({ [hookName('pattern', 1)]: () => self });
      close(own.cache.at('z', 1), perHead(own.cache.at('v', 1)), 'own values');
      const idle = run({ [hookName('mlp_post', 1)]: zero });
      const other = run({ [hookName('mlp_post', 1)]: zero, [hookName('resid_mid', 1)]: zero });
      close(idle.cache.at('mlp_out', 1), other.cache.at('mlp_out', 1), 'without neurons');
      const last = hookName('normalized');
      const negated = run({ [last]: (x) => tf.neg(x) });
      close(negated.logits, tf.neg(plain.logits), 'the output layer is linear, its cap is odd');
      // z carries over what all of attention does.
      const swap = { [hookName('z', 0)]: (x: tf.Tensor) => tf.reverse(x, 1) };
      const swapped = run(swap).cache.at('attn_out', 0);
      close(swapped, tf.reverse(plain.cache.at('attn_out', 0), 1), 'z of other positions');
      assert.is(plain.cache.size, hookNames(nLayers).length);
    });
  });
}

// ── Gradients ───────────────────────────────────────────────────────────────────────────────────

test('gradients through every point agree with finite differences', () => {
  const points = ['q', 'k', 'v', 'attn_scores', 'pattern', 'z', 'mlp_post', 'normalized'];
  for (const name of ['gemma2-gqa', 'gpt2-untied-f16-scaled', 'phi3-partial-tied-f16']) {
    const model = models.get(name)!;
    const ids = [[5, 6, 7, 8, 9]];
    const r = tf.randomNormal([1, 5, model.config.vocabSize], 0, 1, 'float32', 3);
    for (const short of points) {
      const point = hookName(short, short === 'normalized' ? undefined : 0);
      tf.tidy(() => {
        const { shape } = runWithCache(model, ids, { names: [point] }).cache.at(point);
        const scalar = (edit: tf.Tensor) => {
          const hooks = { [point]: (x: tf.Tensor) => tf.add(x, edit) };
          return tf.sum(tf.mul(model.forward(ids, { hooks }), r));
        };
        const gradient = tf.grad(scalar)(tf.zeros(shape));
        const norm = tf.norm(gradient).dataSync()[0];
        assert.ok(norm > 1e-3, `${name} ${point}: no gradient`);
        const direction = tf.div(gradient, norm);
        const slope = (h: number) => {
          const [up, down] = [h, -h].map((s) => scalar(tf.mul(direction, s)).dataSync()[0]);
          return (up - down) / (2 * h);
        };
        const estimate = (4 * slope(0.01) - slope(0.02)) / 3;
        assert.ok(
          Math.abs(estimate - norm) < 1e-2 * norm,
          `${name} ${point}: ${norm} by the gradient, ${estimate} by differences`,
        );
      });
    }
    r.dispose();
  }
});

// ── What a hook costs ───────────────────────────────────────────────────────────────────────────

const look = () => undefined;

/** The kernels of a pass, in their order. */
async function kernels(model: CausalLM, options: ForwardOptions): Promise<string[]> {
  const run = () => tf.tidy(() => model.forward([[5, 6, 7]], options));
  const profile = await tf.profile(run);
  tf.dispose(profile.result as tf.Tensor);
  return profile.kernels.map(({ name }) => name);
}

test('what no hook asks for is not computed: kernel by kernel, the pass is the plain one', async () => {
  for (const [name, model] of models) {
    const plain = await kernels(model, {});
    const stream = hookNames(model.config.nLayers).filter((point) => !point.includes('attn.'));
    const hooks = Object.fromEntries(stream.map((point) => [point, look]));
    assert.equal(await kernels(model, { hooks }), plain, `${name}: points of the stream and MLP`);

    const count = (list: string[], kernel: string) => list.filter((k) => k === kernel).length;
    const z = await kernels(model, { hooks: { [hookName('z', 1)]: look } });
    const reshapes = (list: string[]) => list.filter((kernel) => kernel !== 'Reshape');
    assert.equal(reshapes(z), reshapes(plain), `${name}: z is a reshape`);
    const q = await kernels(model, { hooks: { [hookName('q', 1)]: look } });
    const without = (list: string[]) => list.filter((kernel) => kernel !== 'Transpose');
    assert.equal(without(q), without(plain), `${name}: q, two transpositions`);
    assert.is(count(q, 'Transpose'), count(plain, 'Transpose') + 2);

    // In one kernel on tensorflow; where pattern or scores are asked for, by ops in that block alone.
    const { nLayers } = model.config;
    const fused = tf.getKernel('Attention', tf.getBackend()) ? nLayers : 0;
    assert.is(count(plain, 'Attention'), fused);
    for (const point of ['pattern', 'attn_scores']) {
      const watched = await kernels(model, { hooks: { [hookName(point, 1)]: look } });
      assert.is(count(watched, 'Attention'), fused ? nLayers - 1 : 0, `${name}: ${point}`);
      assert.is(count(watched, 'Softmax'), fused ? 1 : nLayers);
    }
  }
});

test('runWithCache asks only for the names that it is to keep', async () => {
  for (const model of models.values()) {
    const ofRun = async (names: (name: string) => boolean) => {
      const run = () =>
        tf.tidy(() => {
          const { logits, cache } = runWithCache(model, [[5, 6, 7]], { names });
          cache.dispose();
          return logits;
        });
      const profile = await tf.profile(run);
      tf.dispose(profile.result as tf.Tensor);
      return profile.kernels.map((kernel) => kernel.name).filter((kernel) => kernel !== 'Identity');
    };
    const plain = (await kernels(model, {})).filter((kernel) => kernel !== 'Identity');
    assert.equal(await ofRun((point) => point.endsWith('resid_post')), plain);
    assert.equal(await ofRun(() => false), plain);
  }
});

test('one function for all sees every point, once, in the order of hookNames', () => {
  for (const model of models.values()) {
    const seen: string[] = [];
    const hooks = (_: tf.Tensor, name: string) => void seen.push(name);
    model.forward([[5, 6]], { hooks }).dispose();
    assert.equal(seen, hookNames(model.config.nLayers));
  }
});

// ── Names ───────────────────────────────────────────────────────────────────────────────────────

test('shorthands are those of get_act_name', () => {
  const names: [string, ...Parameters<typeof hookName>][] = [
    ['blocks.3.attn.hook_q', 'q', 3],
    ['blocks.3.attn.hook_q', 'query', 3],
    ['blocks.6.attn.hook_k', 'k6'],
    ['blocks.0.attn.hook_v', 'value', 0],
    ['blocks.12.attn.hook_z', 'z12'],
    ['blocks.3.attn.hook_pattern', 'pattern', 3],
    ['blocks.3.attn.hook_pattern', 'attn', 3],
    ['blocks.3.attn.hook_attn_scores', 'attn_scores', 3],
    ['blocks.3.attn.hook_attn_scores', 'attn_logits', 3],
    ['blocks.3.mlp.hook_post', 'mlp_post', 3],
    ['blocks.3.mlp.hook_post', 'post', 3],
    ['blocks.3.hook_resid_post', 'resid_post', 3],
    ['blocks.3.hook_attn_out', 'attn_out', 3],
    ['blocks.3.hook_mlp_out', 'mlp_out3'],
    ['hook_embed', 'embed'],
    ['ln_final.hook_normalized', 'normalized'],
    ['blocks.3.mlp.hook_post', 'blocks.3.mlp.hook_post'],
    ['hook_embed', 'hook_embed'],
  ];
  for (const [wanted, ...words] of names) assert.is(hookName(...words), wanted);
});

test('a name that is no point is refused, with the one that was meant', () => {
  const model = models.get('gemma2-gqa')!;
  const at = (name: string) =>
    refusal(() => model.forward([[5]], { hooks: { [name]: () => undefined } }));
  assert.match(at('blocks.0.hook_q'), /Did you mean "blocks\.0\.attn\.hook_q"\?/);
  assert.match(at('blocks.1.hook_mlp_post'), /Did you mean "blocks\.1\.mlp\.hook_post"\?/);
  assert.match(at('blocks.1.attn.hook_patern'), /Did you mean "blocks\.1\.attn\.hook_pattern"\?/);
  assert.match(at('blocks.2.attn.pattern'), /Did you mean "blocks\.2\.attn\.hook_pattern"\?/);
  assert.match(at('z1'), /Did you mean "blocks\.1\.attn\.hook_z"\?/);
  assert.match(at('ln_final.normalized'), /Did you mean "ln_final\.hook_normalized"\?/);
  assert.match(at('blocks.3.attn.hook_q'), /Its blocks are 0 to 2\./);
  assert.match(at('blocks.1.mlp.hook_pre'), /TransformerLens has .*docs\/hooks\.md/);
  assert.match(at('hook_pos_embed'), /TransformerLens has/);
  assert.match(
    refusal(() => hookName('quary', 1)),
    /names no hook point .*Did you mean "query"\?/,
  );
  assert.match(
    refusal(() => hookName('q')),
    /hookName\('q', 3\)/,
  );
  assert.match(
    refusal(() => hookName('embed', 1)),
    /leave the layer out/,
  );
  assert.match(
    refusal(() => hookName('q', -1)),
    /layer is -1/,
  );
  assert.match(
    refusal(() => hookName('result', 1)),
    /TransformerLens has/,
  );
  assert.match(
    refusal(() => runWithCache(model, [[5]], { names: ['blocks.0.hook_z'] })),
    /Did you mean "blocks\.0\.attn\.hook_z"\?/,
  );
});

test('a hook that is never called, and one of another shape, are refused', () => {
  const model = models.get('gemma2-gqa')!;
  const hooks = { [hookName('normalized')]: () => undefined };
  const none = refusal(() => model.forward([[5]], { hooks, logits: 'none' }));
  assert.match(none, /did not pass .*ln_final\.hook_normalized: logits is 'none'/);
  const wide = { [hookName('z', 0)]: () => tf.zeros([1, 1, 64]) };
  assert.match(
    refusal(() => model.forward([[5]], { hooks: wide })),
    /hook_z returned float32 \[1,1,64\] in place of float32 \[1,1,4,16\]/,
  );
});

test.run();
