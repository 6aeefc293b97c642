/** A judge over a network that errs, stalls, drops and answers nonsense. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  readEndpoint,
  WIRE,
  type Wire,
} from '../../../../experiments/shared/answers/qualityEndpoint';
import { judgeQuality, readQualities } from '../../../../experiments/shared/answers/qualityJudge';
import { readQuality } from '../../../../experiments/shared/answers/qualityPrompt';
import { InputError } from '../../../../src/util/errors';
import { FakeEndpoint, type Fault, gradeOf } from '../../fakeEndpoint';
import { printedBy } from '../../helpers';

const KEY = 'sk-tiller-0123456789';
const server = new FakeEndpoint();
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-quality-'));
let folder = '';
/** What went to the terminal. */
let said = '';
/** Seconds waited before an attempt. */
let waits: number[] = [];

test.before(() => server.start());
test.after(() => {
  server.stop();
  fs.rmSync(temp, { recursive: true });
});
test.before.each(() => {
  server.reset();
  folder = fs.mkdtempSync(path.join(temp, 'run-'));
  said = '';
  waits = [];
});

const wire: Wire = {
  ...WIRE,
  // So long that a machine that is busy is not taken for a server that stalls.
  stallSeconds: 60,
  out: { write: (text: string) => (said += text) },
  async sleep(seconds) {
    waits.push(seconds);
  },
};

const endpoint = (model = 'org/some-judge', url = server.url) => ({ url, model, key: KEY });

const answers = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    id: `row ${String(i).padStart(2, '0')}`,
    query: `What is ${'so '.repeat(i)}good?`,
    response: `This${' is'.repeat(i % 7)}.`,
  }));
const expected = (rows = answers(0)) =>
  new Map(rows.map(({ id, query, response }) => [id, (gradeOf(query, response) - 1) / 9]));

/** Has rows judged. @returns their qualities, or what it failed with */
async function judge(rows = answers(5), by = endpoint(), over = wire) {
  let outcome: Awaited<ReturnType<typeof judgeQuality>> | undefined;
  let error: Error | undefined;
  const printed = await printedBy(async () => {
    outcome = await judgeQuality(folder, rows, by, over).catch((thrown: Error) => {
      error = thrown;
      return undefined;
    });
  });
  said += printed;
  return { qualities: outcome, error };
}

async function refused(rows = answers(1), by = endpoint()): Promise<string> {
  const { qualities, error } = await judge(rows, by);
  assert.is(qualities, undefined);
  assert.ok(error instanceof InputError, String(error?.stack));
  return error.message;
}

const rowsOf = (model = 'org_some-judge') =>
  fs
    .readFileSync(path.join(folder, `quality_${model}`, 'out.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('every answer is graded by a documented request, and the grades are mapped to 0 to 1', async () => {
  const rows = answers(30);
  const { qualities } = await judge(rows);
  assert.equal(qualities, expected(rows));
  assert.ok([...qualities!.values()].includes(0) && [...qualities!.values()].includes(1));
  assert.is(server.asked.length, 30);
  const texts = rows.map(({ query, response }) => JSON.stringify({ query, response }));
  assert.equal(server.texts.map((text) => JSON.stringify(text)).sort(), texts.sort());
  const [{ path: asked, headers, body }] = server.asked;
  assert.is(asked, '/v1/chat/completions');
  assert.is(headers.authorization, `Bearer ${KEY}`);
  assert.equal([body.model, body.temperature, body.max_tokens], ['org/some-judge', 0, 200]);
  assert.equal(readQualities(folder), new Map([...qualities!].sort()));
  assert.match(said, /30\/30 answers judged/);
  assert.match(said, 'Quality by org/some-judge: 30 of 30 answers');
});

