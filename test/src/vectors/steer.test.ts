/** From pairs to steered text with the public face, against the same by tensors. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  directionFromPairs,
  generate,
  generateText,
  loadVectors,
  openModel,
  residPost,
  runWithCache,
  saveVectors,
  steer,
} from '../../../src';
import type { Vectors } from '../../../src/vectors/lookUp';
import type { SteerOptions } from '../../../src/vectors/steer';
import { refusal, refused } from '../../refusal';

// biome-ignore lint/suspicious/noExplicitAny: one of many kinds
type Any = any;

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-steer-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

const questions = ['tomatoes', 'apples', 'red beans'].map((topic) => `How do I grow ${topic}?`);
const pairs = questions.map((text) => ({ positive: `${text} Be concise.`, negative: text }));

test('the vector is the mean difference at the last token, and steers as an addition does', async () => {
  const lm = await openModel('tiny-gemma2');
  const vectors = await directionFromPairs(lm, pairs, { name: 'concise', layers: [1, 3] });
  const { unit, norm } = vectors.directions.get('concise')!;
  const at = (text: string) =>
    tf.tidy(() => {
      const { cache } = runWithCache(lm.model, [lm.encode(text)]);
      const h = cache.get(residPost(3))!;
      return h.slice([0, h.shape[1] - 1]).flatten();
    });
  const differences = pairs.map((pair) => at(pair.positive).sub(at(pair.negative)));
  const mean = tf.addN(differences).div(3).dataSync() as Float32Array;
  const worst = Math.max(...mean.map((x, i) => Math.abs(x - unit[1][i] * norm[1])));
  assert.ok(worst < 1e-4 * norm[1], String(worst));

  const file = path.join(temp, 'concise.safetensors');
  saveVectors(file, vectors);
  const edits = [steer(loadVectors(file), { layer: 3, weight: '1x' })];
  const prompt = 'How do I grow roses?';
  const [steered, plain] = [
    await generateText(lm, [prompt], { edits, maxNewTokens: 30 }),
    await generateText(lm, [prompt], { maxNewTokens: 30 }),
  ];
  const [byHook] = await generate(lm.model, [lm.encode(prompt)], {
    maxNewTokens: 30,
    stopIds: lm.tokenizer.stopIds,
    hooks: { [residPost(3)]: (h) => h.add(tf.tensor1d(mean)) },
  });
  assert.equal(steered[0].tokens, byHook.tokens);
  assert.not.equal(steered[0].text, plain[0].text);
  const each = await generateText(lm, [prompt, prompt], { edits: [edits, []], maxNewTokens: 30 });
  assert.equal(
    each.map(({ text }) => text),
    [steered[0].text, plain[0].text],
  );
  lm.dispose();
});

test('a setting that a file holds is used, what is given in its place, and refused where it is none', async () => {
  const lm = await openModel('tiny-gemma2');
  const vectors = await directionFromPairs(lm, pairs, { name: 'concise', layers: [1, 3] });
  lm.dispose();
  const { unit, norm } = vectors.directions.get('concise')!;
  const file = path.join(temp, 'searched.safetensors');
  const setting = { layer: 3, weight: '0.5x', positions: 'last' } as const;
  saveVectors(file, {
    ...vectors,
    settings: { concise: setting },
    curves: { concise: [{ ...setting, obeyed: 0.9, perplexity: 3 }] },
  });
  const loaded = loadVectors(file);
  assert.equal(loaded.curves, { concise: [{ ...setting, obeyed: 0.9, perplexity: 3 }] });
  const edit = { kind: 'add', layer: 3, vector: unit[1], positions: 'last' };
  assert.equal(steer(loaded), { ...edit, weight: 0.5 * norm[1] });
  assert.equal(steer(loaded, { weight: 2, positions: undefined }), { ...edit, weight: 2 });
  const projected = steer(loaded, { kind: 'project', target: 1 });
  assert.equal(projected, { ...edit, kind: 'project', target: 1 });
  assert.equal(steer(loaded, { layer: 1, weight: 1 }).positions, undefined);
  const none = () => steer({ ...loaded, settings: {} }, { weight: 1 });
  assert.match(await refused((async () => none())()), /"concise" needs a layer/);
});

test('every kind takes its numbers from the vector where they are not given', async () => {
  const lm = await openModel('tiny-gemma2');
  const [first, second] = [pairs, pairs.map(({ negative }) => [`${negative} Shout.`, negative])];
  const vectors = await directionFromPairs(lm, first, { name: 'a', layers: [1, 3] });
  const shouting = second.map(([positive, negative]) => ({ positive, negative }));
  const other = await directionFromPairs(lm, shouting, { name: 'b', layers: [1, 3] });
  vectors.directions.set('b', other.directions.get('b')!);
  const { unit, norm, projectionWith, projectionWithout } = vectors.directions.get('a')!;
  const b = vectors.directions.get('b')!;
  const found = (options: SteerOptions) => steer(vectors, { name: 'a', layer: 3, ...options });
  const place = { layer: 3, vector: unit[1] };
  const near = (x: number, y: number) =>
    assert.ok(Math.abs(x - y) < 1e-3 * Math.abs(y), `${x} ${y}`);

  assert.equal(found({ weight: '2x' }), { ...place, kind: 'add', weight: 2 * norm[1] });
  near((found({ kind: 'project' }) as Any).target, projectionWith[1]);
  assert.equal(found({ kind: 'ablate', positions: 'last' }), {
    ...{ ...place, kind: 'ablate', positions: 'last' },
  });
  const clamped = found({ kind: 'clamp' }) as Any;
  near(clamped.min, projectionWith[1]);
  assert.is(clamped.max, undefined);
  assert.equal(found({ kind: 'clamp', max: 2 }), { ...place, kind: 'clamp', max: 2 });
  assert.equal(found({ kind: 'rotate', angle: 20 }), { ...place, kind: 'rotate', angle: 20 });
  assert.equal(found({ kind: 'rotate', angle: 200, second: 'b' }), {
    ...{ ...place, kind: 'rotate', angle: 200, second: b.unit[1] },
  });

  const when = (condition: SteerOptions['when']) => found({ weight: 1, when: condition }).when!;
  const own = when({});
  assert.is(own.vector, unit[1]);
  near(own.above!, (projectionWith[1] + projectionWithout[1]) / 2);
  assert.equal(when({ name: 'b', layer: 1, below: 2, at: 'prompt' }), {
    ...{ vector: b.unit[0], layer: 1, below: 2, at: 'prompt' },
  });
  assert.is(when({ vectors: other, above: 0 }).vector, b.unit[1]);
  assert.is(when({ vectors: other, source: 1, above: 0 }).vector, b.unit[0]);

  const edits = [
    found({ kind: 'clamp', when: { name: 'b' } }),
    steer(vectors, { name: 'b', layer: 1, kind: 'rotate', angle: 80, positions: 'generated' }),
  ];
  const texts = await generateText(lm, questions, { edits, maxNewTokens: 8 });
  assert.is(texts.length, 3);
  lm.dispose();

  const saying = (pattern: RegExp, options: SteerOptions, from: Vectors = vectors) =>
    assert.match(
      refusal(() => steer(from, { name: 'a', layer: 3, ...options })),
      pattern,
    );
  saying(/kind is "adt", not one of add/, { kind: 'adt' as never });
  saying(/an edit of kind add has a weight, no target \(project has\)/, { weight: 1, target: 2 });
  saying(/kind rotate needs an angle/, { kind: 'rotate' });
  saying(/no vector "c".*a, b/, { kind: 'rotate', angle: 3, second: 'c' });
  saying(/when: there is no "abov".*mean "above"/, { weight: 1, when: { abov: 1 } as never });
  saying(/a cosine needs a threshold/, { weight: 1, when: { of: 'cosine' } });
  saying(/no vector for layer 2/, { weight: 1, when: { layer: 2, above: 0 } });
  // As other programs give them: without means.
  const bare = { layers: [1, 3], directions: new Map([['a', { unit, norm }]]) };
  assert.equal(steer(bare, { layer: 3, weight: '1x' }), { ...place, kind: 'add', weight: norm[1] });
  saying(/project needs a target: this vector comes without the mean/, { kind: 'project' }, bare);
  saying(/clamp needs a min, a max or both: this vector comes/, { kind: 'clamp' }, bare);
  saying(/when needs a threshold .*: this vector comes/, { weight: 1, when: {} }, bare);
});

test('what does not fit is refused, and says what would', async () => {
  const lm = await openModel('tiny-gemma2');
  const vectors = await directionFromPairs(lm, pairs, { layers: [2] });
  const saying = async (pattern: RegExp, what: () => unknown) =>
    assert.match(await refused((async () => what())()), pattern);
  await saying(/no vector for layer 3.*2/, () => steer(vectors, { layer: 3, weight: 1 }));
  await saying(/needs a weight/, () => steer(vectors, { layer: 2 }));
  await saying(/mean "vector"/, () => steer(vectors, { layer: 2, name: 'vectr', weight: 1 }));
  await saying(/no pairs/, () => directionFromPairs(lm, []));
  const typo = { positve: 'a', negative: 'b' } as never;
  await saying(/mean "positive"/, () => directionFromPairs(lm, [typo]));
  const same = { positive: 'a', negative: 'a' };
  await saying(/changes nothing/, () => directionFromPairs(lm, [same]));
  await saying(/mean "tiny-gemma2"/, () => openModel('tiny-gemma'));
  lm.dispose();
});

test.run();
