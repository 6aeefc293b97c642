/** Rows that come and go at any time, each with its own edits, limits and draws; checked alone. */
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { BatchSizer } from '../../../src/engine/batchSizer';
import { generate } from '../../../src/engine/generate';
import type { ScoredToken } from '../../../src/engine/logprobs';
import type { CausalLM } from '../../../src/engine/model';
import type { Generation, RowRequest } from '../../../src/engine/row';
import { Scheduler } from '../../../src/engine/scheduler';
import { type Edit, Steering } from '../../../src/engine/steering';
import { seededRandom } from '../../../src/util/random';
import { refusal } from '../../refusal';

let model: CausalLM;
test.before(async () => {
  await useBackend();
  model = loadModel(path.join(__dirname, '../../fixtures/gemma2-gqa'));
});
test.after(() => model.dispose());

function numbers(n: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => Math.floor(random() * 61));
}

function edit(seed: number, weight = 4): Edit {
  const vector = Float32Array.from(numbers(model.config.dModel, seed), (x) => x / 61 - 0.5);
  return { kind: 'add', layer: seed % model.config.nLayers, vector, weight };
}

const scheduler = (rows = 64, options = {}) =>
  new Scheduler(model, { sizer: BatchSizer.open(model.config, rows, options) });

type Asked = Partial<RowRequest>;

/** Submits a row; its end as a promise. */
function ask(to: Scheduler, request: Asked) {
  let cancel = () => {};
  const done = new Promise<Generation>((onFinish, onError) => {
    cancel = to.submit({
      ...{ prompt: numbers(5, 1), maxNewTokens: 8, onFinish, onError },
      ...request,
    });
  });
  void to.run();
  return { done, cancel };
}

/** ln p of every token at every place: [T][V]. */
function logSoftmax(ids: number[], edits: Edit[], promptEnd = ids.length): number[][] {
  const steering = new Steering([edits], model.config);
  const out = tf.tidy(() => tf.logSoftmax(model.forward([ids], { steering, promptEnd })));
  const [rows] = out.arraySync() as number[][][];
  out.dispose();
  steering.dispose();
  return rows;
}

function checkScores(scores: ScoredToken[], wanted: number[][], top: number) {
  for (const [i, { token, logprob, top: likeliest }] of scores.entries()) {
    assert.ok(Math.abs(logprob - wanted[i][token]) < 1e-4, `place ${i}`);
    const best = [...wanted[i]].sort((a, b) => b - a).slice(0, top);
    assert.is(likeliest.length, top);
    for (const [j, one] of likeliest.entries()) {
      assert.ok(Math.abs(one.logprob - best[j]) < 1e-4, `place ${i}, likeliest ${j}`);
      assert.ok(Math.abs(wanted[i][one.token] - best[j]) < 1e-4);
      if (one.token === token) assert.is(one.logprob, logprob, 'one number for one thing');
    }
  }
}

/** Rows of every kind: lengths, limits, edits, draws, scores. */
const MIXED = Array.from({ length: 30 }, (_, i): (() => Asked) => () => ({
  prompt: numbers(1 + ((i * 7) % 13), i % 9),
  maxNewTokens: 1 + ((i * 5) % 11),
  edits: i % 3 ? Array.from({ length: 1 + (i % 2) }, (_, j) => edit(i + j)) : [],
  stopIds: i % 4 ? [] : [3, 7, 11, 20, 33, 41],
  ...(i % 5 === 2 ? { temperature: 0.8, topP: 0.9, seed: i } : {}),
  ...(i % 6 === 1 ? { logprobs: i % 4 } : {}),
  ...(i % 7 === 3 ? { promptLogprobs: 2 } : {}),
}));

function close(found: Generation, wanted: Generation, what: string) {
  assert.equal(found.tokens, wanted.tokens, what);
  assert.is(found.stopped, wanted.stopped, what);
  for (const scores of ['logprobs', 'promptLogprobs'] as const) {
    assert.is(found[scores]?.length, wanted[scores]?.length, what);
    found[scores]?.forEach((score, i) => {
      const other = wanted[scores]![i];
      assert.ok(Math.abs(score.logprob - other.logprob) < 1e-4, `${what}: ${scores} ${i}`);
      assert.is(score.top.length, other.top.length);
    });
  }
}

test('rows that come at any time end as each of them alone', async () => {
  const alone: Generation[] = [];
  for (const request of MIXED) {
    const one = scheduler();
    alone.push(await ask(one, request()).done);
    await one.run();
  }
  for (const options of [{}, { batchSize: 3 }, { cacheBytes: 40000 }]) {
    const before = tf.memory().numTensors;
    const one = scheduler(64, options);
    const together = [];
    for (const [i, request] of MIXED.entries()) {
      together.push(ask(one, request()).done);
      // Some at once, some while others are decoded.
      for (let n = 0; n < (i * 3) % 5; n++) await new Promise(setImmediate);
    }
    for (const [i, row] of together.entries()) close(await row, alone[i], `row ${i}`);
    await one.run();
    assert.is(tf.memory().numTensors, before, 'no tensor is left');
  }
});

