/** What the playground writes and shows, against `generate`, `runWithCache` and logits by hand. */
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BatchSizer } from '../../../src/engine/batchSizer';
import { residPost } from '../../../src/engine/hooks';
import { runWithCache } from '../../../src/engine/runWithCache';
import { Scheduler } from '../../../src/engine/scheduler';
import type { Edit } from '../../../src/engine/steering';
import { generateText } from '../../../src/language/generateText';
import type { LanguageModel } from '../../../src/language/languageModel';
import type {
  PlayEvent,
  PlaygroundSettings,
  Reading,
  Side,
} from '../../../src/playground/protocol';
import { directionFromPairs } from '../../../src/vectors/fromPairs';
import { Shelf } from '../../../src/vectors/shelf';
import { refused } from '../../refusal';
import { ONE, openPlayground, openSmall, PAIRS, playAll, SETTINGS } from './helpers';

let lm: LanguageModel;
let before: number;
test.before(async () => {
  lm = await openSmall();
  before = tf.memory().numTensors;
});
test.after(() => {
  assert.is(tf.memory().numTensors, before, 'no tensor is left');
  lm.dispose();
});

/** The edits of `STEERED`, by hand: a vector of ONE has length 20. */
const u = (layer: number) => ONE.directions.get('shout')!.unit[layer];
const EDITS: Edit[] = [
  { kind: 'add', layer: 2, vector: u(2), weight: 60, positions: 'all' },
  { kind: 'ablate', layer: 4, vector: u(4), positions: 'last' },
];
const STEERED: PlaygroundSettings = {
  ...SETTINGS,
  steer: [
    { file: 'one', layer: 2, weight: '3x' },
    { file: 'one.safetensors', name: 'shout', layer: 4, kind: 'ablate', positions: 'last' },
  ],
};

for (const sampling of [
  { temperature: 0, topP: 1, seed: 0 },
  { temperature: 0.9, topP: 0.9, seed: 7 },
]) {
  const how = sampling.temperature ? 'drawn with a seed' : 'greedy';
  test(`both answers are those of generate, ${how}, and come in pieces side by side`, async () => {
    const playground = openPlayground(lm);
    const { events, told } = await playAll(playground, { ...STEERED, ...sampling });
    for (const [side, edits] of [
      ['unsteered', []],
      ['steered', EDITS],
    ] as const) {
      const options = { ...sampling, edits: [...edits], maxNewTokens: 24 };
      const [wanted] = await generateText(lm, [SETTINGS.prompt], options);
      const { text, pieces, end } = told[side]!;
      assert.is(text, wanted.text, side);
      assert.ok(pieces > 10, `${pieces} pieces`);
      assert.is(end.tokens, wanted.tokens.length);
      assert.is(end.reason, wanted.stopped);
    }
    assert.is.not(told.steered!.text, told.unsteered!.text);
    const sides = events.slice(0, 6).map((event) => event.side);
    assert.equal(new Set(sides).size, 2, 'they are written together');
  });
}

/** Logits, and h·u after the edits by layer and token, of one pass over a whole text. */
function byHand(ids: number[], promptLength: number, edits: Edit[]) {
  // Positions of edits depend on where the prompt ends: so the pass is told by its cache-less way.
  const fixed = edits.flatMap((edit): Edit[] =>
    edit.positions === 'last' ? [] : [{ ...edit, positions: 'all' }],
  );
  const layers = [0, 1, 2, 3, 4, 5];
  const names = layers.map(residPost);
  const at = promptLength - 1;
  const lasts = edits.filter(({ positions }) => positions === 'last');
  const hooks = Object.fromEntries(
    lasts.map(({ layer, vector }) => [
      residPost(layer),
      (h: tf.Tensor) => {
        const rows = h.arraySync() as number[][][];
        const row = rows[0][at];
        const along = row.reduce((sum, x, i) => sum + x * (vector as Float32Array)[i], 0);
        rows[0][at] = row.map((x, i) => x - along * (vector as Float32Array)[i]);
        return tf.tensor(rows);
      },
    ]),
  );
  const { logits, cache } = runWithCache(lm.model, [ids], { edits: [fixed], names, hooks });
  const [rows] = logits.arraySync();
  const projections = layers.map((layer) => {
    const [h] = cache.get(residPost(layer))!.arraySync() as number[][][];
    return h.map((row) => row.reduce((sum, x, i) => sum + x * u(layer)[i], 0));
  });
  logits.dispose();
  cache.dispose();
  return { rows, projections };
}

