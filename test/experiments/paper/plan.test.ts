import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  answeringSeconds,
  cacheBytes,
  LONGEST,
  type Rates,
  readingSeconds,
  TYPICAL,
} from '../../../experiments/paper/parts/estimate';
import { type ModelSize, modelSize } from '../../../experiments/paper/parts/modelSize';
import { planMemory, readPlan, rowCounts } from '../../../experiments/paper/parts/plan';
import { between, measureRates } from '../../../experiments/paper/parts/probe';
import { TimeLeft } from '../../../experiments/paper/parts/timeLeft';
import type { PlannedWork } from '../../../experiments/shared/command/plannedWork';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { tensorsIn } from '../../../src/backend/replay';
import { KVCache } from '../../../src/engine/kvCache';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-plan-'));
const fixtures = path.join(__dirname, '../../fixtures');
test.before(async () => {
  await useBackend('wasm');
});
test.after(() => fs.rmSync(temp, { recursive: true }));

const near = (found: number, wanted: number, what = '') =>
  assert.ok(Math.abs(found - wanted) <= 1e-9 * Math.abs(wanted), `${what} ${found} for ${wanted}`);

for (const name of ['gemma2-gqa', 'gpt2-untied-f16-scaled', 'mistral-narrow-tied-f16']) {
  test(`${name}: sizes from the headers are those of the loaded model`, () => {
    const dir = path.join(fixtures, name);
    const size = modelSize(dir);
    const model = loadModel(dir);
    const weights = tensorsIn(model.weights) as tf.Tensor[];
    const numbers = (some: tf.Tensor[]) => some.reduce((sum, { size: n }) => sum + n, 0);
    const matrices = weights.filter(({ rank }) => rank === 2);
    assert.is(size.counts.matrices, numbers(matrices));
    assert.is(size.counts.vectors, numbers(weights) - numbers(matrices));
    const isVocabulary = ({ shape }: tf.Tensor) => shape.includes(model.config.vocabSize);
    const tables = matrices.filter(isVocabulary);
    assert.is(size.outputWeights, tables[0].size);
    const positions = (model.weights as { wpe?: tf.Tensor }).wpe?.size ?? 0;
    assert.is(size.blockWeights, numbers(matrices) - numbers(tables) - positions);
    const cache = new KVCache([0], [5]);
    model.forward([[1, 2, 3, 4, 5]], { cache }).dispose();
    assert.is(size.cacheNumbers * 5, numbers(cache.pieces()));
    model.dispose();
  });
}

const size: ModelSize = {
  layers: 2,
  blockWeights: 1000,
  outputWeights: 300,
  cacheNumbers: 40,
  counts: { matrices: 1300, largestTable: 300, vectors: 10 },
};
const rates: Rates = { perWeight: (rows) => rows * 1e-3, perNumber: 1e-4, perOp: 0.01 };

test('reading takes the products of all tokens, and the ops of each batch', () => {
  // 512 tokens at 0.256 s a weight for 256; 3 batches of 2 × 40 ops.
  const work = { count: 20, promptTokens: 512, batchSize: 8 };
  near(readingSeconds(size, work, rates), 2 * 256 + 3 * 80 * 0.01);
  assert.is(readingSeconds(size, { ...work, count: 0 }, rates), 0);
});

test('answering adds a step for each token of the longest in a batch', () => {
  const work = { count: 16, promptTokens: 160, newTokens: 50, batchSize: 8 };
  const reading = readingSeconds(size, work, rates);
  // Two batches of 50 steps, 8 rows: 1300 weights, 80 ops, keys and values of 10 + 25 tokens.
  const step = 1300 * 8e-3 + 0.8 + 8 * 35 * 40 * 1e-4;
  near(answeringSeconds(size, work, rates, LONGEST), reading + 2 * 50 * step);
  // Half the steps, with 0.2 / 0.5 of the rows on average, which see 10 + 5 tokens.
  const typical = 1300 * 3e-3 + 0.8 + 3 * 15 * 40 * 1e-4;
  near(answeringSeconds(size, work, rates, TYPICAL), reading + 2 * 25 * typical);
  assert.is(cacheBytes(size, 60, 8), 4 * 40 * 60 * 8);
});

