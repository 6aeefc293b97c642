/** The wordings of the paper, downloaded: out of scripts, into files that the experiments read. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { loadKeywordPhrasings } from '../../../experiments/keywords/parts/vectors';
import {
  constraintInstruction,
  lengthInstructions,
  loadPhrasings,
} from '../../../experiments/length/parts/phrasings';
import { downloadPhrasings, PHRASINGS_FILES } from '../../../weights/download/phrasings';
import { refused as refusal } from '../../refusal';
import { commit, forget, home, hub, network, said, useFakeHub } from '../downloads';
import { olderScriptFiles, PINNED, scriptFiles } from './fakeScripts';

useFakeHub(test);

/** Serves these files, and names the folder for the download. */
function serve(files: Record<string, string>): string {
  process.env.TILLER_DATA_URL = `${hub.url}/org/data/resolve/${commit}`;
  hub.models['org/data'] = { commit, files };
  return path.join(home, 'data');
}
const read = (folder: string) =>
  ['length', 'keywords'].map((part) =>
    fs.readFileSync(path.join(folder, part, 'phrasings.yaml'), 'utf8'),
  );

test('out of the pinned scripts, by their newest or their older names', async () => {
  const folder = serve(scriptFiles());
  await downloadPhrasings(folder, network);
  assert.match(said, `read out of ${PINNED}/length/compute_representations.py and ${PINNED}/`);
  assert.not.match(said, 'may be others');
  const first = read(folder);
  assert.match(
    first[0],
    /^# The wordings of the paper's instructions.*\n#.*\n#.*evaluate.py\nlevels:/,
  );
  forget();
  hub.requests = [];
  await downloadPhrasings(folder, network);
  assert.is(hub.requests.length, 0, 'what is there stays');

  serve(olderScriptFiles());
  await downloadPhrasings(folder, network, { update: true });
  assert.match(said, `${PINNED}/keywords/compute_keywords_representations.py`);
  const body = (text: string) => text.replace(/^#.*\n/gm, '');
  assert.equal(read(folder).map(body), first.map(body));
});

test('what comes from main is said not to be the pinned version', async () => {
  const folder = serve(scriptFiles('main'));
  await downloadPhrasings(folder, network);
  assert.match(said, /main\/length\/evaluate.py is not of the version .* \(7c8ead8\)/);
  assert.match(read(folder)[1], 'main/keywords/compute_representations.py');
});

test('other wordings than those known are said to be others', async () => {
  const folder = serve(scriptFiles());
  await downloadPhrasings(folder, network);
  const others = /They are not the wordings that Tiller was written with/g;
  assert.is(said.match(others)?.length, 2);
  const [file] = PHRASINGS_FILES;
  const known = file.sha256;
  const json = JSON.stringify(parse(read(folder)[0]));
  file.sha256 = createHash('sha256').update(json).digest('hex');
  forget();
  await downloadPhrasings(folder, network, { update: true });
  file.sha256 = known;
  assert.is(said.match(others)?.length, 1);
});

test('the experiments read them', async () => {
  const folder = serve(scriptFiles());
  await downloadPhrasings(folder, network);
  for (const given of [folder, path.join(folder, 'length', 'phrasings.yaml')]) {
    const phrasings = loadPhrasings(given);
    const ask = (n: number) => constraintInstruction(phrasings, 'at_most', n, 1, 'key');
    assert.is(ask(1), 'Speak at most one time.');
    assert.is(ask(3), 'Speak at most 3 times.');
    const settings = { constraint_type: 'sentences', n_sent_max: 2, seed: 1 } as const;
    const drawn = lengthInstructions(phrasings, settings);
    assert.match(drawn.get('sentences_1')?.('key') ?? '', /^Say it once, way \d\.$/);
    assert.match(drawn.get('sentences_2')?.('key') ?? '', /^Say it 2 times, way \d\.$/);
    const levels = { ...settings, constraint_type: 'high-level' } as const;
    assert.equal(
      [...lengthInstructions(phrasings, levels).keys()],
      ['extremely_concise', 'concise', 'moderate', 'verbose', 'extremely_verbose'],
    );
  }
  assert.is(loadKeywordPhrasings(folder).include[0], 'Do say {w}, way 0.');
});

test('no script, a script without wordings, a broken file', async () => {
  const [length, ...others] = Object.entries(scriptFiles());
  const mainLength = Object.entries(scriptFiles('main'))[0];
  const folder = serve(Object.fromEntries(others));
  assert.match(
    await refusal(downloadPhrasings(folder, network)),
    /has no length\/compute_representations.py or .* at 7c8ead8 nor at main\. .*phrasings_path=<file>/,
  );
  serve(Object.fromEntries([[length[0], 'phrasings = []'], ...others]));
  const changed = await refusal(downloadPhrasings(folder, network));
  assert.match(
    changed,
    `the wordings in ${PINNED}/length/compute_representations.py can't be read`,
  );
  assert.match(changed, 'found are none');
  serve(Object.fromEntries([[length[0], 'phrasings = []'], ...others, mainLength]));
  await downloadPhrasings(folder, network);
  assert.match(said, 'main/length/compute_representations.py is not of the version');
  serve(scriptFiles());
  const file = path.join(folder, 'length', 'phrasings.yaml');
  for (const broken of ['', 'levels: {}', 'levels: [']) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, broken);
    await downloadPhrasings(folder, network);
    assert.ok(loadPhrasings(file));
  }
});

test.run();
