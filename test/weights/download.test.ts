/** weights/download.ts against a server on this machine that does all that networks do. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../src/util/random';
import { run } from '../../weights/download';
import { DATA_FILES, downloadData } from '../../weights/download/data';
import type { Network } from '../../weights/download/http';
import { FakeHub, GOOD_TOKEN, STRANGER_TOKEN } from './fakeHub';
import { FakeProxy } from './fakeProxy';

const root = path.join(__dirname, '../..');
const hub = new FakeHub();
const proxy = new FakeProxy(() => hub.url);
const commit = 'c0ffee'.repeat(7).slice(0, 40);
const random = seededRandom(1);
const weights = Buffer.from(Uint8Array.from({ length: 300_000 }, () => 256 * random()));
/** `printf abc | sha256sum`, and `printf 'hello\n' | git hash-object --stdin`. */
const SHA256_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const GIT_HELLO = 'ce013625030ba8dba906f756967f9e9ca394464a';

/** What the model's folder needs, and what else lies about on the Hub. */
const small = {
  'config.json': '{"model_type": "gemma2"}',
  'generation_config.json': '{}',
  'tokenizer.json': '{"model": {}}',
  'tokenizer_config.json': '{"bos_token": "<bos>"}',
  'chat_template.jinja': 'hello\n',
};
const unwanted = {
  '.gitattributes': '*.bin filter=lfs',
  'README.md': '# Model',
  'pytorch_model.bin': 'pickled',
  'model-q4.gguf': 'quantised',
  'onnx/model.onnx': 'a graph',
  'consolidated.safetensors': 'the same weights again',
};

let home = '';
let said = '';
let printed = '';
const original = { ...process.env };

test.before(async () => {
  await hub.start();
  await proxy.start();
});
test.after(() => {
  hub.stop();
  proxy.stop();
});
test.before.each(() => {
  hub.reset();
  proxy.reset();
  hub.models['org/model'] = {
    commit,
    revisions: ['refs/pr/1', '1.0'],
    files: { ...unwanted, ...small, 'model.safetensors': weights },
  };
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-download-'));
  for (const name of Object.keys(process.env)) {
    if (/^(HF_|HUGGING|XDG_|TILLER_DATA|TRANSFORMERS_)|_proxy$/i.test(name))
      delete process.env[name];
  }
  Object.assign(process.env, { HF_HOME: home, HF_ENDPOINT: `${hub.url}/` });
});
test.after.each(() => {
  process.env = { ...original };
  fs.rmSync(home, { recursive: true });
});

const network: Network = {
  delays: [0.01, 0.02, 0.03],
  stallSeconds: 60,
  out: {
    write: (text: string) => {
      said += text;
    },
  },
};

/** Runs the command; `said` is what it wrote to stderr, `printed` to stdout. */
const download = (...words: string[]) => downloadOver(network, ...words);

async function downloadOver(over: Network, ...words: string[]): Promise<number> {
  const { log } = console;
  said = '';
  printed = '';
  console.log = (text: string) => {
    printed += `${text}\n`;
  };
  try {
    return await run(words, over);
  } finally {
    console.log = log;
  }
}

const inCache = (...parts: string[]) => path.join(home, 'hub', 'models--org--model', ...parts);
const snapshot = (...parts: string[]) => inCache('snapshots', commit, ...parts);
const part = () =>
  fs.readdirSync(inCache('blobs')).filter((name) => name.endsWith('.incomplete')).length;

async function succeeds(...words: string[]) {
  assert.is(await download(...words), 0, said);
}

test('a model arrives in the layout of the Hugging Face cache, without the files of others', async () => {
  hub.models['org/model'].files['model.safetensors'] = 'abc';
  await succeeds('org/model');
  assert.is(printed, `${snapshot()}\n`);
  assert.equal(
    fs.readdirSync(snapshot()).sort(),
    [...Object.keys(small), 'model.safetensors'].sort(),
  );
  for (const [name, content] of Object.entries(small)) {
    assert.is(fs.readFileSync(snapshot(name), 'utf8'), content);
  }
  assert.is(fs.readlinkSync(snapshot('model.safetensors')), `../../blobs/${SHA256_ABC}`);
  assert.is(fs.readlinkSync(snapshot('chat_template.jinja')), `../../blobs/${GIT_HELLO}`);
  assert.is(fs.readdirSync(inCache('blobs')).length, 6);
  assert.is(fs.readFileSync(inCache('refs/main'), 'utf8'), commit);
  const fetched = hub.requests.filter(({ path: asked }) => asked.includes('/resolve/'));
  assert.is(fetched.length, 6);
});

