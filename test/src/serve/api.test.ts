/** The API as the official client uses it, against `generate` and `forward`. */
import * as tf from '@tensorflow/tfjs-core';
import OpenAI from 'openai';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { generate } from '../../../src/engine/generate';
import { type Edit, Steering } from '../../../src/engine/steering';
import type { LanguageModel } from '../../../src/language/languageModel';
import { editOf, MODEL, ONE, openSmall, type Running, start, TWO } from './helpers';

const QUESTION = 'How do I grow tomatoes?';
const messages = [{ role: 'user' as const, content: QUESTION }];
const chat = { model: MODEL, messages, temperature: 0, max_tokens: 12 };
const complete = { model: MODEL, prompt: 'The sky is', temperature: 0, max_tokens: 8 };

let lm: LanguageModel;
let at: Running;
let before: number;
test.before(async () => {
  lm = await openSmall();
  before = tf.memory().numTensors;
  at = await start(lm);
});
test.after(async () => {
  await at.server.close();
  assert.is(tf.memory().numTensors, before, 'no tensor is left');
  lm.dispose();
});

const rawIds = (text: string) => lm.encode(text, { style: 'raw' });

/** What `generate` writes. */
async function written(ids: number[], options: object = {}) {
  const [one] = await generate(lm.model, [ids], {
    ...{ maxNewTokens: 12, stopIds: lm.tokenizer.stopIds, padId: lm.padId },
    ...options,
  });
  return { ...one, text: lm.tokenizer.decode(one.tokens, { skipSpecialTokens: true }) };
}

/** ln p of every token at every place. */
function logSoftmax(ids: number[], edits: Edit[] = [], promptEnd = ids.length): number[][] {
  const steering = new Steering([edits], lm.model.config);
  const out = tf.tidy(() => tf.logSoftmax(lm.model.forward([ids], { steering, promptEnd })));
  const [rows] = out.arraySync() as number[][][];
  out.dispose();
  steering.dispose();
  return rows;
}

const near = (found: number | null, wanted: number, what = '') =>
  assert.ok(Math.abs(found! - wanted) < 1e-4, `${what}: ${found}, not ${wanted}`);

test('a chat answer is what generate writes', async () => {
  const wanted = await written(lm.encode(QUESTION));
  const answer = await at.client.chat.completions.create(chat);
  assert.is(answer.object, 'chat.completion');
  assert.is(answer.choices[0].message.content, wanted.text);
  assert.is(answer.choices[0].message.role, 'assistant');
  assert.is(answer.choices[0].finish_reason, 'length');
  const read = lm.encode(QUESTION).length;
  assert.equal(answer.usage, {
    ...{ prompt_tokens: read, completion_tokens: 12, total_tokens: read + 12 },
  });
  const long = await at.client.chat.completions.create({ ...chat, max_completion_tokens: 100 });
  assert.is(long.choices[0].finish_reason, 'stop', 'the model ends its answer');
  const parts = [
    { type: 'text' as const, text: 'How do I ' },
    { type: 'text' as const, text: 'grow tomatoes?' },
  ];
  const inParts = await at.client.chat.completions.create({
    ...chat,
    messages: [{ role: 'user', content: parts }],
  });
  assert.is(inParts.choices[0].message.content, wanted.text);
});

test('a stream is the same answer in pieces, with usage at its end where asked for', async () => {
  const whole = await at.client.chat.completions.create({ ...chat, n: 2, seed: 3, temperature: 1 });
  const texts = ['', ''];
  const finishes: unknown[] = [];
  let usage: unknown;
  const stream = await at.client.chat.completions.create({
    ...{ ...chat, n: 2, seed: 3, temperature: 1 },
    stream: true,
    stream_options: { include_usage: true },
  });
  let pieces = 0;
  for await (const chunk of stream) {
    if (chunk.usage) usage = chunk.usage;
    for (const { index, delta, finish_reason } of chunk.choices) {
      texts[index] += delta.content ?? '';
      if (finish_reason) finishes[index] = finish_reason;
      pieces++;
    }
  }
  assert.equal(
    texts,
    whole.choices.map(({ message }) => message.content),
  );
  assert.equal(
    finishes,
    whole.choices.map(({ finish_reason }) => finish_reason),
  );
  assert.equal(usage, whole.usage);
  assert.ok(pieces > 10);
  const raw = await at.client.completions.create({ ...complete, stream: true });
  let text = '';
  for await (const chunk of raw) text += chunk.choices[0]?.text ?? '';
  assert.is(text, (await written(rawIds(complete.prompt), { maxNewTokens: 8 })).text);
});

