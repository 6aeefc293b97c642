/** Files over a network that does all that networks do. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fetchFile, type RemoteFile } from '../../../weights/download/file';
import {
  commit,
  download,
  downloadOver,
  home,
  hub,
  inCache,
  network,
  partsHere,
  root,
  said,
  snapshot,
  succeeds,
  useFakeHub,
  weights,
} from '../downloads';

useFakeHub(test);

test('a stream that is cut goes on where it stopped', async () => {
  hub.faults['model.safetensors'] = [
    { cutAfter: 100_000 },
    { status: 403 },
    { status: 503 },
    { cutAfter: 50_000 },
    { cutAfter: 0 },
  ];
  await succeeds('org/model');
  const expected = [100, 100, 100, 150, 150].map((thousand) => `bytes=${thousand}000-`);
  assert.equal(hub.ranges('model.safetensors'), [undefined, ...expected]);
  assert.equal(fs.readFileSync(snapshot('model.safetensors')), weights);
  assert.match(said, /model\.safetensors: the connection broke \(.*\)\. Trying again in 0\.01 s\./);
  assert.match(said, /localhost:\d+ answers 403/);
  assert.match(said, /the server answers 503/);
});

test('a stream that stalls goes on where it stopped', async () => {
  hub.faults['model.safetensors'] = [{ stallAfter: 1000 }];
  // Many attempts: a machine that is busy may be late, too.
  const impatient = { ...network, delays: Array(50).fill(0.01), stallSeconds: 0.5 };
  assert.is(await downloadOver(impatient, 'org/model'), 0, said);
  assert.match(said, /model\.safetensors: the connection broke \(.*0\.5 s\)\. Trying again/);
  assert.equal(fs.readFileSync(snapshot('model.safetensors')), weights);
});

test('a stream that drips ends: so few bytes are no progress', async () => {
  hub.faults['model.safetensors'] = Array(3).fill({ drip: 10 });
  const impatient = { ...network, delays: [0.01, 0.01], stallSeconds: 0.5, leastBytes: 100_000 };
  const remote: RemoteFile = {
    name: 'model.safetensors',
    url: `${hub.url}/org/model/resolve/${commit}/model.safetensors`,
    headers: {},
    size: weights.length,
    checksum: { kind: 'sha256', hex: createHash('sha256').update(weights).digest('hex') },
    explain: ({ status }) => new Error(String(status)),
  };
  const target = path.join(home, 'model.safetensors');
  const fetched = fetchFile(remote, target, impatient, () => {});
  const error = await fetched.then(
    () => new Error('it ended'),
    (reason: Error) => reason,
  );
  // A machine that is busy may be too slow for headers, too.
  assert.match(error.message, /^model\.safetensors: .*(only \d+ B came in|no data for) 0\.5 s\)/);
  assert.match(error.message, /\(tried 3 times\)\. Run the command again later/);
  hub.faults = {};
  await fetchFile(remote, target, network, () => {});
  assert.equal(fs.readFileSync(target), weights);
});

test('given up after some attempts without progress; the next run goes on', async () => {
  hub.faults['model.safetensors'] = [{ cutAfter: 70_000 }, ...Array(3).fill({ cutAfter: 0 })];
  assert.is(await download('org/model'), 1);
  assert.match(said, /model\.safetensors: .*broke.* \(tried 4 times\)\. Run the command again/);
  hub.requests = [];
  await succeeds('org/model');
  assert.equal(hub.ranges('model.safetensors'), ['bytes=70000-']);
  assert.equal(fs.readFileSync(snapshot('model.safetensors')), weights);
  assert.match(said, /70\.0 kB of it here/);
  assert.is(partsHere(), 0);
});

test('a killed download goes on where it stopped', async () => {
  hub.faults['model.safetensors'] = [{ stallAfter: 120_000 }];
  const script = ['-r', 'ts-node/register', 'weights/download.ts', 'org/model'];
  const child = spawn(process.execPath, script, { cwd: root, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  const blobs = inCache('blobs');
  const arrived = () =>
    fs.existsSync(blobs) &&
    fs.readdirSync(blobs).some((name) => {
      // It may have got another name in between.
      const stat = fs.statSync(path.join(blobs, name), { throwIfNoEntry: false });
      return stat?.size === 120_000;
    });
  while (!arrived() && child.exitCode === null) await new Promise((next) => setTimeout(next, 20));
  assert.is(child.exitCode, null);
  // While it lives, another one keeps away.
  assert.is(await download('org/model'), 2);
  assert.match(said, new RegExp(`Process ${child.pid} on .* is writing to the cache of org/model`));
  child.kill('SIGKILL');
  await ended;
  hub.requests = [];
  await succeeds('org/model');
  assert.equal(hub.ranges('model.safetensors'), ['bytes=120000-']);
  assert.equal(fs.readFileSync(snapshot('model.safetensors')), weights);
});

test('servers that ignore a range, or answer another one, do not spoil the file', async () => {
  for (const fault of ['ignore range', 'wrong range'] as const) {
    hub.faults['model.safetensors'] = [{ cutAfter: 1000 }, fault];
    await succeeds('org/model');
    assert.equal(fs.readFileSync(snapshot('model.safetensors')), weights);
    fs.rmSync(inCache(), { recursive: true });
  }
});

test('bytes with the wrong checksum are thrown away', async () => {
  const wrong = Buffer.from(weights);
  wrong[200_000] ^= 1;
  for (const [name, as] of [
    ['chat_template.jinja', 'hallo\n'],
    ['model.safetensors', wrong],
  ] as const) {
    hub.faults[name] = [{ as }];
    assert.is(await download('org/model'), 1);
    assert.match(said, `${name}: its checksum is`);
    assert.not.ok(fs.existsSync(snapshot(name)));
    assert.is(partsHere(), 0);
  }
  await succeeds('org/model');
  assert.equal(fs.readFileSync(snapshot('model.safetensors')), weights);
});

test('a part that went bad is fetched from the beginning', async () => {
  hub.faults['model.safetensors'] = [{ cutAfter: 1000 }, ...Array(3).fill({ cutAfter: 0 })];
  assert.is(await download('org/model'), 1);
  const blobs = inCache('blobs');
  const [name] = fs.readdirSync(blobs).filter((one) => one.endsWith('.incomplete'));
  fs.writeFileSync(path.join(blobs, name), Buffer.alloc(1000));
  hub.requests = [];
  await succeeds('org/model');
  assert.equal(hub.ranges('model.safetensors'), ['bytes=1000-', undefined]);
  assert.equal(fs.readFileSync(snapshot('model.safetensors')), weights);
  assert.match(said, /300 kB\/300 kB, .*took/, 'the bar counts no byte twice');
});

test('a file of another size than the Hub lists is refused', async () => {
  hub.faults['model.safetensors'] = Array(4).fill({ as: weights.subarray(0, 1000) });
  assert.is(await download('org/model'), 1);
  assert.not.ok(fs.existsSync(snapshot('model.safetensors')));
  hub.faults['model.safetensors'] = [{ as: Buffer.concat([weights, weights]) }];
  fs.rmSync(inCache('blobs'), { recursive: true });
  assert.is(await download('org/model'), 1);
  assert.match(said, /model\.safetensors: more came than the 300000 bytes announced/);
  assert.not.ok(fs.existsSync(snapshot('model.safetensors')));
});

test('too many requests: the wait that the server asks for', async () => {
  hub.faults.api = [{ status: 429, headers: { 'Retry-After': '0.2' } }];
  const headers = { RateLimit: '"resolvers";r=0;t=1' };
  hub.faults['model.safetensors'] = [{ status: 429, headers }, { status: 500 }];
  await succeeds('org/model');
  assert.match(said, /org\/model: too many requests \(429\)\. Trying again in 0\.2 s\./);
  assert.match(said, /model\.safetensors: too many requests \(429\)\. Trying again in 1 s\./);
  assert.match(said, /the server answers 500\. Trying again in 0\.02 s\./);
});

test('a server that stays broken, or is not there, ends in exit code 1', async () => {
  hub.faults.api = Array(9).fill({ status: 500 });
  assert.is(await download('org/model'), 1);
  assert.match(said, /org\/model: the server answers 500 \(tried 4 times\)/);
  process.env.HF_ENDPOINT = 'http://127.0.0.1:1';
  assert.is(await download('org/model'), 1);
  assert.match(said, /no answer from 127\.0\.0\.1:1 \(.*(ECONNREFUSED|bad port)/);
});

test.run();