test('the docs show the message that is sent', async () => {
  const page = fs.readFileSync(path.join(__dirname, '../../../../docs/paper.md'), 'utf8');
  const [, shown] = /```text\n(You are to grade.*?)\n```/s.exec(page) ?? [];
  const [{ query, response }] = answers(1);
  await judge(answers(1));
  assert.is(
    shown
      .replace('(the prompt without the instruction)', query)
      .replace('(the response)', response),
    server.asked[0].body.messages[0].content,
  );
});

test('several are asked for at a time, and no more than eight', async () => {
  const rows = answers(20);
  const eight = new Promise((resolve) => {
    const timer = setInterval(() => {
      if (server.asked.length < 8) return;
      clearInterval(timer);
      setTimeout(resolve, 200);
    }, 5);
  });
  server.hold = () => eight;
  assert.equal((await judge(rows)).qualities, expected(rows));
  assert.is(server.most, 8);
});

test('the same answer to the same query is asked for once', async () => {
  const [one, two] = answers(2);
  const same = [one, { ...one, id: 'again' }, { ...one, id: 'third', query: two.query }];
  const { qualities } = await judge(same);
  assert.is(server.asked.length, 2);
  assert.is(qualities!.get('again'), qualities!.get(one.id));
  assert.equal(qualities, expected(same));
});

test('failures that may pass are tried again, later and later', async () => {
  server.faults = [
    ...[500, 502, 503, 529, 408].map((status) => ({ status, body: 'over capacity' })),
    'drop',
  ];
  const rows = answers(1);
  const { qualities } = await judge(rows);
  assert.equal(qualities, expected(rows));
  assert.is(server.asked.length, 7);
  [1, 2, 4, 8, 16, 32].forEach((delay, i) => {
    assert.ok(waits[i] > delay / 2 && waits[i] <= delay, `${waits[i]} s, of ${delay} s`);
  });
  assert.match(said, /org\/some-judge: 127\.0\.0\.1:\d+ answers 503: over capacity\. Trying again/);
});

test('a limit is heeded as the server says, in seconds or as a time of day', async () => {
  const date = new Date(Date.now() + 100_000).toUTCString();
  server.faults = [
    { status: 429, headers: { 'Retry-After': '7' }, body: '{"error":{"code":"rate_limit"}}' },
    { status: 429, headers: { 'Retry-After': date } },
    { status: 503, headers: { 'Retry-After': '0' } },
  ];
  const rows = answers(1);
  assert.equal((await judge(rows)).qualities, expected(rows));
  // Each wait is the request's own, and that of all who come after.
  assert.equal(waits.slice(0, 2), [7, 7]);
  for (const wait of waits.slice(2, 4)) assert.ok(wait > 30 && wait <= 100, `${wait} s`);
  assert.is(waits.length, 5, 'the last was asked for no wait of all');
});

test('while one is told to wait, the others wait too', async () => {
  let answerOthers = () => {};
  let goOn = () => {};
  const told = new Promise<void>((resolve) => (goOn = resolve));
  const others = new Promise<void>((resolve) => (answerOthers = resolve));
  server.hold = () => others;
  server.faults = [{ status: 429, headers: { 'Retry-After': '20' } }];
  const rows = answers(20);
  let seen = 0;
  const { qualities } = await judge(rows, endpoint(), {
    ...wire,
    async sleep() {
      if (!seen++) {
        answerOthers();
        setTimeout(() => {
          assert.ok(server.asked.length <= 8, `${server.asked.length} asked`);
          goOn();
        }, 300);
      }
      await told;
    },
  });
  assert.is(seen, 2);
  assert.equal(qualities, expected(rows));
});

test('a server that stalls is asked again', async () => {
  server.faults = ['stall'];
  const rows = answers(1);
  const impatient = { ...wire, stallSeconds: 0.5, delays: Array(50).fill(1), quiet: 0 };
  assert.equal((await judge(rows, endpoint(), impatient)).qualities, expected(rows));
  assert.match(said, /no answer from 127\.0\.0\.1:\d+ \(.*timeout\)\. Trying again/);
});

