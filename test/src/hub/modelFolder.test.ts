/** What `model_name=` and the command line accept: folders, aliases, ids on the Hub. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../../src/cli';
import { MODEL_ALIASES } from '../../../src/hub/aliases';
import { findModel } from '../../../src/hub/fingerprint';
import { hubCacheFolder, hubModelFolder } from '../../../src/hub/hubCache';
import { findModelFolder, modelName, parseHubModel } from '../../../src/hub/modelFolder';

const fixtures = path.join(__dirname, '../../fixtures');
const commit = 'a1'.repeat(20);
const original = { ...process.env };
let home = '';

test.before.each(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-models-'));
  for (const name of Object.keys(process.env)) {
    if (/^(HF_|HUGGING|XDG_)/.test(name)) delete process.env[name];
  }
  process.env.HF_HOME = home;
});
test.after.each(() => {
  process.env = { ...original };
  fs.rmSync(home, { recursive: true });
});

/** Puts a fixture into the cache, as the Python tools do. */
function cache(id: string, fixture: string, revision = 'main'): string {
  const folder = path.join(home, 'hub', `models--${id.replace('/', '--')}`);
  const snapshot = path.join(folder, 'snapshots', commit);
  fs.mkdirSync(path.join(folder, 'blobs'), { recursive: true });
  fs.mkdirSync(snapshot, { recursive: true });
  for (const name of fs.readdirSync(path.join(fixtures, fixture))) {
    fs.copyFileSync(path.join(fixtures, fixture, name), path.join(folder, 'blobs', name));
    fs.symlinkSync(`../../blobs/${name}`, path.join(snapshot, name));
  }
  const ref = path.join(folder, 'refs', revision);
  fs.mkdirSync(path.dirname(ref), { recursive: true });
  fs.writeFileSync(ref, commit);
  return snapshot;
}

function refused(given: string, message: RegExp) {
  assert.throws(
    () => findModelFolder(given),
    (error: Error) => error.name === 'InputError' && message.test(error.message),
  );
}

test('a folder with a config.json is itself, whatever it is called', () => {
  const dir = path.join(fixtures, 'gemma2-gqa');
  assert.equal(findModelFolder(dir), { name: 'gemma2-gqa', dir });
  assert.is(findModelFolder(`${dir}/`).name, 'gemma2-gqa');
});

test('an alias and its id lead to the same folder in the cache', () => {
  const dir = cache('microsoft/Phi-3-mini-4k-instruct', 'gemma2-gqa');
  const name = 'Phi-3-mini-4k-instruct';
  assert.equal(findModelFolder('phi-3'), { name, dir });
  assert.equal(findModelFolder('Phi-3'), { name, dir });
  assert.equal(findModelFolder('microsoft/Phi-3-mini-4k-instruct'), { name, dir });
  assert.equal(findModelFolder(dir), { name, dir }, 'the snapshot itself, too');
  const fingerprint = findModel(path.join(fixtures, 'gemma2-gqa')).fingerprint;
  assert.is(findModel('phi-3').fingerprint, fingerprint);
});

test('the command line takes an alias', async () => {
  cache('openai-community/gpt2', 'gemma2-gqa');
  const { log } = console;
  let out = '';
  console.log = (text: string) => {
    out += text;
  };
  const code = await run(['node', 'cli', 'inspect', 'gpt2', '--json']).finally(() => {
    console.log = log;
  });
  assert.is(code, 0);
  assert.is(JSON.parse(out).model, findModelFolder('gpt2').dir);
});

test('@revision: a branch, a tag or a commit', () => {
  const dir = cache('org/model', 'gemma2-gqa', 'refs/pr/1');
  assert.equal(findModelFolder('org/model@refs/pr/1'), { name: 'model@refs-pr-1', dir });
  assert.is(findModelFolder(`org/model@${commit}`).dir, dir);
  refused('org/model', /it has no "main"\. Fetch the rest with: .*download\.ts org\/model$/);
  refused('org/model@v2', /download\.ts org\/model --revision v2$/);
  refused('org/model@../x', /"\.\.\/x" is not a revision/);
});

test('a snapshot with holes is not a model', () => {
  const dir = cache('google/gemma-2-2b', 'gemma2-mqa-bf16-sharded');
  assert.is(findModelFolder('gemma-2-2b').dir, dir);
  const shard = 'model-00004-of-00006.safetensors';
  fs.rmSync(path.join(dir, '../../blobs', shard));
  refused('gemma-2-2b', new RegExp(`lacks ${shard}\\. Fetch the rest with: .* google/gemma-2-2b$`));
});

test('a model that is not here: the command that fetches it', () => {
  refused('gemma-2-9b-it', /google\/gemma-2-9b-it is not in the Hugging Face cache \(.*hub\)/);
  refused('gemma-2-9b-it', /npx ts-node weights\/download\.ts google\/gemma-2-9b-it$/);
  refused('some/folder', /nor is there a folder of that name/);
});

test('a folder without a config that could be an id, too', () => {
  refused('weights/tiny', /^weights\/tiny: the folder is there, but holds no config\.json/);
  refused('weights/tinny', /nor is there a folder of that name/);
});

test('names that are nothing', () => {
  refused('gema-2-2b', /There is no model "gema-2-2b".*Did you mean "gemma-2-2b"\?/);
  refused('no/such/folder', /no\/such\/folder: no such folder/);
  refused(__filename, /is not a folder/);
  refused(
    fixtures,
    /fixtures: the folder is there, but holds no config\.json.*Did you mean ".*"\?$/,
  );
  refused('', /must be text, not ""/);
  refused(undefined as unknown as string, /must be text, not undefined/);
});

test('results of an alias, an id and a folder go to the same place', () => {
  assert.is(modelName('gemma-2-2b-it'), 'gemma-2-2b-it');
  assert.is(modelName('google/gemma-2-2b-it'), 'gemma-2-2b-it');
  assert.is(modelName('some/where/my-model'), 'my-model');
  assert.is(modelName('phi-3'), 'Phi-3-mini-4k-instruct');
  assert.is(modelName(path.join(fixtures, 'gemma2-gqa')), 'gemma2-gqa');
});

test('every alias is a name of a model, in small letters', () => {
  for (const [alias, id] of Object.entries(MODEL_ALIASES)) {
    assert.is(alias, alias.toLowerCase());
    assert.equal(parseHubModel(alias), { id, revision: 'main' });
    assert.equal(parseHubModel(id), { id, revision: 'main' });
  }
});

test('HF_HUB_CACHE comes before HF_HOME, HF_HOME before XDG_CACHE_HOME', () => {
  process.env.XDG_CACHE_HOME = '/xdg';
  assert.is(hubModelFolder('a/b'), path.join(home, 'hub/models--a--b'));
  process.env.HF_HUB_CACHE = '/hub';
  assert.is(hubCacheFolder(), '/hub');
  delete process.env.HF_HUB_CACHE;
  delete process.env.HF_HOME;
  assert.is(hubCacheFolder(), '/xdg/huggingface/hub');
  delete process.env.XDG_CACHE_HOME;
  assert.is(hubCacheFolder(), path.join(os.homedir(), '.cache/huggingface/hub'));
});

test.run();
