/** Who gets the token, and answers that are not those of a Hub. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../../src/util/random';
import {
  commit,
  download,
  hub,
  said,
  small,
  succeeds,
  unwanted,
  useFakeHub,
  weights,
} from '../downloads';
import { GOOD_TOKEN } from '../fakeHub';

useFakeHub(test);

const random = seededRandom(1);

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

test.run();