test('n, seed, temperature and top_p draw what generate draws', async () => {
  const ids = rawIds(complete.prompt);
  const sampling = { temperature: 0.9, seed: 7 };
  const wanted = await generate(lm.model, [ids, ids, ids], {
    ...{ maxNewTokens: 8, stopIds: lm.tokenizer.stopIds, topP: 0.9, ...sampling },
  });
  const asked = { ...complete, ...sampling, top_p: 0.9, n: 3 };
  const answer = await at.client.completions.create(asked);
  const decode = (tokens: number[]) => lm.tokenizer.decode(tokens, { skipSpecialTokens: true });
  assert.equal(
    answer.choices.map(({ text }) => text),
    wanted.map(({ tokens }) => decode(tokens)),
  );
  assert.ok(new Set(answer.choices.map(({ text }) => text)).size > 1);
  assert.is(answer.usage!.prompt_tokens, ids.length);
  const texts = async () => {
    const { choices } = await at.client.completions.create({ ...asked, seed: undefined, n: 1 });
    return choices[0].text;
  };
  assert.is.not(await texts(), await texts(), 'without a seed, every answer is another');
});

test('prompts come as text, as tokens, or as lists of them', async () => {
  const texts = ['The sky is', 'Water and'];
  const wanted = [];
  for (const text of texts) wanted.push((await written(rawIds(text), { maxNewTokens: 8 })).text);
  for (const prompt of [texts, texts.map(rawIds)]) {
    const { choices } = await at.client.completions.create({ ...complete, prompt });
    assert.equal(
      choices.map(({ text }) => text),
      wanted,
    );
    assert.equal(
      choices.map(({ index }) => index),
      [0, 1],
    );
  }
  const { choices } = await at.client.completions.create({ ...complete, prompt: rawIds(texts[1]) });
  assert.equal(
    choices.map(({ text }) => text),
    [wanted[1]],
  );
});

test('an answer ends before the first stop text, also where that comes in several tokens', async () => {
  const { text } = await written(lm.encode(QUESTION), { maxNewTokens: 30 });
  const from = Math.floor(text.length / 2);
  for (const stop of [
    text.slice(from, from + 1),
    text.slice(from, from + 7),
    ['§', text.slice(from, from + 11)],
  ]) {
    const first = [stop]
      .flat()
      .map((one) => text.indexOf(one))
      .filter((i) => i >= 0)[0];
    const asked = { ...chat, max_tokens: 30, stop };
    const { choices } = await at.client.chat.completions.create(asked);
    assert.is(choices[0].message.content, text.slice(0, first));
    assert.is(choices[0].finish_reason, 'stop');
    let streamed = '';
    const stream = await at.client.chat.completions.create({ ...asked, stream: true });
    for await (const chunk of stream) streamed += chunk.choices[0].delta.content ?? '';
    assert.is(streamed, text.slice(0, first));
  }
  const { choices } = await at.client.chat.completions.create({
    ...chat,
    max_tokens: 30,
    stop: '§',
  });
  assert.is(
    choices[0].message.content,
    text,
    'what only might have become one is there in the end',
  );
});

test("log-probabilities are forward's", async () => {
  const ids = lm.encode(QUESTION);
  const { tokens } = await written(ids);
  const rows = logSoftmax([...ids, ...tokens]).slice(ids.length - 1);
  const asked = { ...chat, logprobs: true, top_logprobs: 3 };
  const { choices } = await at.client.chat.completions.create(asked);
  const content = choices[0].logprobs!.content!;
  assert.is(content.map(({ token }) => token).join(''), choices[0].message.content);
  for (const [i, { logprob, top_logprobs, bytes, token }] of content.entries()) {
    near(logprob, rows[i][tokens[i]], `token ${i}`);
    const best = [...rows[i]].sort((a, b) => b - a).slice(0, 3);
    assert.is(top_logprobs.length, 3);
    for (const [j, top] of top_logprobs.entries()) near(top.logprob, best[j]);
    assert.is(Buffer.from(bytes!).toString(), token);
  }
  let streamed: typeof content = [];
  const stream = await at.client.chat.completions.create({ ...asked, stream: true });
  for await (const { choices } of stream) {
    streamed = [...streamed, ...(choices[0].logprobs?.content ?? [])];
  }
  assert.equal(
    streamed.map(({ token }) => token),
    content.map(({ token }) => token),
  );
});

test('echo and logprobs score a text, as evaluation tools do', async () => {
  const steered: Edit[] = [editOf(ONE, 2, 30)];
  const ids = rawIds('The sky is blue when the sun is high.');
  for (const edits of [[], steered]) {
    const rows = logSoftmax(ids, edits);
    const steering = edits.length ? [{ vector: 'one', layer: 2, weight: 30 }] : [];
    for (const max_tokens of [0, 1]) {
      const body = {
        ...complete,
        prompt: [ids, ids.slice(0, 4)],
        max_tokens,
        echo: true,
        logprobs: 2,
        steering,
      };
      const { choices, usage } = await at.client.completions.create(body);
      const { tokens, token_logprobs, top_logprobs, text_offset } = choices[0].logprobs!;
      assert.is(tokens!.length, ids.length + max_tokens);
      assert.is(token_logprobs![0], null);
      for (let i = 1; i < ids.length; i++) {
        near(token_logprobs![i], rows[i - 1][ids[i]], `token ${i}`);
        near(Math.max(...Object.values(top_logprobs![i])), Math.max(...rows[i - 1]));
        assert.is(top_logprobs![i][tokens![i]], token_logprobs![i], 'one number for one token');
        assert.is(choices[0].text.slice(text_offset![i]).startsWith(tokens![i]), true);
      }
      assert.is(choices[1].logprobs!.tokens!.length, 4 + max_tokens);
      assert.is(usage!.completion_tokens, 2 * max_tokens);
    }
  }
  const text = 'The sky is';
  const { choices } = await at.client.completions.create({ ...complete, echo: true });
  assert.is(choices[0].text, text + (await written(rawIds(text), { maxNewTokens: 8 })).text);
});

