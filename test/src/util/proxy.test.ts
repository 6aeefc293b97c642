/** Proxies that the environment names. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { proxyFor } from '../../../src/util/proxy';
import { download, hub, said, succeeds, useFakeHub } from '../../weights/downloads';
import { FakeProxy } from '../../weights/fakeProxy';

useFakeHub(test);

const original = { ...process.env };
const fake = new FakeProxy(() => hub.url);
test.before(async () => {
  await fake.start();
});
test.after(() => fake.stop());

/** The proxy for an address, in an environment without other proxies. */
function proxy(address: string, variables: Record<string, string>): string | undefined {
  const others = Object.entries(original).filter(([name]) => !/_proxy$/i.test(name));
  process.env = { ...Object.fromEntries(others), ...variables };
  return proxyFor(new URL(address))?.href;
}

test('by scheme; small letters first; ALL_PROXY for what is left', () => {
  const both = { HTTP_PROXY: 'http://plain:1', HTTPS_PROXY: 'https://safe:2' };
  assert.is(proxy('http://a.example/x', both), 'http://plain:1/');
  assert.is(proxy('https://a.example/x', both), 'https://safe:2/');
  assert.is(proxy('https://a.example', { HTTP_PROXY: 'http://plain:1' }), undefined);
  assert.is(proxy('http://a.example', { HTTPS_PROXY: 'http://safe:2' }), undefined);
  assert.is(
    proxy('http://a.example', { ...both, http_proxy: 'http://small:3' }),
    'http://small:3/',
  );
  assert.is(proxy('https://a.example', { ALL_PROXY: 'http://all:4' }), 'http://all:4/');
  assert.is(proxy('https://a.example', { ...both, all_proxy: 'http://all:4' }), 'https://safe:2/');
  assert.is(proxy('https://a.example', { HTTPS_PROXY: '', https_proxy: '' }), undefined);
  assert.is(proxy('https://a.example', { HTTPS_PROXY: 'safe:2' }), 'http://safe:2/');
  assert.is(proxy('https://a.example', { https_proxy: 'http://me:pw@safe' }), 'http://me:pw@safe/');
});

test('NO_PROXY: hosts and all below them, with a port or without, or all', () => {
  const exempt = (address: string, list: string, name = 'NO_PROXY') =>
    proxy(address, { ALL_PROXY: 'http://p:1', [name]: list }) === undefined;
  for (const list of [
    'huggingface.co',
    '.huggingface.co',
    '*.huggingface.co',
    'x, HuggingFace.co',
  ]) {
    assert.ok(exempt('https://huggingface.co/a', list), list);
    assert.ok(exempt('https://cdn.huggingface.co/a', list), list);
    assert.not.ok(exempt('https://nothuggingface.co/a', list), list);
    assert.not.ok(exempt('https://huggingface.co.evil.example/a', list), list);
  }
  assert.ok(exempt('https://huggingface.co', 'huggingface.co:443'));
  assert.not.ok(exempt('https://huggingface.co:8443', 'huggingface.co:443'));
  assert.ok(exempt('http://127.0.0.1:8080', '127.0.0.1'));
  assert.ok(exempt('http://[::1]:8080', '::1'));
  assert.ok(exempt('http://[::1]:8080', '[::1]'));
  assert.ok(exempt('https://any.example', 'a b *'));
  assert.ok(exempt('https://a.example', 'a.example', 'no_proxy'));
  assert.not.ok(exempt('https://a.example', ''));
  assert.not.ok(exempt('https://a.example', ', ,'));
});

test('a proxy of another kind is refused, and its password not printed', () => {
  for (const HTTPS_PROXY of ['socks5://me:secret@p:1', 'http://me:secret@', 'ftp://me:secret@p']) {
    assert.throws(
      () => proxy('https://a.example', { HTTPS_PROXY }),
      (error: Error) =>
        error.name === 'InputError' &&
        error.message.startsWith('HTTPS_PROXY (or ALL_PROXY) is not') &&
        !error.message.includes('secret'),
    );
  }
});

test('a proxy that the environment names is used; NO_PROXY spares hosts', async () => {
  // Hosts that exist nowhere: only the proxy can answer for them.
  const address = new URL(fake.url);
  const withPassword = `http://me:p%40ss@${address.host}`;
  Object.assign(process.env, { HF_ENDPOINT: 'http://hub.invalid', HTTP_PROXY: withPassword });
  process.env.NO_PROXY = 'localhost, 127.0.0.1';
  await succeeds('org/model');
  const through = fake.requests.filter((line) => !line.startsWith('GET http://hub.invalid/'));
  assert.equal(through, [], 'the host of the large files is not asked for');
  assert.ok(fake.requests.some((line) => line.endsWith('/config.json')));
  const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  assert.equal(new Set(fake.authorizations), new Set([basic]));

  fake.reset();
  Object.assign(process.env, { HF_ENDPOINT: 'https://safe.invalid', HTTPS_PROXY: withPassword });
  assert.is(await download('org/other'), 1);
  assert.equal(new Set(fake.requests), new Set(['CONNECT safe.invalid:443']));
  assert.match(said, `no answer from safe.invalid by way of the proxy ${address.host} (`);
  assert.not.match(said, 'ss@');

  process.env.HF_ENDPOINT = 'https://other.invalid';
  process.env.HTTPS_PROXY = 'socks5://127.0.0.1:1';
  assert.is(await download('org/other'), 2);
  assert.match(said, /HTTPS_PROXY .* is not the address of an http or https proxy/);
});

test.run();
