/** The prompt files. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DATA_FILES, downloadData } from '../../../weights/download/data';
import { commit, forget, home, hub, network, said, useFakeHub } from '../downloads';

useFakeHub(test);

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
  forget();
  await downloadData(folder, network);
  assert.not.match(said, 'changed');
  hub.faults[DATA_FILES[1].from] = [{ as: '<html>\u001b[2Jlog\nin</html>' }];
  const failed = await downloadData(folder, network, { update: true }).catch((error) => error);
  assert.match(failed.message, /what came is not the file, but: <html> \[2Jlog in<\/html>$/);
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