test('a model that is here costs no request', async () => {
  await succeeds('org/model');
  hub.requests = [];
  await succeeds('org/model');
  await succeeds('org/model', '--revision', commit);
  assert.is(printed, `${snapshot()}\n`);
  assert.equal(hub.requests, []);
});

test('a model that another tool put into HF_HUB_CACHE is used as it is, offline', async () => {
  const cache = path.join(home, 'elsewhere');
  const folder = path.join(cache, 'models--openai-community--gpt2');
  const files = path.join(folder, 'snapshots', commit);
  fs.mkdirSync(files, { recursive: true });
  fs.mkdirSync(path.join(folder, 'refs'));
  fs.writeFileSync(path.join(folder, 'refs/main'), commit);
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json']) {
    fs.writeFileSync(path.join(files, name), '{}');
  }
  Object.assign(process.env, { HF_HUB_CACHE: cache, HF_ENDPOINT: 'http://127.0.0.1:1' });
  await succeeds('gpt2');
  assert.is(printed, `${files}\n`);

  fs.rmSync(path.join(files, 'model.safetensors'));
  process.env.HF_HUB_OFFLINE = '1';
  assert.is(await download('gpt2'), 2);
  assert.match(said, /HF_HUB_OFFLINE is set/);
});

test('a folder is not fetched', async () => {
  const folder = 'test/fixtures/gemma2-gqa';
  await succeeds(path.join(root, folder));
  assert.is(printed, `${path.join(root, folder)}\n`);
  assert.equal(hub.requests, []);
});

test('shards: those that the index names; weights last', async () => {
  const { files } = hub.models['org/model'];
  delete files['model.safetensors'];
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  for (const name of shards) files[name] = `bytes of ${name}`;
  files['model-00003-of-00003.safetensors'] = 'of an older split';
  const weightMap = { a: shards[0], b: shards[1], c: shards[0] };
  files['model.safetensors.index.json'] = JSON.stringify({ weight_map: weightMap });
  hub.faults[shards[1]] = [{ status: 404 }];
  assert.is(await download('org/model'), 2);
  assert.not.ok(fs.existsSync(inCache('refs')), 'no branch points at half a model');
  assert.ok(fs.existsSync(snapshot('tokenizer.json')));
  await succeeds('org/model');
  const wanted = [...Object.keys(small), ...shards, 'model.safetensors.index.json'];
  assert.equal(fs.readdirSync(snapshot()).sort(), wanted.sort());
  assert.is(hub.ranges(shards[0]).length, 1, 'the first shard is not fetched again');

  // A link that leads nowhere is a hole.
  fs.rmSync(fs.realpathSync(snapshot(shards[0])));
  await succeeds('org/model');
  assert.is(fs.readFileSync(snapshot(shards[0]), 'utf8'), `bytes of ${shards[0]}`);
  assert.is(hub.ranges(shards[1]).length, 2);

  // So is an index of which a byte is another.
  const index = fs.realpathSync(snapshot('model.safetensors.index.json'));
  fs.writeFileSync(index, fs.readFileSync(index, 'utf8').replace('weight_map', 'weight_mop'));
  await succeeds('org/model');
  assert.match(said, /damaged: model\.safetensors\.index\.json\./);
  assert.match(fs.readFileSync(snapshot('model.safetensors.index.json'), 'utf8'), 'weight_map');
});

test('an index that leads out of the folder, or to nothing, is refused', async () => {
  const { files } = hub.models['org/model'];
  delete files['model.safetensors'];
  for (const [name, message] of [
    ['../../../evil.safetensors', /no "weight_map" from tensors to files beside it/],
    ['gone.safetensors', /names gone\.safetensors, which is not there/],
  ] as const) {
    files['model.safetensors.index.json'] = JSON.stringify({ weight_map: { a: name } });
    fs.rmSync(inCache(), { recursive: true, force: true });
    assert.is(await download('org/model'), 2);
    assert.match(said, message);
  }
});

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

