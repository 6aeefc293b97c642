/** Expected values: huggingface_hub 1.33 (constants.py, get_token) in the same environments. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  hubCacheFolder,
  hubEndpoint,
  hubHome,
  hubToken,
  offlineVariable,
} from '../../../src/hub/environment';
import { hubModelFolder } from '../../../src/hub/hubCache';

const original = { ...process.env };
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-environment-'));
fs.writeFileSync(path.join(temp, 'token'), ' hf_file \n');
fs.writeFileSync(path.join(temp, 'other'), 'hf_other\n');
test.after(() => fs.rmSync(temp, { recursive: true }));
test.after.each(() => setAll(original));

/** The real environment, which `os.homedir()` reads too. */
function setAll(variables: NodeJS.ProcessEnv) {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, variables);
}

/** What `read` gives in an environment without other variables of the Hub. */
function given<T>(variables: Record<string, string>, read: () => T): T {
  setAll({ HOME: '/home/me', ...variables });
  return read();
}

const braces = (name: string) => '$'.concat('{', name, '}');

test('the cache: ~ and $VARIABLE are expanded, the newer name comes first', () => {
  const no = braces('NO');
  const cases: [Record<string, string>, home: string, cache: string][] = [
    [{}, '/home/me/.cache/huggingface', '/home/me/.cache/huggingface/hub'],
    [{ HF_HOME: '~/hf' }, '/home/me/hf', '/home/me/hf/hub'],
    [{ HF_HOME: '~' }, '/home/me', '/home/me/hub'],
    [{ HF_HOME: 'a/~/b' }, 'a/~/b', 'a/~/b/hub'],
    [{ HF_HOME: '$HOME/hf' }, '/home/me/hf', '/home/me/hf/hub'],
    [{ HF_HOME: `/x/${braces('A')}_$A`, A: 'y' }, '/x/y_y', '/x/y_y/hub'],
    [{ HF_HOME: `/x$NOPE/${no}/$` }, `/x$NOPE/${no}/$`, `/x$NOPE/${no}/$/hub`],
    [{ HF_HOME: '~nobody-of-that-name' }, '~nobody-of-that-name', '~nobody-of-that-name/hub'],
    [{ XDG_CACHE_HOME: '~/c' }, '/home/me/c/huggingface', '/home/me/c/huggingface/hub'],
    [{ XDG_CACHE_HOME: '/c', HF_HOME: '/h' }, '/h', '/h/hub'],
    [{ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '~/old' }, '/h', '/home/me/old'],
    [{ HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '~/new', HF_HOME: '/h' }, '/h', '/home/me/new'],
    [{ HF_HUB_CACHE: '$A/new', HF_HOME: '/h', A: '/a' }, '/h', '/a/new'],
    [
      { HF_HOME: '', HF_HUB_CACHE: '' },
      '/home/me/.cache/huggingface',
      '/home/me/.cache/huggingface/hub',
    ],
  ];
  for (const [variables, home, cache] of cases) {
    assert.equal(
      given(variables, () => [hubHome(), hubCacheFolder()]),
      [home, cache],
    );
  }
  const root = fs.readFileSync('/etc/passwd', 'utf8').match(/^root:.*:(.*):/m)?.[1];
  if (root) assert.is(given({ HF_HOME: '~root/x' }, hubHome), `${root}/x`);
});

test('the token: two variables, then a file, whose name is expanded', () => {
  const cases: [Record<string, string>, string | undefined][] = [
    [{ HF_HOME: '/nowhere' }, undefined],
    [{ HF_HOME: temp }, 'hf_file'],
    [{ HF_HOME: temp, HF_TOKEN: ' hf_a\n', HUGGING_FACE_HUB_TOKEN: 'hf_b' }, 'hf_a'],
    [{ HF_HOME: temp, HUGGING_FACE_HUB_TOKEN: 'hf_b' }, 'hf_b'],
    [{ HF_HOME: temp, HF_TOKEN: '  ' }, 'hf_file'],
    [{ HF_HOME: temp, HF_TOKEN_PATH: '$T/other', T: temp }, 'hf_other'],
    [{ HF_HOME: temp, HF_TOKEN_PATH: '~/other', HOME: temp }, 'hf_other'],
    [{ HF_HOME: temp, HF_TOKEN_PATH: '/nowhere' }, undefined],
    [{ HF_TOKEN: 'hf_a', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }, undefined],
  ];
  for (const [variables, token] of cases) {
    assert.is(given(variables, hubToken), token, JSON.stringify(variables));
  }
  for (const HF_TOKEN of ['hf_ä', 'two words']) {
    assert.throws(() => given({ HF_TOKEN }, hubToken), /HF_TOKEN, .* is not a token/);
  }
  assert.throws(() => given({ HF_TOKEN_PATH: temp }, hubToken), /access token .* it is a folder/);
});

test('offline: the newer variable decides where it is set', () => {
  const cases: [Record<string, string>, string | undefined][] = [
    [{}, undefined],
    [{ HF_HUB_OFFLINE: 'On' }, 'HF_HUB_OFFLINE'],
    [{ HF_HUB_OFFLINE: '0', TRANSFORMERS_OFFLINE: '1' }, undefined],
    [{ HF_HUB_OFFLINE: '', TRANSFORMERS_OFFLINE: 'TRUE' }, 'TRANSFORMERS_OFFLINE'],
    [{ TRANSFORMERS_OFFLINE: 'yes' }, 'TRANSFORMERS_OFFLINE'],
    [{ TRANSFORMERS_OFFLINE: '2' }, undefined],
  ];
  for (const [variables, name] of cases) {
    assert.is(given(variables, offlineVariable), name, JSON.stringify(variables));
  }
});

test('the address of the Hub', () => {
  assert.is(given({}, hubEndpoint), 'https://huggingface.co');
  assert.is(given({ HF_ENDPOINT: 'http://m.example/x//' }, hubEndpoint), 'http://m.example/x');
  for (const HF_ENDPOINT of ['m.example', 'ftp://m.example', 'https://', 'http://a b']) {
    assert.throws(() => given({ HF_ENDPOINT }, hubEndpoint), /HF_ENDPOINT is ".*", not an address/);
  }
});

test('a folder of the cache is never outside of it', () => {
  for (const id of ['', '../x', 'a/../b', 'a/b/c', '/etc', 'a\\b', 'a b']) {
    assert.throws(() => hubModelFolder(id), /is not the id of a model/);
  }
});

test.run();