const NONSENSE = [
  ['Excellent!', 'the reply is not JSON'],
  ['8', 'the reply has no score'],
  ['null', 'the reply has no score'],
  ['{"score": 11}', 'the score is 11, not a whole number from 1 to 10'],
  ['{"score": 0}', 'the score is 0, not'],
  ['{"score": 7.5}', 'the score is 7.5, not'],
  ['{"score": "8"}', 'the score is "8", not'],
  ['{"score": null}', 'the score is null, not'],
  ['{"grade": 8}', 'the reply has no score'],
  ['{"reason": "It is g', 'the reply is not JSON'],
  ['I give {"score": 8}', 'the reply is not JSON'],
  ['[8]', 'the reply has no score'],
];

test('a reply is read strictly', () => {
  for (const [reply, problem] of NONSENSE) {
    const read = readQuality(reply);
    assert.ok('problem' in read && read.problem.startsWith(problem), `${reply}: ${read}`);
  }
  const good: [string, number][] = [
    ['{"score": 1}', 0],
    ['{"score": 10}', 1],
    ['{"reason": "Good.", "score": 7}', 6 / 9],
    ['  {"score":4.0}\n', 3 / 9],
    ['```json\n{"reason": "x", "score": 10}\n```', 1],
    ['```\n{"score": 10}\n```\n', 1],
  ];
  for (const [reply, quality] of good) assert.equal(readQuality(reply), { quality }, reply);
});

test('nonsense is asked about again, then recorded as no score with its reason', async () => {
  const rows = answers(3);
  const nothing = [null, '', ' ', undefined, [{ type: 'text' }]];
  for (const content of [...NONSENSE.map(([reply]) => reply), ...nothing]) {
    server.reset();
    server.faults = Array<Fault>(3).fill({ content });
    folder = fs.mkdtempSync(path.join(temp, 'run-'));
    said = '';
    const [first] = rows;
    const { qualities } = await judge([first]);
    const silent = nothing.includes(content as null);
    assert.is(server.asked.length, silent ? 1 : 3, String(content));
    assert.equal([...qualities!], [[first.id, null]]);
    const [row] = rowsOf();
    assert.is(row.quality, null);
    assert.type(row.problem, 'string');
    assert.match(said, `1 have no score, and count in no mean (${row.problem})`);
    // It stays so: nothing is asked again.
    const before = server.asked.length;
    assert.equal([...(await judge([first])).qualities!], [[first.id, null]]);
    assert.is(server.asked.length, before);
  }
});

test('nonsense that was not repeated costs nothing but the second request', async () => {
  server.faults = [{ content: 'Hm.' }, { content: 'Well …' }];
  const rows = answers(1);
  assert.equal((await judge(rows)).qualities, expected(rows));
  assert.is(server.asked.length, 3);
  assert.is(rowsOf()[0].problem, null);
});

test('an answer that the endpoint refuses to judge has no score; the others go on', async () => {
  for (const code of ['content_filter', 'context_length_exceeded']) {
    server.reset();
    folder = fs.mkdtempSync(path.join(temp, 'run-'));
    server.faults = [{ status: 400, body: `{"error":{"code":"${code}","message":"Not this."}}` }];
    const rows = answers(4);
    const { qualities } = await judge(rows);
    assert.is([...qualities!.values()].filter((quality) => quality === null).length, 1);
    assert.is(rowsOf().find(({ quality }) => quality === null).problem, 'refused: Not this.');
    assert.is(server.asked.length, 4);
  }
});

