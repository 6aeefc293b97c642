/** Many requests at once, each with its own steering, length and draws: each as if it were alone. */
import * as tf from '@tensorflow/tfjs-core';
import OpenAI from 'openai';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Generation, generate } from '../../../src/engine/generate';
import type { LanguageModel } from '../../../src/language/languageModel';
import { editOf, MODEL, ONE, openSmall, TWO, withServer } from './helpers';

const TEXTS = [
  'The sky is',
  'How do I grow tomatoes in a small garden that gets little sun?',
  'Water',
  'When the nights are cold, cover the young plants and',
];

interface Asked {
  prompt: string;
  max_tokens: number;
  temperature: number;
  seed: number;
  /** Vector, layer and weight of each edit. */
  edits: ['one' | 'two', number, number][];
  stream: boolean;
}

/** The i-th request; none is like another. */
const asked = (i: number): Asked => ({
  prompt: `${TEXTS[i % 4]}${' and'.repeat(i % 3)}`,
  max_tokens: 1 + ((i * 3) % 5),
  temperature: i % 5 === 2 ? 0.8 : 0,
  seed: i,
  edits: [
    ...(i % 3 ? [['one', i % 6, 5 + (i % 20)] as Asked['edits'][0]] : []),
    ...(i % 4 === 1 ? [['two', (i * 5) % 6, 4] as Asked['edits'][0]] : []),
  ],
  stream: i % 2 === 1,
});

const bodyOf = ({ edits, ...rest }: Asked) => ({
  ...{ model: MODEL, ...rest, logprobs: 1 },
  steering: edits.map(([vector, layer, weight]) => ({ vector, layer, weight })),
});

let lm: LanguageModel;
test.before(async () => {
  lm = await openSmall();
});
test.after(() => lm.dispose());

async function alone({ prompt, max_tokens, temperature, seed, edits }: Asked): Promise<Generation> {
  const [row] = await generate(lm.model, [lm.encode(prompt, { style: 'raw' })], {
    ...{ maxNewTokens: max_tokens, temperature, seed, logprobs: 1, batchSize: 1 },
    stopIds: lm.tokenizer.stopIds,
    edits: [
      edits.map(([name, layer, weight]) => editOf(name === 'one' ? ONE : TWO, layer, weight)),
    ],
  });
  return row;
}

interface Told {
  text: string;
  logprobs: number[];
}

async function ask(client: OpenAI, one: Asked): Promise<Told> {
  const told: Told = { text: '', logprobs: [] };
  const take = ({ text, logprobs }: { text: string; logprobs?: unknown }) => {
    told.text += text;
    told.logprobs.push(...((logprobs as OpenAI.CompletionChoice.Logprobs)?.token_logprobs ?? []));
  };
  const body = bodyOf(one);
  if (body.stream) {
    const stream = await client.completions.create({ ...body, stream: true });
    for await (const { choices } of stream) choices.forEach(take);
  } else {
    const { choices } = await client.completions.create({ ...body, stream: false });
    choices.forEach(take);
  }
  return told;
}

function check(found: Told, wanted: Generation, what: string) {
  assert.is(found.text, lm.tokenizer.decode(wanted.tokens, { skipSpecialTokens: true }), what);
  // A token that ended the text has a log-probability, too.
  const scores = [...wanted.logprobs!, ...(wanted.stopLogprob ? [wanted.stopLogprob] : [])];
  assert.is(found.logprobs.length, scores.length, what);
  for (const [i, { logprob }] of scores.entries()) {
    assert.ok(Math.abs(found.logprobs[i] - logprob) < 1e-4, `${what}, token ${i}`);
  }
}

test('200 requests at once are each as alone, steered or not', async () => {
  const requests = Array.from({ length: 200 }, (_, i) => asked(i));
  const wanted: Generation[] = [];
  for (const request of requests) wanted.push(await alone(request));
  const unsteered = requests.findIndex(({ edits }) => !edits.length);
  assert.ok(new Set(wanted.map(({ tokens }) => tokens.join())).size > 40, 'many texts');
  const before = tf.memory().numTensors;
  await withServer(lm, {}, async ({ server, client }) => {
    let most = 0;
    const found: Promise<Told>[] = [];
    for (const request of requests) {
      found.push(ask(client, request));
      most = Math.max(most, server.scheduler.active);
      // Some come together, others while these are written.
      if (found.length % 11 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const [i, one] of found.entries()) check(await one, wanted[i], `request ${i}`);
    check(await found[unsteered], await alone({ ...requests[unsteered], edits: [] }), 'unsteered');
    assert.ok(most > 1, 'they were written together');
  });
  assert.is(tf.memory().numTensors, before, 'no tensor is left');
});

test('a full queue turns requests away, and what it holds is answered', async () => {
  const before = tf.memory().numTensors;
  await withServer(lm, { queue: 4, batchSize: 1 }, async ({ server, client }) => {
    const { scheduler } = server;
    const submit = scheduler.submit.bind(scheduler);
    const waiting: number[] = [];
    scheduler.submit = (request) => {
      const cancel = submit(request);
      waiting.push(scheduler.waiting);
      return cancel;
    };
    const ends = await Promise.allSettled(
      Array.from({ length: 60 }, (_, i) => ask(client, asked(i))),
    );
    assert.ok(Math.max(...waiting) === 4, `${waiting}`);
    let turnedAway = 0;
    for (const [i, end] of ends.entries()) {
      if (end.status === 'fulfilled') check(end.value, await alone(asked(i)), `request ${i}`);
      else {
        turnedAway++;
        assert.instance(end.reason, OpenAI.RateLimitError);
        assert.is(end.reason.headers.get('retry-after'), '1');
        assert.match(end.reason.message, /The queue is full/);
      }
    }
    assert.ok(turnedAway > 0 && turnedAway < 56, `${turnedAway} of 60`);
    const many = { ...bodyOf(asked(0)), n: 5 };
    await client.completions.create({ ...many, stream: false }).then(
      () => assert.unreachable(),
      (error) => assert.instance(error, OpenAI.BadRequestError, 'trying again would not help'),
    );
  });
  assert.is(tf.memory().numTensors, before);
});

test.run();
