/** The command against a Hub on this machine: what arrives, and what it says. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  commit,
  download,
  GIT_HELLO,
  home,
  hub,
  inCache,
  printed,
  root,
  SHA256_ABC,
  said,
  small,
  snapshot,
  succeeds,
  useFakeHub,
} from './downloads';
import { GOOD_TOKEN, STRANGER_TOKEN } from './fakeHub';

useFakeHub(test);

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

test.run();
