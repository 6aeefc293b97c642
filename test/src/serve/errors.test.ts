/** Bad requests, who may ask, clients that leave, logits that are not finite, the end of a server. */
import * as http from 'node:http';
import * as tf from '@tensorflow/tfjs-core';
import OpenAI from 'openai';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LanguageModel } from '../../../src/language/languageModel';
import { serve, VectorShelf } from '../../../src/serve';
import { refused } from '../../refusal';
import { MODEL, openSmall, type Running, start, vectorFile, withServer } from './helpers';

const complete = { model: MODEL, prompt: 'The sky is', temperature: 0, max_tokens: 4 };
/** One that the model goes on with to the limit. */
const endless = { ...complete, prompt: [7, 8], max_tokens: 400 };
const chat = { model: MODEL, messages: [{ role: 'user', content: 'Hello' }], max_tokens: 4 };

let lm: LanguageModel;
let at: Running;
let before: number;
test.before(async () => {
  lm = await openSmall();
  before = tf.memory().numTensors;
  at = await start(lm, { cors: 'http://localhost:3000' });
});
test.after(async () => {
  await at.server.close();
  assert.is(tf.memory().numTensors, before, 'no tensor is left');
  lm.dispose();
});

interface Told {
  status: number;
  headers: Headers;
  error: { message: string; type: string; param: string | null; code: string | null };
}

async function post(path: string, body: unknown, init: RequestInit = {}, to = at): Promise<Told> {
  const response = await fetch(to.server.url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
  });
  const { error } = (await response.json()) as Pick<Told, 'error'>;
  return { status: response.status, headers: response.headers, error };
}