test('tokens are those of generate, greedy or drawn, steered or not', async () => {
  const one = scheduler();
  const prompts = [numbers(9, 1), numbers(4, 2), numbers(6, 3)];
  const edits = [[], [edit(5)], [edit(6), edit(7)]];
  for (const options of [{}, { temperature: 0.9, topP: 0.8 }]) {
    const rows = prompts.map((prompt, i) => {
      const asked = { prompt, edits: edits[i], seed: 4 * 1_000_003 + i, ...options };
      return ask(one, asked).done;
    });
    const wanted = await generate(model, prompts, { maxNewTokens: 8, edits, seed: 4, ...options });
    assert.equal(await Promise.all(rows), wanted);
  }
});

test("log-probabilities are forward's, of new tokens and of the prompt, steered", async () => {
  const before = tf.memory().numTensors;
  const one = scheduler();
  const prompt = numbers(9, 4);
  for (const edits of [[], [edit(8)], [{ ...edit(9), positions: 'generated' as const }]]) {
    // Neighbours of other lengths, which ask for other things.
    const others = [ask(one, {}), ask(one, { prompt: numbers(3, 1), promptLogprobs: 1 })];
    const { tokens, logprobs, promptLogprobs } = await ask(one, {
      ...{ prompt, edits, logprobs: 3, promptLogprobs: 2 },
    }).done;
    const [, short] = await Promise.all(others.map(({ done }) => done));
    assert.is(short.promptLogprobs!.length, 2);
    checkScores(short.promptLogprobs!, logSoftmax(numbers(3, 1), []), 1);
    const wanted = logSoftmax([...prompt, ...tokens], edits, prompt.length);
    assert.equal(
      promptLogprobs!.map(({ token }) => token),
      prompt.slice(1),
    );
    checkScores(promptLogprobs!, wanted, 2);
    assert.equal(
      logprobs!.map(({ token }) => token),
      tokens,
    );
    checkScores(logprobs!, wanted.slice(prompt.length - 1), 3);
  }
  const scored = await ask(one, { prompt, maxNewTokens: 0, promptLogprobs: 0 }).done;
  assert.equal([scored.tokens, scored.promptLogprobs!.length], [[], 8]);
  await one.run();
  assert.is(tf.memory().numTensors, before);
  const [{ logprobs }] = await generate(model, [prompt], { maxNewTokens: 4, logprobs: 1 });
  checkScores(logprobs!, logSoftmax([...prompt, ...logprobs!.map((x) => x.token)], []).slice(8), 1);
});

test('a long prompt goes through in pieces, and is scored the same', async () => {
  const one = scheduler();
  const prompt = numbers(30, 2);
  const wanted = logSoftmax(prompt, [edit(3)]);
  // As if the vocabulary were so large that a piece has 7 columns.
  const wide = Object.create(model, {
    config: { value: { ...model.config, vocabSize: Math.floor(2 ** 24 / 7) } },
  });
  const pieces: number[] = [];
  wide.forward = (ids: number[][], options: object) => {
    pieces.push(ids[0].length);
    return model.forward(ids, options);
  };
  const scoring = new Scheduler(wide, { sizer: BatchSizer.open(model.config, 1, {}) });
  const asked = { prompt, edits: [edit(3)], promptLogprobs: 2, maxNewTokens: 0 };
  const { promptLogprobs } = await ask(scoring, asked).done;
  assert.equal(pieces, [7, 7, 7, 7, 2]);
  assert.is(promptLogprobs!.length, 29);
  checkScores(promptLogprobs!, wanted, 2);
  const whole: Generation = { tokens: [], stopped: 'length', promptLogprobs };
  close(await ask(one, asked).done, whole, 'in one piece');
});

test('a row that is taken out is dropped, and hears no more of it', async () => {
  const before = tf.memory().numTensors;
  const [wanted] = await generate(model, [numbers(4, 2)], { maxNewTokens: 9, batchSize: 1 });
  const one = scheduler(2);
  const heard: number[] = [];
  const rows: number[] = [];
  const { forward } = model;
  model.forward = (ids, options) => {
    rows.push(ids.length);
    return forward.call(model, ids, options);
  };
  const going = ask(one, {
    ...{ maxNewTokens: 20, onFinish: () => heard.push(-1) },
    onToken(token) {
      if (heard.push(token) === 3) going.cancel();
    },
  });
  const other = ask(one, { prompt: numbers(4, 2), maxNewTokens: 9 });
  const waits = ask(one, { onFinish: () => heard.push(-1) });
  assert.is(one.waiting, 3);
  waits.cancel();
  assert.equal(await other.done, wanted);
  await one.run();
  model.forward = forward;
  assert.is(heard.length, 3);
  assert.equal(rows.slice(-4), [1, 1, 1, 1], 'the other one went on alone');
  assert.equal([one.waiting, one.active], [0, 0]);
  assert.is(tf.memory().numTensors, before);
});