const model = { model_name: 'm', prompt_style: null, dtype: null, batch_size: 8 };
const answers = (place: string, count: number, newTokens = 50): PlannedWork => ({
  ...{ kind: 'answers', place, model, newTokens },
  prompts: Array.from({ length: count }, (_, i) => 'x'.repeat(1 + (i % 3))),
});
const tools = {
  backend: 'tensorflow',
  rates,
  sizeOf: () => size,
  tokensOf: (_: unknown, prompt: string) => prompt.length,
};
const part = (step: string, ...works: PlannedWork[]) => ({ experiment: 'e', step, works });

test('a plan counts prompts, answers, tokens and judged texts', () => {
  const vectors: PlannedWork = { kind: 'vectors', place: 'v', model, prompts: ['ab', 'abc'] };
  const judged: PlannedWork = { kind: 'judged', place: 'a/p', judge: 'j', answers: 'a' };
  const parts = [
    part('one', vectors),
    part('two', answers('a', 6, 50), answers('a', 3, 70), judged),
    part('again', answers('a', 6, 50), vectors),
    part('judge', { ...judged, place: 'a/q' }),
  ];
  const [one, two, again, judge] = readPlan(parts, tools);
  assert.equal([one.read, one.promptTokens, one.answers], [2, 5, 0]);
  assert.equal([two.answers, two.promptTokens, two.newTokens], [9, 18, 510]);
  assert.is(two.judged, 9);
  assert.ok(two.mostSeconds > two.seconds && two.seconds > 0);
  // What an earlier step does is not done twice.
  assert.ok(Object.values(again).every((value) => value === 0));
  assert.is(judge.judged, 9);
  near(
    judge.mostSeconds,
    readingSeconds(size, { count: 9, promptTokens: 510, batchSize: 16 }, rates),
  );
  assert.equal(rowCounts(parts), [3, 8, 256]);
  const memory = planMemory(parts, tools)!;
  assert.equal([memory.rows, memory.columns], [6, 53]);
  assert.is(memory.weights, 4 * 1310);
  assert.is(memory.judge, 4 * 1310);
  assert.is(memory.cache, cacheBytes(size, 53, 6));
});

test('what is there already takes no time', () => {
  const folder = path.join(temp, 'run');
  fs.mkdirSync(folder);
  const seconds = () => readPlan([part('one', answers(folder, 6))], tools)[0].seconds;
  const whole = seconds();
  fs.writeFileSync(path.join(folder, 'config.yaml'), 'planned_rows: 4\n');
  fs.writeFileSync(path.join(folder, 'out.jsonl'), '{"id":"1"}\n{"id":"2"}\n{"id":"3"}\n');
  near(seconds(), whole / 4);
  fs.writeFileSync(path.join(folder, 'summary.json'), '{}');
  assert.is(seconds(), 0);
});

test('rates lie between those measured, and every one is a positive number', async () => {
  const known = new Map([
    [4, 1],
    [8, 3],
  ]);
  assert.equal(
    [2, 4, 6, 8, 16].map((rows) => between(known, rows)),
    [1, 1, 2, 3, 6],
  );
  const measured = await measureRates([1, 8]);
  const all = [measured.perOp, measured.perNumber, measured.perWeight(1), measured.perWeight(8)];
  assert.ok(
    all.every((rate) => rate > 0 && rate < 1),
    all.join(),
  );
});

test('time left: first the plan, then what ran decides', () => {
  let clock = 0;
  const left = new TimeLeft([100, 100, 200], () => clock);
  near(left.secondsLeft(0), 400);
  assert.is(left.before(0), 'about 6 min 40 s left in all');
  // Twice as slow as planned.
  clock = 200;
  const after = left.secondsLeft(1);
  assert.ok(after > 500 && after < 600, String(after));
  clock = 400;
  assert.ok(left.secondsLeft(2) > 350 && left.secondsLeft(2) < 400);
});

test.run();
