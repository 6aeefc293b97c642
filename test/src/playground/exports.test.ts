/** What the playground exports is run: the command line, as a shell reads it, and the config. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { script as custom } from '../../../experiments/custom/evaluate';
import { runScript } from '../../../experiments/shared/command/script';
import type { LanguageModel } from '../../../src/language/languageModel';
import type { Playground } from '../../../src/playground/playground';
import type { PlaygroundSettings } from '../../../src/playground/protocol';
import { readYaml } from '../../../src/runs/config';
import { TILLER } from '../../../src/util/invocation';
import { Shelf } from '../../../src/vectors/shelf';
import { saveVectors } from '../../../src/vectors/vectorFile';
import { printedBy } from '../../experiments/helpers';
import { refused } from '../../refusal';
import { runHere } from '../commands/runHere';
import { MODEL, ONE, openPlayground, openSmall, PAIRS, playAll, SETTINGS } from './helpers';

const root = path.join(__dirname, '../../..');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tiller's exports "));
const file = path.join(folder, 'one.safetensors');

let lm: LanguageModel;
let playground: Playground;
test.before(async () => {
  saveVectors(file, ONE);
  lm = await openSmall();
  const shelf = new Shelf(lm);
  shelf.add(file, ONE);
  const origins = new Map([['one.safetensors', { from: 'file' as const, path: file }]]);
  playground = openPlayground(lm, { shelf, origins, model: MODEL });
});
test.after(() => {
  fs.rmSync(folder, { recursive: true });
  lm.dispose();
});

/** The words of a command line, as a shell makes them. */
function wordsOf(command: string): string[] {
  assert.ok(command.startsWith(`${TILLER} `));
  const line = `printf '%s\\0' ${command.slice(TILLER.length)}`;
  const { stdout } = spawnSync('sh', ['-c', line], { encoding: 'utf8' });
  return stdout.split('\0').slice(0, -1);
}

const STEER: PlaygroundSettings['steer'] = [
  { file: 'one', layer: 2, weight: '3x', positions: 'generated' },
  { file: 'one', name: 'shout', layer: 4, kind: 'clamp', min: -1, max: 2 },
];

for (const [what, more] of [
  ['greedy', { prompt: "What's $HOME, and `this`?\nTell me.", style: 'raw' }],
  ['drawn', { prompt: '- first item', temperature: 0.8, topP: 0.9, seed: -3 }],
] as const) {
  test(`the command line writes the steered text, ${what}`, async () => {
    const settings = { ...SETTINGS, ...more, steer: STEER, maxNewTokens: 12 };
    const { command, unsaved } = await playground.exportAs(settings);
    const { told } = await playAll(playground, settings);
    const { code, out, err } = await runHere(wordsOf(command));
    assert.is(code, 0, err);
    assert.is(out, `${told.steered!.text}\n`, command);
    assert.equal(unsaved, []);
  });
}

test('it expects vectors of pairs under the name that the page saves them by', async () => {
  const { id } = await playground.makeVector(PAIRS);
  const settings = { ...SETTINGS, steer: [{ file: id, layer: 0, weight: '1.5x' as const }] };
  const { command, unsaved } = await playground.exportAs(settings);
  assert.equal(unsaved, [id]);
  fs.writeFileSync(path.join(folder, id), await playground.vectorFile(id));
  const { told } = await playAll(playground, settings);
  const start = process.cwd();
  process.chdir(folder);
  try {
    const { out } = await runHere(wordsOf(command));
    assert.is(out, `${told.steered!.text}\n`, command);
  } finally {
    process.chdir(start);
  }
});

test('the config says the same, in keys that the experiment has', async () => {
  const settings = { ...SETTINGS, steer: STEER, temperature: 1 };
  const { config } = await playground.exportAs(settings);
  const values = parse(config);
  const known = readYaml(path.join(root, 'configs/custom/evaluate.yaml'));
  for (const key of Object.keys(values)) assert.ok(key in known.content, key);
  assert.equal(values.prompts, [SETTINGS.prompt]);
  assert.equal(values.steering, [[`${file}@2*3x:generated`, `${file}:shout@4:clamp(-1,2)`]]);
  assert.is(values.max_generation_length, SETTINGS.maxNewTokens);
  assert.match(config, /temperature of the page is left out/);
});

for (const [what, steer] of [
  ['with edits', STEER],
  ['without', []],
] as const) {
  test(`experiments/custom takes the config, ${what}`, async () => {
    const { config } = await playground.exportAs({ ...SETTINGS, steer: [...steer] });
    const place = path.join(folder, 'playground.yaml');
    fs.writeFileSync(place, config);
    const said = await printedBy(() =>
      runScript(custom, [readYaml(place)], ['dry_run=true', 'perplexity_model=null']),
    );
    assert.match(said, `1 prompts, ${steer.length ? 2 : 1} rows`);
  });
}

test('an edit that no command line can say is refused', async () => {
  const steer = [{ file: 'one', layer: 2, source: 3, weight: 1 }];
  const message = await refused(playground.exportAs({ ...SETTINGS, steer }));
  assert.match(message, /one.safetensors can't be written as --steer/);
});

test.run();