test('with a token that ends the text, there are still log-probabilities for it', async () => {
  const ids = rawIds('The sky is');
  const { tokens, stopped } = await written(ids, { maxNewTokens: 100 });
  assert.is(stopped, 'stop');
  const prompt = [...ids, ...tokens];
  const [last] = logSoftmax(prompt).slice(-1);
  const body = { ...complete, prompt, max_tokens: 1, echo: true, logprobs: 1 };
  const { choices } = await at.client.completions.create(body);
  const { tokens: shown, token_logprobs } = choices[0].logprobs!;
  assert.is(shown!.length, prompt.length + 1);
  near(token_logprobs!.at(-1)!, Math.max(...last));
  assert.is(choices[0].finish_reason, 'stop');
});

test('steering by name, inline and in the name of the model is that of generate', async () => {
  const ids = lm.encode(QUESTION);
  const unsteered = (await written(ids)).text;
  const edits = [editOf(ONE, 3, 20), { ...editOf(TWO, 1, 7), positions: 'generated' as const }];
  const wanted = (await written(ids, { edits: [edits] })).text;
  assert.is.not(wanted, unsteered);
  const { unit } = ONE.directions.get('shout')!;
  const second = { vector: 'two', name: 'shout', layer: 1, weight: 7, positions: 'generated' };
  const ways: object[][] = [
    [{ vector: 'one', layer: 3, weight: 20 }, second],
    [{ vector: 'one.safetensors', layer: 3, weight: '1x' }, second],
    [{ vector: Array.from(unit[3], (x) => x * 20), layer: 3, weight: '1x' }, second],
    [{ vector: Array.from(unit[3], (x) => x * 3), layer: 3, weight: 20 }, second],
    ['one@3*20' as never, 'two:shout@1*7:generated' as never],
  ];
  for (const steering of ways) {
    const body = { ...chat, steering };
    const { choices } = await at.client.chat.completions.create(body);
    assert.is(choices[0].message.content, wanted, JSON.stringify(steering).slice(0, 80));
  }
  const named = { ...chat, model: `${MODEL}+one@3*20+two@1*7:generated` };
  const { choices, model } = await at.client.chat.completions.create(named);
  assert.equal([choices[0].message.content, model], [wanted, named.model]);
  const project = { kind: 'project' as const, layer: 2, vector: unit[2], target: 15 };
  const projected = (await written(ids, { edits: [[project]] })).text;
  const body = { ...chat, steering: { vector: 'one', layer: 2, kind: 'project', target: 15 } };
  const answer = await at.client.chat.completions.create(body);
  assert.is(answer.choices[0].message.content, projected);
});

test('a server that was started steered steers, unless a request says otherwise', async () => {
  const ids = lm.encode(QUESTION);
  const own = [editOf(ONE, 3, 20)];
  const steered = await start(lm, { edits: own });
  try {
    const names = [];
    for await (const { id } of steered.client.models.list()) names.push(id);
    assert.equal(names, [MODEL, `${MODEL}+unsteered`]);
    const ask = async (body: object) => {
      const { choices } = await steered.client.chat.completions.create({ ...chat, ...body });
      return choices[0].message.content;
    };
    assert.is(await ask({}), (await written(ids, { edits: [own] })).text);
    const plain = (await written(ids)).text;
    assert.is(await ask({ steering: [] }), plain);
    assert.is(await ask({ model: `${MODEL}+unsteered` }), plain);
    const other = [editOf(TWO, 2, 20)];
    assert.is(await ask({ steering: ['two@2*20'] }), (await written(ids, { edits: [other] })).text);
  } finally {
    await steered.server.close();
  }
});

test('models are listed, and found', async () => {
  const { data } = await at.client.models.list();
  assert.equal(
    data.map(({ id }) => id),
    [MODEL],
  );
  assert.is((await at.client.models.retrieve(MODEL)).object, 'model');
  await at.client.models.retrieve('gpt-9').then(
    () => assert.unreachable(),
    (error) => assert.instance(error, OpenAI.NotFoundError),
  );
  const response = await fetch(`${at.server.url}/v1/vectors`);
  const vectors = (await response.json()) as { data: { id: string }[] };
  assert.equal(
    vectors.data.map(({ id }) => id),
    ['one', 'two'],
  );
});

test.run();