test('when all rows are taken out between two steps, the run ends', async () => {
  const before = tf.memory().numTensors;
  const one = scheduler();
  const rows = [ask(one, { maxNewTokens: 30 }), ask(one, { maxNewTokens: 30 })];
  while (!one.active) await new Promise(setImmediate);
  for (const { cancel } of rows) cancel();
  await one.run();
  assert.is(tf.memory().numTensors, before);
});

test('a row that fails ends alone: logits that are not finite, a function that throws', async () => {
  const before = tf.memory().numTensors;
  const one = scheduler();
  const [wanted] = await generate(model, [numbers(5, 1)], { maxNewTokens: 8 });
  const huge = (more = {}) => new Array(4).fill({ ...edit(4, 3e38), ...more });
  const bad: [Asked, RegExp][] = [
    [{ edits: huge() }, /not finite/],
    [{ edits: huge(), temperature: 1 }, /not finite/],
    [{ edits: huge(), promptLogprobs: 1 }, /not finite/],
    [{ edits: huge({ positions: 'generated' }) }, /not finite/],
    [{ stopWhen: () => JSON.parse('no more') }, /no more/],
    [{ onToken: () => assert.unreachable('nobody listens') }, /nobody listens/],
  ];
  for (const [request, message] of bad) {
    const good = ask(one, {});
    await ask(one, request).done.then(
      () => assert.unreachable(`${message} is no success`),
      (error) => assert.match(error.message, message),
    );
    assert.equal(await good.done, wanted);
  }
  await one.run();
  assert.is(tf.memory().numTensors, before);
});

test('a pass that fails takes the rows that were in it, and no others', async () => {
  const before = tf.memory().numTensors;
  const one = scheduler();
  const { forward } = model;
  const heavy = numbers(40, 1);
  // No room for long prompts, be they alone or among others.
  model.forward = (ids, options) => {
    if (ids[0].length === 40) throw new Error('out of memory');
    return forward.call(model, ids, options);
  };
  const [small, large] = [ask(one, {}).done, ask(one, { prompt: heavy }).done];
  await large.then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, /out of memory/),
  );
  await small;
  // A step of the whole batch.
  model.forward = (ids, options) => {
    if (options?.cache?.length === 7) throw new Error('lost');
    return forward.call(model, ids, options);
  };
  const both = await Promise.allSettled([ask(one, {}).done, ask(one, {}).done]);
  model.forward = forward;
  assert.equal(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  await ask(one, {}).done;
  await one.run();
  assert.is(tf.memory().numTensors, before);
});

test('as many rows as memory has room for, by the columns that they take', async () => {
  const { nLayers, kvHeads, headDim } = model.config;
  // 26 columns: two rows of 13, or one of 20.
  const one = scheduler(64, { cacheBytes: 26 * 8 * nLayers * kvHeads * headDim });
  const together: number[] = [];
  const onToken = () => together.push(one.active);
  const short = { prompt: numbers(5, 1), maxNewTokens: 8, onToken };
  const long = { prompt: numbers(5, 2), maxNewTokens: 15, onToken };
  const requests = [short, short, short, long, short];
  await Promise.all(requests.map((request) => ask(one, request).done));
  assert.is(Math.max(...together), 2);
  together.length = 0;
  await Promise.all([long, long].map((request) => ask(one, request).done));
  assert.is(Math.max(...together), 1);
});

test('what cannot be is refused at once', () => {
  const one = scheduler();
  const submitted = (request: Asked) =>
    refusal(() => one.submit({ prompt: [1], maxNewTokens: 1, onError() {}, ...request }));
  assert.match(submitted({ prompt: [] }), /has no tokens/);
  assert.match(submitted({ prompt: [99999] }), /outside the vocabulary/);
  assert.match(submitted({ edits: [{ ...edit(1), layer: 77 }] }), /layer 77/);
  assert.match(submitted({ prompt: new Array(model.config.maxPositions).fill(1) }), /context/);
  assert.match(submitted({ logprobs: -1 }), /logprobs is -1/);
  assert.match(submitted({ topP: 0.5 }), /nothing is drawn/);
  assert.match(submitted({ onEnd() {} } as Asked), /no "onEnd"/);
  assert.is(one.waiting, 0);
});

test.run();