const FATAL: [Exclude<Fault, string | { content: unknown }>, RegExp][] = [
  [
    { status: 401, body: '{"error":{"message":"Wrong key."}}' },
    /401: Wrong key\.\nCheck OPENAI_API_KEY/,
  ],
  [
    { status: 403, body: '{"error":"Not in your country."}' },
    /403: Not in your country\.\nCheck OPENAI/,
  ],
  [{ status: 404, body: '{"message":"No model."}' }, /404: No model\.\nCheck OPENAI_BASE_URL/],
  [
    { status: 400, body: 'temperature?\n\nNo.' },
    /400: temperature\? No\.\nCheck TILLER_JUDGE_MODEL/,
  ],
  [
    { status: 302, headers: { Location: 'https://else.where/' } },
    /sends on to https:\/\/else\.where\//,
  ],
  [
    { status: 429, body: '{"error":{"type":"insufficient_quota","message":"Pay."}}' },
    /429: Pay\.\nThe account has no credit/,
  ],
  [{ status: 429, headers: { 'Retry-After': '86400' } }, /asks to come back in 24 h/],
];

for (const [fault, message] of FATAL) {
  test(`stops at once, and says what to do: ${fault.status} ${fault.body ?? ''}`, async () => {
    server.faults = [fault];
    const text = await refused();
    assert.match(text, message);
    assert.match(text, 'the same command goes on from there');
    assert.is(server.asked.length, 1);
    assert.equal(waits, []);
  });
}

