/** The prompt files. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checksumOf } from '../../../weights/download/checksum';
import { DATA_FILES, downloadData } from '../../../weights/download/data';
import { PHRASINGS_FILES } from '../../../weights/download/phrasings';
import { commit, forget, GIT_HELLO, home, hub, network, said, useFakeHub } from '../downloads';
import { scriptFiles } from './fakeScripts';

useFakeHub(test);

test('data: prompt files, told apart from what a proxy sends', async () => {
  const folder = path.join(home, 'data');
  process.env.TILLER_DATA_URL = `${hub.url}/org/data/resolve/${commit}`;
  const files = Object.fromEntries(
    DATA_FILES.map(({ from }) => [from, from.endsWith('.txt') ? 'word\n' : '{"prompt": "x"}\n']),
  );
  hub.models['org/data'] = { commit, files: { ...files, ...scriptFiles() } };
  hub.faults[DATA_FILES[0].from] = [{ status: 500 }];
  await downloadData(folder, network);
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  assert.equal(
    names.filter((name) => name.includes('.')).sort(),
    [...DATA_FILES, ...PHRASINGS_FILES].map((f) => f.name).sort(),
  );
  forget();
  await downloadData(folder, network);
  assert.not.match(said, 'changed');
  hub.faults[DATA_FILES[1].from] = [{ as: '<html>\u001b[2Jlog\nin</html>' }];
  const failed = await downloadData(folder, network, { update: true }).catch((error) => error);
  assert.match(failed.message, /what came is not the file, but: <html> \[2Jlog in<\/html>$/);
  assert.match(said, /has changed since Tiller was tested with it \(sha256 [0-9a-f]{64}, then /);
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

test("data: the augmented file is checked by git's id of it", async () => {
  const name = 'format/ifeval_augmented_filtered.jsonl';
  const file = DATA_FILES.find((one) => one.name === name)!;
  assert.equal(file.checksum, { kind: 'git', hex: '8543a958695604b31bab06a8feaf756edfd7baa7' });
  assert.is(file.from, `microsoft/llm-steer-instruct/main/data/${name}`);
  // The id of `hello`, by git itself.
  assert.is(checksumOf(Buffer.from('hello\n'), file.checksum), GIT_HELLO);

  const folder = path.join(home, 'data');
  process.env.TILLER_DATA_URL = `${hub.url}/org/data/resolve/${commit}`;
  const row = '{"uid": 1, "score": NaN}\n';
  const others = DATA_FILES.map(({ from }) => [from, from.endsWith('.txt') ? 'word\n' : row]);
  hub.models['org/data'] = { commit, files: { ...Object.fromEntries(others), ...scriptFiles() } };
  await downloadData(folder, network);
  assert.is(fs.readFileSync(path.join(folder, name), 'utf8'), row, 'JSON as Python writes it');
  const [, line] = said.split(`${name}: ${row.length} bytes\n`);
  // printf '{"uid": 1, "score": NaN}\n' | git hash-object --stdin
  assert.match(
    line,
    /^ {2}It has changed .*\(git blob 8cf532e994eee594d9f6f683bb21beae2e2a652c, then 8543a958/,
  );
  delete hub.models['org/data'].files[file.from];
  const failed = await downloadData(folder, network, { update: true }).catch((error) => error);
  assert.match(
    failed.message,
    /augmented_filtered.jsonl: the server answers 404. Has the file moved/,
  );
});

test.run();
