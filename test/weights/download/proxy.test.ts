import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { proxyFor } from '../../../weights/download/proxy';

const original = { ...process.env };
test.after.each(() => {
  process.env = { ...original };
});

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

test.run();
