/** What is in the cache already, whole or not. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  download,
  GIT_HELLO,
  home,
  hub,
  inCache,
  SHA256_ABC,
  said,
  small,
  snapshot,
  succeeds,
  useFakeHub,
} from '../downloads';

useFakeHub(test);

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

test.run();
