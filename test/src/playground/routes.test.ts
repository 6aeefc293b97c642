/** The playground over HTTP, as the page's own client and others ask it. */
import { request } from 'node:http';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LanguageModel } from '../../../src/language/languageModel';
import { Playground } from '../../../src/playground/playground';
import type { Engine, PlayEvent } from '../../../src/playground/protocol';
import { playgroundRoutes } from '../../../src/playground/routes';
import { type ModelServer, serve, VectorShelf } from '../../../src/serve';
import { MODEL, ONE, openPlayground, openSmall, PAIRS, playAll, SETTINGS, toldBy } from './helpers';

// The page's files are typed for browsers.
const { httpEngine }: { httpEngine(base: string): Engine } =
  require('../../../src/playground/page/httpEngine');

const FILES = [
  { name: 'index.html', type: 'text/html; charset=utf-8', bytes: Buffer.from('<p>Page') },
  { name: 'main.js', type: 'text/javascript; charset=utf-8', bytes: Buffer.from('1;') },
];
const STEERED = { ...SETTINGS, steer: [{ file: 'one', layer: 2, weight: '3x' as const }] };

let lm: LanguageModel;
let before: number;
let server: ModelServer;
let engine: Engine;
const lines: string[] = [];
test.before(async () => {
  lm = await openSmall();
  before = tf.memory().numTensors;
  const shelf = new VectorShelf(lm);
  shelf.add('one.safetensors', ONE);
  server = await serve(lm, {
    ...{ port: 0, vectors: shelf, log: (line: string) => void lines.push(line) },
    routes: (scheduler) => playgroundRoutes(new Playground(lm, { shelf, scheduler }), FILES),
  });
  engine = httpEngine(`${server.url}/playground`);
});
test.after(async () => {
  await server.close();
  assert.is(tf.memory().numTensors, before, 'no tensor is left');
  lm.dispose();
});

const post = (path: string, body: string, type = 'application/json') =>
  fetch(`${server.url}${path}`, { method: 'POST', headers: { 'Content-Type': type }, body });

test('the page comes with headers that keep it to itself', async () => {
  for (const [path, text] of [
    ['/', '<p>Page'],
    ['/main.js', '1;'],
  ]) {
    const response = await fetch(server.url + path);
    assert.is(await response.text(), text);
    const policy = response.headers.get('content-security-policy')!;
    assert.match(policy, /default-src 'none'; script-src 'self'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.not.match(policy, /unsafe|\*/);
    assert.is(response.headers.get('x-content-type-options'), 'nosniff');
  }
});

test('its client gets what the playground says, streamed', async () => {
  const playground = openPlayground(lm);
  const info = await engine.info();
  assert.equal(info, await playground.info());
  const made = await engine.makeVector(PAIRS);
  assert.equal(made, await playground.makeVector(PAIRS));
  const { told } = await playAll(engine, STEERED);
  const { told: wanted } = await playAll(playground, STEERED);
  for (const side of ['unsteered', 'steered'] as const) {
    assert.is(told[side]!.text, wanted[side]!.text);
    assert.is(told[side]!.pieces, wanted[side]!.pieces);
    assert.equal(told[side]!.reading, wanted[side]!.reading);
  }
  assert.equal(await engine.exportAs(STEERED), await playground.exportAs(STEERED));
});

const textOf = async (response: Response) => {
  const { choices } = (await response.json()) as { choices: { text: string }[] };
  return choices[0].text;
};

test('requests of the API go on beside it, and may name the vectors of the page', async () => {
  const { id } = await engine.makeVector(PAIRS);
  const ask = async () => {
    const steering = [{ vector: id, layer: 0, weight: '1x' }];
    const body = { model: MODEL, prompt: 'The sky is', temperature: 0, max_tokens: 12, steering };
    return textOf(await post('/v1/completions', JSON.stringify(body)));
  };
  const alone = await ask();
  const { told } = await playAll(engine, STEERED);
  const [beside, { told: both }] = await Promise.all([ask(), playAll(engine, STEERED)]);
  assert.is(beside, alone);
  assert.is(both.steered!.text, told.steered!.text);
});

test('a client that leaves takes both rows out', async () => {
  lines.length = 0;
  const leaves = new AbortController();
  const events: PlayEvent[] = [];
  const long = { ...STEERED, maxNewTokens: 400, temperature: 2 };
  await engine.play(
    long,
    (event) => {
      events.push(event);
      if (events.length === 4) leaves.abort();
    },
    leaves.signal,
  );
  while (!lines.length) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.match(lines[0], /^POST {2}\/playground\/play {2}client gone/);
  assert.is(server.scheduler.active, 0, 'long before the answers would have ended');
  await server.scheduler.run();
  assert.is(tf.memory().numTensors, before);
  assert.not(toldBy(events).steered?.end);
});

test('what is asked wrongly is told, with a status', async () => {
  const refusals: [Promise<Response>, number, RegExp][] = [
    [post('/playground/play', '{'), 400, /not JSON/],
    [post('/playground/play', '[]'), 400, /an empty list, not an object/],
    [post('/playground/play', '{"promt": "x"}'), 400, /Did you mean "prompt"/],
    [post('/playground/play', JSON.stringify(STEERED), 'text/plain'), 415, /type "text\/plain"/],
    [post('/playground/vectors', '{"name": "x", "pairs": []}'), 400, /no pairs/],
    [post('/playground/vectors/file?name=a.npz', '{}'), 415, /the bytes of the file/],
    [post('/playground/vectors/file', 'x', 'application/octet-stream'), 400, /\?name=/],
    [fetch(`${server.url}/playground/vectors/file?id=lost`), 400, /no vectors "lost"/],
    [fetch(`${server.url}/playground/play`), 405, /takes POST/],
    [fetch(`${server.url}/lost.js`), 404, /nothing at \/lost.js/],
  ];
  for (const [asked, status, message] of refusals) {
    const response = await asked;
    const { error } = (await response.json()) as { error: Error };
    assert.match(error.message, message);
    assert.is(response.status, status, error.message);
  }
  try {
    await engine.play({ ...STEERED, steer: [{ file: 'uno' }] }, () => {}, AbortSignal.timeout(1e4));
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /no vectors "uno".*Did you mean "one"/);
  }
});

test('a name of another place that leads here is refused', async () => {
  for (const path of ['/', '/playground/info']) {
    const status = await new Promise((resolve, reject) => {
      const asked = request(server.url + path, { headers: { Host: 'evil.example' } });
      asked.on('response', (response) => resolve(response.resume().statusCode));
      asked.on('error', reject).end();
    });
    assert.is(status, 403);
  }
});

test.run();
