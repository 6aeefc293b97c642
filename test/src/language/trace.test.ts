/** Edits of every kind and condition, followed through a text: recomputed in numbers, they agree. */
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Edit, generate, type LanguageModel, openModel, residPost } from '../../../src';
import { traceEdits } from '../../../src/language/trace';
import { seededRandom } from '../../../src/util/random';
import { refused } from '../../refusal';

let lm: LanguageModel;
let prompt: number[];
test.before(async () => {
  lm = await openModel('tiny-gemma2');
  prompt = lm.encode('How do I grow roses?');
});
test.after(() => lm.dispose());

function unit(seed: number): Float32Array {
  const random = seededRandom(seed);
  const values = Float32Array.from({ length: 192 }, () => random() - 0.5);
  const length = Math.hypot(...values);
  return values.map((x) => x / length);
}
const [u, v, c] = [unit(1), unit(2), unit(3)];

const kinds: [string, Edit[]][] = [
  ['add', [{ kind: 'add', layer: 2, vector: v.map((x) => 7 * x), weight: 2 }]],
  ['project', [{ kind: 'project', layer: 0, vector: u, target: 30 }]],
  [
    'ablate at every layer',
    [0, 1, 2, 3, 4, 5].map((layer) => ({ kind: 'ablate', layer, vector: u })),
  ],
  ['clamp', [{ kind: 'clamp', layer: 3, vector: u, min: 1, max: 2 }]],
  ['clamp from below', [{ kind: 'clamp', layer: 3, vector: u, min: 4 }]],
  ['rotate', [{ kind: 'rotate', layer: 3, vector: u, angle: 70 }]],
  ['rotate in a plane', [{ kind: 'rotate', layer: 3, vector: u, angle: 200, second: v }]],
  [
    'several at one layer, at positions of their own',
    [
      { kind: 'add', layer: 3, vector: u, weight: 20, positions: 'prompt' },
      { kind: 'project', layer: 3, vector: v, target: -9, positions: 'generated' },
      { kind: 'ablate', layer: 3, vector: u, positions: 'last' },
    ],
  ],
  [
    'where a probe of a lower layer says so',
    [{ kind: 'add', layer: 4, vector: u, weight: 30, when: { vector: c, layer: 1, above: 0 } }],
  ],
  [
    'where the cosine says so',
    [{ kind: 'add', layer: 4, vector: u, weight: 30, when: { vector: c, below: 0, of: 'cosine' } }],
  ],
  ...[true, false].map((high): [string, Edit[]] => [
    `as the prompt ${high ? 'decides' : 'decides against'}`,
    [
      { kind: 'add', layer: 4, vector: u, weight: 30, positions: 'generated' },
      {
        ...{ kind: 'add', layer: 5, vector: v, weight: 30 },
        when: { vector: c, at: 'prompt', [high ? 'above' : 'below']: -1e4 },
      } as Edit,
    ],
  ]),
];
for (const [what, edits] of kinds) {
  test(`${what}: traced, and left without tensors`, async () => {
    // What edits make of any text can be traced, be it by them or not.
    const own = !what.startsWith('as the prompt');
    const [{ tokens }] = await generate(lm.model, [prompt], {
      ...{ maxNewTokens: 12, stopIds: lm.tokenizer.stopIds },
      edits: [own ? edits : []],
    });
    const before = tf.memory().numTensors;
    const trace = await traceEdits(lm.model, prompt, tokens, edits, { greedy: own });
    assert.is(tf.memory().numTensors, before);
    assert.equal(trace.problems, []);
    assert.is(trace.tokens.length, prompt.length + tokens.length);
    const acting = trace.tokens.flatMap((token) => token.edits).filter(({ acts }) => acts);
    assert.ok(acting.length > 0);
    assert.ok(trace.tokens.some(({ kl }) => kl > 1e-4));
  });
}

test('an edit that acts elsewhere, or on another vector, is a problem', async () => {
  const edit: Edit = { kind: 'add', layer: 3, vector: u, weight: 20 };
  // Something else edits beside it.
  const forward = lm.model.forward.bind(lm.model);
  const beside = (weight: number): typeof lm.model => ({
    ...lm.model,
    config: lm.model.config,
    forward: (ids, { hooks = {}, ...rest } = {}) => {
      const name = residPost(3);
      const own = (hooks as Record<string, (h: tf.Tensor, at: string) => undefined>)[name];
      const add = (h: tf.Tensor) => {
        const changed = tf.add(h, tf.mul(weight, tf.tensor1d(v)));
        own?.(changed, name);
        return changed;
      };
      return forward(ids, { ...rest, hooks: { ...hooks, [name]: add } });
    },
  });
  assert.equal((await traceEdits(beside(0), prompt, [], [edit])).problems, []);
  const { problems } = await traceEdits(beside(0.1), prompt, [], [edit]);
  assert.match(
    problems.join(),
    /^At layer 3, token 0, the residual stream is 0\.100 away .* 20\.0\)/,
  );
});

test('no edits, or none that does anything', async () => {
  assert.match(await refused(traceEdits(lm.model, prompt, [], [])), /there are no edits to follow/);
  const idle: Edit[] = [{ kind: 'clamp', layer: 3, vector: u, min: -1e4, max: 1e4 }];
  const { problems } = await traceEdits(lm.model, prompt, [], idle);
  assert.match(problems.join(), /No edit changed anything/);
});

test.run();