function logSoftmax(logits: number[]): number[] {
  const top = Math.max(...logits);
  const sum = Math.log(logits.reduce((total, x) => total + Math.exp(x - top), 0));
  return logits.map((x) => x - top - sum);
}

const near = (found: number, wanted: number, tolerance: number, what: string) =>
  assert.ok(Math.abs(found - wanted) <= tolerance, `${what}: ${found}, not ${wanted}`);

function checkReading(reading: Reading, ids: number[], promptLength: number, side: Side) {
  const sides = {
    steered: byHand(ids, promptLength, EDITS),
    unsteered: byHand(ids, promptLength, []),
  };
  const { rows, projections } = sides[side];
  assert.equal(reading.layers, [0, 1, 2, 3, 4, 5]);
  assert.equal(reading.vectors, ['shout', 'shout']);
  assert.is(reading.tokens.length, ids.length);
  for (const vector of reading.projections) {
    for (const [layer, wanted] of projections.entries()) {
      for (const [t, x] of wanted.entries()) {
        near(vector[layer][t]!, x, 2e-3, `h·u at ${layer}, ${t}`);
      }
    }
  }
  for (const [t, token] of reading.tokens.entries()) {
    assert.is(token.part, t < promptLength ? 'prompt' : 'answer');
    const [p, q] = [logSoftmax(sides.steered.rows[t]), logSoftmax(sides.unsteered.rows[t])];
    const kl = p.reduce((sum, x, i) => sum + Math.exp(x) * (x - q[i]), 0);
    near(token.kl, kl, 1e-3 + 1e-3 * kl, `KL at ${t}`);
    const order = logSoftmax(rows[t])
      .map((x, id) => ({ id, p: Math.exp(x) }))
      .sort((a, b) => b.p - a.p);
    assert.is(token.top.length, 5);
    for (const [i, { p }] of token.top.entries()) near(p, order[i].p, 1e-3, `p ${i} at ${t}`);
    const likeliest = lm.tokenizer.decode([order[0].id]).trim();
    if (likeliest) assert.is(token.top[0].text.trim(), likeliest);
  }
}

test('a reading is what one pass over the text holds, on either side', async () => {
  const { told } = await playAll(openPlayground(lm), STEERED);
  const prompt = lm.encode(SETTINGS.prompt);
  for (const [side, edits] of [
    ['unsteered', []],
    ['steered', EDITS],
  ] as const) {
    const [{ tokens }] = await generateText(lm, [SETTINGS.prompt], {
      ...{ edits: [...edits], maxNewTokens: 24 },
    });
    checkReading(told[side]!.reading, [...prompt, ...tokens], prompt.length, side);
  }
  const { tokens } = told.steered!.reading;
  const answer = tokens.filter(({ part }) => part === 'answer').map(({ text }) => text);
  assert.is(answer.join('').trim(), told.steered!.text.trim());
  assert.ok(Math.max(...tokens.map(({ kl }) => kl)) > 0.1, 'the edits move something');
});

test('without a vector, one side is written; a layer that a file lacks has no number', async () => {
  const { events, told } = await playAll(openPlayground(lm), SETTINGS);
  assert.ok(events.every(({ side }) => side === 'unsteered'));
  assert.equal(told.unsteered!.reading.projections, []);
  assert.ok(told.unsteered!.reading.tokens.every(({ kl }) => kl === 0));
  const shelf = new Shelf(lm);
  const { unit, norm } = ONE.directions.get('shout')!;
  const few = { unit: [unit[3]], norm: norm.subarray(3, 4) };
  shelf.add('few.npz', { directions: new Map([['shout', few]]), layers: [3], provenance: {} });
  const steer = [{ file: 'few', layer: 1, source: 3, weight: 5 }];
  const { told: some } = await playAll(openPlayground(lm, { shelf }), { ...SETTINGS, steer });
  const [projections] = some.steered!.reading.projections;
  assert.equal(
    projections.map((row) => row.every((x) => typeof x === 'number')),
    [false, false, false, true, false, false],
  );
  assert.is(projections[0][0], null);
});