const edit = { vector: 'one', layer: 2, weight: 3 };
const BAD: [body: object, param: string, code: string, message: RegExp][] = [
  [{ prompt: undefined }, 'prompt', 'invalid_value', /prompt is undefined, not a text/],
  [{ prompt: [] }, 'prompt', 'invalid_value', /an empty list/],
  [{ prompt: [[]] }, 'prompt', 'invalid_value', /an empty list/],
  [{ prompt: [1, 'a'] }, 'prompt', 'invalid_value', /list of token ids/],
  [{ prompt: [99999] }, 'prompt', 'invalid_value', /outside the vocabulary of 3456/],
  [{ prompt: new Array(512).fill(7) }, 'prompt', 'context_length_exceeded', /512 tokens/],
  [{ max_tokens: -1 }, 'max_tokens', 'invalid_value', /max_tokens is -1/],
  [{ max_tokens: 'many' }, 'max_tokens', 'invalid_value', /"many"/],
  [{ temperature: -1 }, 'temperature', 'invalid_value', /from 0 up/],
  [{ top_p: 0 }, 'top_p', 'invalid_value', /above 0/],
  [{ n: 0 }, 'n', 'invalid_value', /n is 0/],
  [{ logprobs: 21 }, 'logprobs', 'invalid_value', /0 to 20/],
  [{ stop: [''] }, 'stop', 'invalid_value', /stop is/],
  [{ stream: 'yes' }, 'stream', 'invalid_value', /true or false/],
  [{ stream_options: {} }, 'stream_options', 'invalid_value', /goes with/],
  [{ logit_bias: { 5: 1 } }, 'logit_bias', 'unsupported_parameter', /not supported/],
  [{ presence_penalty: 0.5 }, 'presence_penalty', 'unsupported_parameter', /not supported/],
  [{ best_of: 3 }, 'best_of', 'unsupported_parameter', /not supported/],
  [{ suffix: 'end' }, 'suffix', 'unsupported_parameter', /not supported/],
  [{ top_k: 40 }, 'top_k', 'unsupported_parameter', /not supported/],
  [{ max_toknes: 4 }, 'max_toknes', 'unknown_parameter', /Did you mean "max_tokens"/],
  [{ steering: [{ ...edit, vector: 'on' }] }, 'steering', 'invalid_value', /Did you mean "one"/],
  [{ steering: [{ ...edit, layer: 9 }] }, 'steering', 'invalid_value', /layer 9/],
  [{ steering: [{ ...edit, lair: 9 }] }, 'steering', 'invalid_value', /no "lair"/],
  [{ steering: [{ ...edit, name: 'x' }] }, 'steering', 'invalid_value', /shout/],
  [{ steering: [{ ...edit, weight: undefined }] }, 'steering', 'invalid_value', /weight/],
  [{ steering: [{ ...edit, kind: 'push' }] }, 'steering', 'invalid_value', /kind/],
  [{ steering: [{ ...edit, vector: [1, 2] }] }, 'steering', 'invalid_value', /has 2 numbers.*192/],
  [{ steering: [{ ...edit, vector: [0, 0] }] }, 'steering', 'invalid_value', /all zeros/],
  [{ steering: [{ vector: [1, 2], weight: 1 }] }, 'steering', 'invalid_value', /need a layer/],
  [{ steering: 5 }, 'steering', 'invalid_value', /steering is 5/],
  [{ model: `${MODEL}+one@3*1x`, steering: [edit] }, 'steering', 'invalid_value', /not both/],
  [{ model: `${MODEL}+one@3*` }, 'model', 'invalid_value', /weight/],
  [
    { model: undefined },
    'model',
    'invalid_value',
    /There is no model; this server has tiny-gemma2/,
  ],
];
const BAD_CHAT: [body: object, param: string, message: RegExp][] = [
  [{ messages: [] }, 'messages', /an empty list/],
  [{ messages: ['Hello'] }, 'messages', /"Hello"/],
  [{ messages: [{ role: 'uesr', content: 'x' }] }, 'messages', /Did you mean "user"/],
  [{ messages: [{ role: 'user', content: 5 }] }, 'messages', /must be a text/],
  [{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 'messages', /parts are/],
  [{ messages: [{ role: 'user', content: 'x', name: 'Jo' }] }, 'messages', /name is not supported/],
  [{ messages: [{ role: 'user', content: 'no '.repeat(600) }] }, 'messages', /context/],
  [{ tools: [{ type: 'function' }] }, 'tools', /not supported/],
  [{ response_format: { type: 'json_object' } }, 'response_format', /not supported/],
  [{ top_logprobs: 3 }, 'top_logprobs', /"logprobs": true/],
];

test('bad requests are told which field is to blame', async () => {
  for (const [body, param, code, message] of BAD) {
    const { status, error } = await post('/v1/completions', { ...complete, ...body });
    const what = JSON.stringify(body).slice(0, 60);
    assert.equal(
      [status, error.type, error.param, error.code],
      [400, 'invalid_request_error', param, code],
      what,
    );
    assert.match(error.message, message);
  }
  for (const [body, param, message] of BAD_CHAT) {
    const { status, error } = await post('/v1/chat/completions', { ...chat, ...body });
    assert.equal([status, error.param], [400, param], JSON.stringify(body).slice(0, 60));
    assert.match(error.message, message);
  }
  const harmless = {
    user: 'jo',
    metadata: { a: 'b' },
    store: true,
    service_tier: 'auto',
    seed: null,
  };
  const neutral = { presence_penalty: 0, logit_bias: {}, best_of: 1, suffix: null, top_k: -1 };
  const body = {
    ...complete,
    ...harmless,
    ...neutral,
  } as OpenAI.CompletionCreateParamsNonStreaming;
  await at.client.completions.create(body);
});

test('the client sees errors of its own kinds', async () => {
  const told = (body: object) =>
    at.client.completions.create({ ...complete, ...body }).then(
      () => assert.unreachable(),
      (error) => error,
    );
  const bad = await told({ prompt: new Array(512).fill(7) });
  assert.instance(bad, OpenAI.BadRequestError);
  assert.equal([bad.param, bad.code], ['prompt', 'context_length_exceeded']);
  const unknown = await told({ model: 'gpt-9' });
  assert.instance(unknown, OpenAI.NotFoundError);
  assert.is(unknown.code, 'model_not_found');
});

test('what is no request of the API is refused: bodies, types, paths, methods', async () => {
  const bad = async (status: number, message: RegExp, told: Promise<Told>) => {
    const { status: found, error } = await told;
    assert.is(found, status, error.message);
    assert.match(error.message, message);
  };
  await bad(400, /not JSON/, post('/v1/completions', '{"model": '));
  await bad(400, /a list of 1/, post('/v1/completions', [1]));
  const plain = { headers: { 'Content-Type': 'text/plain' } };
  await bad(415, /Content-Type: application\/json/, post('/v1/completions', '{}', plain));
  await bad(404, /There is nothing at \/v1\/chat; /, post('/v1/chat', {}));
  await bad(405, /takes POST, not PUT/, post('/v1/completions', {}, { method: 'PUT' }));
  await withServer(lm, { bodyBytes: 1000 }, async (small) => {
    const large = 'x'.repeat(3_000_000);
    await bad(413, /larger than 1/, post('/v1/completions', large, {}, small));
    await small.client.completions.create(complete);
  });
});

/** A request whose headers fetch would not let through. */
function withHost(host: string): Promise<number | undefined> {
  const { port } = at.server;
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path: '/v1/models', headers: { Host: host } };
    http.get(options, (response) => resolve(response.resume().statusCode)).on('error', reject);
  });
}