test('what never comes right is given up, with what it was', async () => {
  const page = '<html>Welcome to our router</html>';
  server.faults = Array<Fault>(8).fill({ status: 200, body: page });
  assert.match(
    await refused(),
    /no chat completion \(<html>Welcome.*see OPENAI_BASE_URL \(tried 8/,
  );
  server.faults = Array<Fault>(8).fill({ status: 500 });
  assert.match(await refused(), /answers 500 \(tried 8 times\)/);
  assert.match(
    await refused(answers(1), endpoint('down', 'http://127.0.0.1:1/v1')),
    /no answer from 127\.0\.0\.1:1 .*tried 8 times/,
  );
});

test('the key is in no file and no line, even where the server repeats it', async () => {
  const faults: Fault[][] = [
    [{ content: `{"score": 5, "reason": "${KEY}"}` }],
    [{ status: 500, body: `Internal error with ${KEY}` }],
    Array<Fault>(3).fill({ content: KEY }),
    Array<Fault>(3).fill({ content: JSON.stringify({ score: KEY }) }),
    [{ status: 400, body: JSON.stringify({ error: { code: 'content_filter', message: KEY } }) }],
  ];
  const qualities: unknown[] = [];
  for (const [i, some] of faults.entries()) {
    server.faults = some;
    const judged = await judge(answers(1), endpoint(`m${i}`), { ...wire, quiet: 0 });
    qualities.push(...judged.qualities!.values());
  }
  const [usual] = expected(answers(1)).values();
  assert.equal(qualities, [4 / 9, usual, null, null, null]);
  assert.match(said, 'Internal error with <key>');
  server.faults = [{ status: 401, body: `${'-'.repeat(285)}${KEY}` }];
  const text = await refused(answers(1), endpoint('third'));
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.map((name) => path.join(folder, name));
  const written = files.filter((file) => fs.statSync(file).isFile());
  assert.ok(written.length >= 5);
  for (const file of written)
    assert.not.match(fs.readFileSync(file, 'utf8'), KEY.slice(0, 9), file);
  assert.not.match(said + text, KEY.slice(0, 9));
});

test('what was judged is kept: after a failure, only the rest is asked for', async () => {
  const rows = answers(20);
  const good = Array<Fault>(9).fill({ content: '{"score": 10}' });
  server.faults = [...good, ...Array<Fault>(20).fill({ status: 401 })];
  await refused(rows);
  assert.ok(server.asked.length <= 9 + 8, 'each of the eight asks no more when one is refused');
  const first = rowsOf();
  assert.is(first.length, 9);
  const file = path.join(folder, 'quality_org_some-judge/out.jsonl');
  const whole = fs.readFileSync(file, 'utf8');
  // Killed while it wrote.
  fs.writeFileSync(file, `${whole}{"id":"row 1`);
  server.reset();
  const { qualities } = await judge(rows);
  assert.ok(fs.readFileSync(file, 'utf8').startsWith(whole));
  assert.is(server.asked.length, 20 - first.length);
  assert.is(new Set(server.texts.map(({ query }) => query)).size, server.asked.length);
  const known = first.map(({ id, quality }): [string, number] => [id, quality]);
  assert.equal(qualities, new Map([...expected(rows), ...known]));
  server.reset();
  assert.equal((await judge(rows)).qualities, qualities);
  assert.is(server.asked.length, 0);
});

test('other responses are judged anew; another model has a folder of its own', async () => {
  await judge(answers(3));
  const changed = answers(3).map((row) => ({ ...row, response: `${row.response}!` }));
  assert.equal((await judge(changed)).qualities, expected(changed));
  assert.is(server.asked.length, 6);
  await judge(answers(2), endpoint('other'));
  assert.is(server.asked.length, 8);
  assert.is(readQualities(folder, 'other')?.size, 2);
  assert.is(readQualities(folder, 'org/some-judge')?.size, 3);
  assert.throws(
    () => readQualities(folder),
    /judged by org_some-judge and other\. Choose one: TILLER_JUDGE_MODEL=org_some-judge/,
  );
  assert.throws(() => readQualities(folder, 'third'), /judged by org_some-judge and other/);
});

test('the same model elsewhere is refused: it may be another one', async () => {
  await judge(answers(1));
  const text = await refused(answers(1), endpoint('org/some-judge', `${server.url}/other`));
  assert.match(text, /endpoint: "http:\/\/127.*\/v1" there, ".*\/v1\/other" now/);
  assert.is(server.asked.length, 1);
  assert.match(
    fs.readFileSync(path.join(folder, 'quality_org_some-judge/config.yaml'), 'utf8'),
    /prompt_version: \d/,
  );
});

test('the environment names the endpoint; what is wrong with it is said without the key', () => {
  const OPENAI_API_KEY = KEY;
  const TILLER_JUDGE_MODEL = 'gpt-4o';
  assert.equal(readEndpoint({ OPENAI_API_KEY, TILLER_JUDGE_MODEL }), {
    ...{ url: 'https://api.openai.com/v1', model: 'gpt-4o', key: KEY },
  });
  const local = { OPENAI_BASE_URL: ' http://localhost:8000/v1/ ', TILLER_JUDGE_MODEL: 'm' };
  assert.equal(readEndpoint(local), {
    url: 'http://localhost:8000/v1',
    model: 'm',
    key: undefined,
  });
  assert.is(readEndpoint({ ...local, OPENAI_API_KEY: `${KEY}\n` }).key, KEY);
  const wrong: [NodeJS.ProcessEnv, RegExp][] = [
    [{}, /set TILLER_JUDGE_MODEL/],
    [{ OPENAI_API_KEY, TILLER_JUDGE_MODEL: ' ' }, /set TILLER_JUDGE_MODEL/],
    [{ TILLER_JUDGE_MODEL }, /api\.openai\.com\/v1 needs a key: set OPENAI_API_KEY/],
    [{ TILLER_JUDGE_MODEL, OPENAI_API_KEY: `${KEY} and more` }, /OPENAI_API_KEY holds characters/],
    [{ ...local, OPENAI_BASE_URL: 'localhost:8000/v1' }, /OPENAI_BASE_URL must be an address/],
    [{ ...local, OPENAI_BASE_URL: `https://me:${KEY}@some.host/v1` }, /OPENAI_BASE_URL must be/],
    [{ ...local, OPENAI_BASE_URL: `https://some.host/v1?key=${KEY}` }, /OPENAI_BASE_URL must be/],
  ];
  for (const [env, message] of wrong) {
    try {
      readEndpoint(env);
      assert.unreachable(String(message));
    } catch (error) {
      assert.ok(error instanceof InputError, String(error));
      assert.match(error.message, message);
      assert.not.match(error.message, KEY);
    }
  }
});

test.run();