test('who stops frees all memory, at every moment', async () => {
  const scheduler = new Scheduler(lm.model, {
    sizer: BatchSizer.open(lm.model.config, 8, {}),
    padId: lm.padId,
  });
  const playground = openPlayground(lm, { scheduler });
  for (const stopsAt of ['none', 'text', 'end', 'reading']) {
    const leaves = new AbortController();
    const events: PlayEvent[] = [];
    if (stopsAt === 'none') leaves.abort();
    const act = (event: PlayEvent) => {
      events.push(event);
      if (event.type === stopsAt) leaves.abort();
    };
    await playground.play(STEERED, act, leaves.signal);
    await scheduler.run();
    assert.is(tf.memory().numTensors, before, `stopped at ${stopsAt}`);
    const count = (type: string) => events.filter((event) => event.type === type).length;
    assert.ok(count('reading') <= (stopsAt === 'reading' ? 1 : 0), stopsAt);
    assert.ok(count('text') <= (stopsAt === 'none' ? 0 : 48));
  }
});

test('a vector of pairs is that of directionFromPairs, and the same pairs have the same id', async () => {
  const playground = openPlayground(lm);
  const made = await playground.makeVector(PAIRS);
  const { directions } = await directionFromPairs(lm, PAIRS.pairs, { name: PAIRS.name });
  assert.is(made.from, 'pairs');
  assert.equal(made.pairs, PAIRS);
  assert.equal(made.layers, [0, 1, 2, 3, 4, 5]);
  assert.equal(made.norms, { 'lower case': [...directions.get('lower case')!.norm] });
  assert.match(made.id, /^lower-case-[0-9a-f]{8}\.safetensors$/);
  assert.equal(await playground.makeVector(PAIRS), made);
  assert.is((await openPlayground(lm).makeVector(PAIRS)).id, made.id, 'of another start');
  const others = { ...PAIRS, pairs: PAIRS.pairs.slice(1) };
  assert.is.not((await playground.makeVector(others)).id, made.id);
  const { vectors } = await playground.info();
  assert.equal(
    vectors.map(({ from }) => from),
    ['pairs', 'pairs', 'file'],
  );
});

test('what the page sends is checked', async () => {
  const playground = openPlayground(lm);
  const play = (more: object) =>
    playground.play({ ...SETTINGS, ...more } as never, () => {}, new AbortController().signal);
  assert.match(await refused(play({ promt: 'x' })), /no "promt".*Did you mean "prompt"/);
  assert.match(await refused(play({ prompt: 3 })), /prompt is 3, not a text/);
  assert.match(await refused(play({ style: 'cat' })), /style is "cat".*Did you mean "chat"/);
  assert.match(await refused(play({ maxNewTokens: 0 })), /maxNewTokens is 0/);
  assert.match(await refused(play({ temperature: -1 })), /temperature is -1/);
  assert.match(
    await refused(play({ steer: [{ file: 'one', layr: 1 }] })),
    /steer\[0\].*"layr".*"layer"/,
  );
  assert.match(
    await refused(play({ steer: [{ file: 'uno', layer: 1 }] })),
    /no vectors "uno".*"one"/,
  );
  assert.match(
    await refused(play({ steer: [{ file: 'one', layer: 6, weight: 1 }] })),
    /no vector for layer 6/,
  );
  assert.match(await refused(play({ system: 'Be brief.' })), /takes no system prompt/);
  assert.match(await refused(play({ prompt: 'long '.repeat(600) })), /takes 512 with the answer/);
  const make = (more: object) => playground.makeVector({ ...PAIRS, ...more } as never);
  assert.match(await refused(make({ name: ' ' })), /name of the vector is " "/);
  assert.match(await refused(make({ pairs: [] })), /there are no pairs/);
  assert.match(await refused(make({ pairs: undefined })), /pairs is undefined/);
  assert.match(await refused(make({ method: 'mean' })), /method is "mean"/);
  assert.match(await refused(make({ pairs: [{ positive: 'a', negative: 'a' }] })), /no direction/);
});

test.run();