test('pages of the web may not ask, unless their origin is let in', async () => {
  assert.is(await withHost('localhost:8000'), 200);
  assert.is(await withHost('evil.example'), 403, 'a name that was made to lead here');
  const preflight = await fetch(`${at.server.url}/v1/completions`, {
    method: 'OPTIONS',
    headers: { 'Access-Control-Request-Headers': 'authorization' },
  });
  assert.is(preflight.status, 204);
  assert.is(preflight.headers.get('access-control-allow-origin'), 'http://localhost:3000');
  assert.is(preflight.headers.get('access-control-allow-headers'), 'authorization');
  await withServer(lm, {}, async ({ server }) => {
    const response = await fetch(`${server.url}/v1/models`);
    assert.is(response.headers.get('access-control-allow-origin'), null);
  });
});

test('with an API key, nobody else may ask', async () => {
  await withServer(lm, { apiKey: 'secret' }, async (running) => {
    await running.client.completions.create(complete);
    for (const apiKey of ['secreT', 'secret1', 'x']) {
      const stranger = new OpenAI({ baseURL: `${running.server.url}/v1`, apiKey, maxRetries: 0 });
      await stranger.models.list().then(
        () => assert.unreachable(),
        (error) => assert.instance(error, OpenAI.AuthenticationError),
      );
    }
    const { status, headers, error } = await post('/v1/completions', complete, {}, running);
    assert.equal([status, error.code], [401, 'invalid_api_key']);
    assert.is(headers.get('www-authenticate'), 'Bearer');
    assert.is((await fetch(`${running.server.url}/health`)).status, 200);
  });
});

test('a client that leaves takes its rows with it', async () => {
  const { client, server, lines } = at;
  const stream = await client.completions.create({
    ...endless,
    stream: true,
    n: 3,
  });
  for await (const _ of stream) break;
  const gone = async (times: number) => {
    while (lines.filter((line) => line.includes('client gone')).length < times) {
      await new Promise(setImmediate);
    }
    assert.equal([server.scheduler.active, server.scheduler.waiting], [0, 0]);
  };
  await gone(1);
  const leaving = new AbortController();
  const whole = client.completions.create(endless, { signal: leaving.signal });
  const end = whole.catch((error) => error);
  while (!server.scheduler.active) await new Promise(setImmediate);
  leaving.abort();
  assert.instance(await end, OpenAI.APIUserAbortError);
  await gone(2);
  await client.completions.create(complete);
});

test('logits that are not finite end their request, and no other', async () => {
  const { client } = at;
  const weight = 1e39;
  const harm = { ...complete, steering: [{ ...edit, weight }] };
  const later = { ...harm, steering: [{ ...edit, weight, positions: 'generated' }], stream: true };
  const wanted = await client.completions.create(complete);
  const [good, bad, alsoBad] = await Promise.all([
    client.completions.create(complete),
    post('/v1/completions', harm),
    client.completions.create(later as OpenAI.CompletionCreateParamsStreaming),
  ]);
  assert.is(good.choices[0].text, wanted.choices[0].text);
  assert.equal([bad.status, bad.error.type], [500, 'server_error']);
  assert.match(bad.error.message, /logits are not finite/);
  assert.is(bad.headers.get('x-should-retry'), 'false');
  const read = async () => {
    for await (const _ of alsoBad) {
      // The error comes in the stream.
    }
  };
  await read().then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, /not finite/),
  );
  const again = await client.completions.create(complete);
  assert.is(again.choices[0].text, wanted.choices[0].text);
});

test('a server that is stopped finishes its answers, or cuts them when asked to', async () => {
  await withServer(lm, {}, async ({ client, server }) => {
    const answer = client.completions.create({ ...endless, max_tokens: 30 });
    while (!server.scheduler.active) await new Promise(setImmediate);
    await server.close(60_000);
    assert.is((await answer).choices[0].finish_reason, 'length');
  });
  await withServer(lm, {}, async ({ client, server }) => {
    const end = client.completions.create(endless).catch((error) => error);
    while (!server.scheduler.active) await new Promise(setImmediate);
    void server.close(60_000);
    await server.close();
    assert.match((await end).message, /503 The server was stopped/);
  });
});

test('a port that is taken, an address that is none, vectors that do not fit', async () => {
  const { port } = at.server;
  assert.match(await refused(serve(lm, { port })), /Port \d+ of 127.0.0.1 is taken/);
  assert.match(await refused(serve(lm, { host: '203.0.113.9' })), /has no address 203/);
  const shelf = new VectorShelf(lm);
  assert.throws(() => shelf.add('a.safetensors', vectorFile(3, 100)), /have 100 numbers.* has 192/);
});

test.run();