test('a stream that never ends up ends: bytes that drip are no progress', async () => {
  hub.faults['model.safetensors'] = Array(3).fill({ drip: 10 });
  const impatient = { ...network, delays: [0.01, 0.01], stallSeconds: 0.5, leastBytes: 100_000 };
  assert.is(await downloadOver(impatient, 'org/model'), 1);
  assert.match(said, /model\.safetensors: the connection broke \((only \d+ B|no data).* 0\.5 s\)/);
  assert.match(said, /\(tried 3 times\)\. Run the command again later/);
  // What came is kept.
  await succeeds('org/model');
  assert.equal(fs.readFileSync(snapshot('model.safetensors')), weights);
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
  assert.is(part(), 0);
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
    assert.is(part(), 0);
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
  hub.faults.api = [{ status: 429, headers: { 'Retry-After': '0' } }];
  const headers = { RateLimit: '"resolvers";r=0;t=0' };
  hub.faults['model.safetensors'] = [{ status: 429, headers }, { status: 500 }];
  await succeeds('org/model');
  assert.match(said, /org\/model: too many requests \(429\)\. Trying again in 0 s\./);
  assert.match(said, /model\.safetensors: too many requests \(429\)\. Trying again in 0 s\./);
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

test('gated models: what to do without a token, with a wrong one, without access', async () => {
  hub.models['org/model'].gated = true;
  assert.is(await download('org/model'), 2);
  assert.match(said, /org\/model is gated: .*accept them on http.*\/org\/model, make a token/);
  process.env.HF_TOKEN = STRANGER_TOKEN;
  assert.is(await download('org/model'), 2);
  assert.match(
    said,
    /may not read org\/model \(the Hub says: Access to this model is restricted\)/,
  );
  process.env.HF_TOKEN = 'expired';
  assert.is(await download('org/model'), 2);
  assert.match(said, /does not accept your access token/);
  delete process.env.HF_TOKEN;
  fs.writeFileSync(path.join(home, 'token'), `${GOOD_TOKEN}\n`);
  await succeeds('org/model');
});

test('the token goes to the Hub, and not to the host that it redirects to', async () => {
  process.env.HF_TOKEN = GOOD_TOKEN;
  await succeeds('org/model');
  for (const { host, authorization } of hub.requests) {
    assert.is(authorization, host === 'hub' ? `Bearer ${GOOD_TOKEN}` : undefined);
  }
  assert.is(hub.ranges('model.safetensors').length, 1);
});

test('the token does not go to another host that the list of files names', async () => {
  process.env.HF_TOKEN = GOOD_TOKEN;
  hub.nextPage = (url) => `${hub.cdnUrl}${url.pathname}${url.search}`;
  await succeeds('org/model');
  const elsewhere = hub.requests.filter(({ host, path: asked }) => {
    return host === 'cdn' && asked.startsWith('/api/');
  });
  assert.ok(elsewhere.length > 0);
  for (const { authorization } of elsewhere) assert.is(authorization, undefined);
  const ours = hub.requests.filter(({ host }) => host === 'hub');
  for (const { authorization } of ours) assert.is(authorization, `Bearer ${GOOD_TOKEN}`);
});

test('answers that are not those of a hub end with a line', async () => {
  const weightsOnly = { 'config.json': '{}', 'model.safetensors': weights };
  const cases: [set: () => void, RegExp][] = [
    [() => (hub.faults.api = [{ as: '<!doctype html><p>Log in' }]), /answers with a web page/],
    [() => (hub.faults.api = [{ as: 'hello' }]), /answers with something else in place of data/],
    [() => (hub.faults.api = [{ as: '' }]), /answers with something else/],
    [() => (hub.faults.api = [{ as: 'null' }]), /other data than those about the model/],
    [() => (hub.faults.api = [{ as: '[]' }]), /other data than those about the model/],
    [() => (hub.faults.api = [{ as: '{"sha": 7}' }]), /gives "7" for the commit of main/],
    [() => (hub.faults.api = ['endless']), /more came than 4\.00 MB/],
    [
      () => (hub.nextPage = ({ origin, pathname }) => `${origin}${pathname}?cursor=0`),
      /lists the files of org\/model without end/,
    ],
    [
      () => (hub.nextPage = ({ origin, pathname }) => `${origin}${pathname}?page=${random()}`),
      /lists the files of org\/model without end/,
    ],
    ...[undefined, null, -1, 1.5, '12', {}].map((size): [() => void, RegExp] => [
      () => {
        hub.models['org/model'].files = weightsOnly;
        hub.models['org/model'].listedSizes = { 'model.safetensors': size };
      },
      /gives ".*" for the size of model\.safetensors/,
    ]),
  ];
  for (const [set, message] of cases) {
    hub.reset();
    hub.models['org/model'] = { commit, files: { ...unwanted, ...small } };
    set();
    assert.is(await download('org/model'), 1, `${message}: ${said}`);
    assert.match(said, message);
    assert.match(said, /^[^\n]+\n$/, 'one line');
  }
});

test('what is not on the Hub', async () => {
  hub.models['org/hidden'] = { commit, files: small, private: true };
  const { 'model.safetensors': _, ...files } = hub.models['org/model'].files;
  hub.models['org/pickled'] = { commit, files };
  hub.models['org/data'] = { commit, files: { 'README.md': '' } };
  const cases: [string[], RegExp][] = [
    [['org/gone'], /no model org\/gone on .*needs an access token/],
    [['org/hidden'], /no model org\/hidden on .*private or gated/],
    [['org/model', '--revision', 'v9'], /org\/model has no revision "v9"/],
    [['org/pickled'], /has no model\.safetensors .*Its weights come as pytorch_model\.bin/],
    [['org/data'], /org\/data has no config\.json/],
  ];
  for (const [words, message] of cases) {
    assert.is(await download(...words), 2);
    assert.match(said, message);
  }
});

test('unusable command lines', async () => {
  const cases: [string[], RegExp][] = [
    [[], /Give one model/],
    [['phi-3', 'gpt2'], /Give one model/],
    [['gema-2-2b'], /Did you mean "gemma-2-2b"\?/],
    [['phi-3', '--revison', 'x'], /--revison/],
    [['phi-3', '--revision', '../../x'], /"\.\.\/\.\.\/x" is not a revision/],
    [['phi-3@a', '--revision', 'b'], /Give the revision once/],
    [['org/../x'], /neither an id on the Hub/],
  ];
  for (const [words, message] of cases) {
    assert.is(await download(...words), 2);
    assert.match(said, message);
    assert.equal(hub.requests, []);
  }
});

test('--revision: tags and pull requests keep their names', async () => {
  await succeeds('org/model', '--revision', 'refs/pr/1');
  await succeeds('org/model', '--revision', '1.0');
  assert.is(fs.readFileSync(inCache('refs/refs/pr/1'), 'utf8'), commit);
  assert.is(fs.readFileSync(inCache('refs/1.0'), 'utf8'), commit);
  assert.not.ok(fs.existsSync(inCache('refs/main')));
  assert.is(hub.ranges('model.safetensors').length, 1);
});

test('--update follows a branch that moved, and fetches what changed', async () => {
  await succeeds('org/model');
  const next = 'd'.repeat(40);
  const files = { ...hub.models['org/model'].files, 'config.json': '{"model_type": "phi3"}' };
  hub.models['org/model'] = { commit: next, files };
  hub.requests = [];
  await succeeds('org/model');
  assert.equal(hub.requests, []);
  await succeeds('org/model', '--update');
  const config = inCache('snapshots', next, 'config.json');
  assert.is(fs.readFileSync(config, 'utf8'), '{"model_type": "phi3"}');
  assert.is(fs.readFileSync(inCache('refs/main'), 'utf8'), next);
  assert.equal(hub.ranges('model.safetensors'), []);
  assert.is(hub.ranges('config.json').length, 1);
});

test('too little room on the disk is said before anything is fetched', async () => {
  hub.models['org/model'].listedSizes = { 'model.safetensors': 1e18 };
  assert.is(await download('org/model'), 2);
  assert.match(said, /^1000000000 GB are to be fetched, and \/.* left\. Make room/m);
  assert.equal(hub.ranges('model.safetensors'), []);
});

/** Each a way to spoil a file of the cache. */
const damages: [string, (file: string) => void][] = [
  ['emptied', (file) => fs.truncateSync(file)],
  ['cut short', (file) => fs.truncateSync(file, fs.statSync(file).size - 1)],
  [
    'one bit flipped',
    (file) => {
      const bytes = fs.readFileSync(file);
      bytes[bytes.length >> 1] ^= 1;
      fs.writeFileSync(file, bytes);
    },
  ],
];
for (const [what, damage] of damages) {
  test(`a file in the cache is ${what}: noticed, and fetched again`, async () => {
    await succeeds('org/model');
    for (const name of ['config.json', 'model.safetensors']) {
      damage(fs.realpathSync(snapshot(name)));
      process.env.HF_HUB_OFFLINE = '1';
      assert.is(await download('org/model'), 2);
      delete process.env.HF_HUB_OFFLINE;
      hub.requests = [];
      await succeeds('org/model');
      assert.match(said, `org/model is in the cache, but damaged: ${name}.`);
      assert.equal(
        fs.readFileSync(snapshot(name)),
        Buffer.from(hub.models['org/model'].files[name]),
      );
      const fetched = hub.requests.filter(({ path: asked }) => asked.includes('/signed/'));
      assert.is(fetched.length, name === 'config.json' ? 0 : 1, 'the others stay');
    }
    damage(fs.realpathSync(snapshot('tokenizer.json')));
    await succeeds('org/model', '--update');
    assert.is(fs.readFileSync(snapshot('tokenizer.json'), 'utf8'), small['tokenizer.json']);
  });
}

test('a blob that is there but wrong is not taken for the file', async () => {
  fs.mkdirSync(inCache('blobs'), { recursive: true });
  hub.models['org/model'].files['model.safetensors'] = 'abc';
  fs.writeFileSync(inCache('blobs', SHA256_ABC), 'abd');
  fs.writeFileSync(inCache('blobs', GIT_HELLO), 'hello\n');
  await succeeds('org/model');
  assert.is(fs.readFileSync(snapshot('model.safetensors'), 'utf8'), 'abc');
  assert.equal(hub.ranges('chat_template.jinja'), [], 'the right one is');
});

test('an unfinished file that is a link, or has another name, is not written through', async () => {
  hub.models['org/model'].files['model.safetensors'] = 'abc';
  const part = inCache('blobs', `${SHA256_ABC}.incomplete`);
  const mine = path.join(home, 'mine');
  for (const link of [fs.symlinkSync, fs.linkSync]) {
    fs.rmSync(inCache(), { recursive: true, force: true });
    fs.mkdirSync(inCache('blobs'), { recursive: true });
    fs.writeFileSync(mine, 'a');
    link(mine, part);
    hub.requests = [];
    await succeeds('org/model');
    assert.is(fs.readFileSync(mine, 'utf8'), 'a');
    assert.is(fs.readFileSync(snapshot('model.safetensors'), 'utf8'), 'abc');
    assert.equal(hub.ranges('model.safetensors'), [undefined], 'nor gone on with');
  }
});

test('a proxy that the environment names is used; NO_PROXY spares hosts', async () => {
  // Hosts that exist nowhere: only the proxy can answer for them.
  const address = new URL(proxy.url);
  const withPassword = `http://me:p%40ss@${address.host}`;
  Object.assign(process.env, { HF_ENDPOINT: 'http://hub.invalid', HTTP_PROXY: withPassword });
  process.env.NO_PROXY = 'localhost';
  await succeeds('org/model');
  const through = proxy.requests.filter((line) => !line.startsWith('GET http://hub.invalid/'));
  assert.equal(through, [], 'the host of the large files is not asked for');
  assert.ok(proxy.requests.some((line) => line.endsWith('/config.json')));
  const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  assert.equal(new Set(proxy.authorizations), new Set([basic]));

  proxy.reset();
  Object.assign(process.env, { HF_ENDPOINT: 'https://safe.invalid', HTTPS_PROXY: withPassword });
  assert.is(await download('org/other'), 1);
  assert.equal(new Set(proxy.requests), new Set(['CONNECT safe.invalid:443']));
  assert.match(said, `no answer from safe.invalid by way of the proxy ${address.host} (`);
  assert.not.match(said, 'ss@');

  process.env.HF_ENDPOINT = 'https://other.invalid';
  process.env.HTTPS_PROXY = 'socks5://127.0.0.1:1';
  assert.is(await download('org/other'), 2);
  assert.match(said, /HTTPS_PROXY .* is not the address of an http or https proxy/);
});

test('TRANSFORMERS_OFFLINE counts, too, and HF_HOME may begin with ~', async () => {
  process.env.TRANSFORMERS_OFFLINE = '1';
  assert.is(await download('org/model'), 2);
  assert.match(said, /TRANSFORMERS_OFFLINE is set, and org\/model is not whole in the cache/);
  assert.equal(hub.requests, []);
  delete process.env.TRANSFORMERS_OFFLINE;
  Object.assign(process.env, { HF_HOME: '$TILLER_DATA_TEST/hf', TILLER_DATA_TEST: home });
  await succeeds('org/model');
  assert.is(printed, `${path.join(home, 'hf/hub/models--org--model/snapshots', commit)}\n`);
});

test('a cache that cannot be written: one line, code 2', async () => {
  const file = path.join(home, 'file');
  fs.writeFileSync(file, '');
  for (const [HF_HOME, reason] of [
    [path.join(file, 'hf'), /is a file/],
    [path.join(home, 'n'.repeat(300)), /the name is too long/],
  ] as const) {
    process.env.HF_HOME = HF_HOME;
    assert.is(await download('org/model'), 2);
    assert.match(said, reason);
    assert.match(said, /^[^\n]+\n$/);
  }
});

test('a lock that a dead process left is taken over', async () => {
  const locks = path.join(home, 'hub/.locks/models--org--model');
  fs.mkdirSync(locks, { recursive: true });
  fs.writeFileSync(path.join(locks, 'tiller.lock'), `${os.hostname()} 999999999`);
  await succeeds('org/model');
  assert.equal(fs.readdirSync(locks), []);
});

test('data: prompt files, told apart from what a proxy sends', async () => {
  const folder = path.join(home, 'data');
  process.env.TILLER_DATA_URL = `${hub.url}/org/data/resolve/${commit}`;
  const files = Object.fromEntries(
    DATA_FILES.map(({ from }) => [from, from.endsWith('.txt') ? 'word\n' : '{"prompt": "x"}\n']),
  );
  hub.models['org/data'] = { commit, files };
  hub.faults[DATA_FILES[0].from] = [{ status: 500 }];
  await downloadData(folder, network);
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  assert.equal(
    names.filter((name) => name.includes('.')).sort(),
    DATA_FILES.map((f) => f.name).sort(),
  );
  said = '';
  await downloadData(folder, network);
  assert.not.match(said, 'changed');
  hub.faults[DATA_FILES[1].from] = [{ as: '<html>log in</html>' }];
  const failed = await downloadData(folder, network, { update: true }).catch((error) => error);
  assert.match(failed.message, /what came is not the file, but: <html>/);
  assert.match(said, /has changed since Tiller was tested with it/);
  const kept = fs.readFileSync(path.join(folder, DATA_FILES[1].name), 'utf8');
  assert.is(kept, '{"prompt": "x"}\n', 'the file from before stays');

  process.env.TILLER_DATA_URL = 'localhost';
  const wrong = await downloadData(folder, network, { update: true }).catch((error) => error);
  assert.match(wrong.message, /TILLER_DATA_URL is "localhost", not an address/);
  process.env.TILLER_DATA_URL = `${hub.url}/org/data/resolve/${commit}`;

  for (const broken of ['', '<html>', '{"prompt": "x"}\n{"prompt']) {
    fs.writeFileSync(path.join(folder, DATA_FILES[2].name), broken);
    hub.requests = [];
    await downloadData(folder, network);
    assert.is(hub.requests.length, 1, 'what is broken is fetched again');
    const now = fs.readFileSync(path.join(folder, DATA_FILES[2].name), 'utf8');
    assert.is(now, '{"prompt": "x"}\n');
  }
});

test.run();
