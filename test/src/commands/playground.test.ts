/** `playground` as a program: the vectors that it finds, what it prints, and how it ends. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findModel } from '../../../src/hub/fingerprint';
import type { PlaygroundInfo } from '../../../src/playground/protocol';
import { saveVectors } from '../../../src/vectors/vectorFile';
import { MODEL, vectorFile } from '../serve/helpers';
import { runHere } from './runHere';

const root = path.join(__dirname, '../../..');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-playground-'));
const at = (...parts: string[]) => path.join(folder, ...parts);
test.before(() => {
  const own = vectorFile(1);
  own.provenance = { model: MODEL, model_fingerprint: findModel(MODEL).fingerprint };
  const others = { ...own, provenance: { model: 'other', model_fingerprint: '0123' } };
  saveVectors(at('vectors/one.safetensors'), own);
  saveVectors(at('vectors/narrow.safetensors'), vectorFile(1, 100));
  saveVectors(at('two.npz'), own);
  saveVectors(at(`runs/length/${MODEL}/representations/questions.safetensors`), own);
  saveVectors(at(`runs/format/${MODEL}/ivs/default.safetensors`), own);
  saveVectors(at('runs/format/other/ivs/default.safetensors'), others);
  fs.writeFileSync(at(`runs/format/${MODEL}/ivs/torn.safetensors`), 'torn');
});
test.after(() => fs.rmSync(folder, { recursive: true }));

test('playground prints its address, has the vectors of files and runs, and Ctrl-C ends it', async () => {
  const words = [
    ...[
      '--port',
      '0',
      '--runs',
      at('runs'),
      '--vectors',
      at('vectors'),
      '--vectors',
      at('two.npz'),
    ],
  ];
  const args = ['-r', 'ts-node/register', 'src/cli.ts', 'playground', MODEL, ...words];
  const env = { ...process.env, TILLER_BACKEND: 'wasm' };
  const child = spawn(process.execPath, args, { cwd: root, env });
  const printed = { out: '', err: '' };
  child.stdout.on('data', (data) => {
    printed.out += data;
  });
  child.stderr.on('data', (data) => {
    printed.err += data;
  });
  const code = new Promise((resolve) => child.on('close', resolve));
  await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), code]);
  const said =
    /^tiny-gemma2 on wasm, 4 vector files\. Open (http:\S+) in a browser; Ctrl-C ends it\.\n$/;
  assert.match(printed.out, said, printed.err);
  assert.match(printed.err, /narrow.safetensors is left out: .*100 numbers/);
  assert.match(printed.err, /torn.safetensors is left out: /);
  assert.match(printed.err, /runs: vector files of other models are left out \(1\)/);
  const url = said.exec(printed.out)![1];
  const { vectors } = (await (await fetch(`${url}/playground/info`)).json()) as PlaygroundInfo;
  assert.equal(
    vectors.map(({ id, from }) => `${id} ${from}`),
    [
      'format-ivs-default.safetensors run',
      'length-questions.safetensors run',
      'one.safetensors file',
      'two.npz file',
    ],
  );
  const page = await (await fetch(url)).text();
  assert.match(page, /<script type="module" src="main.js">/);
  assert.match(await (await fetch(`${url}/main.js`)).text(), /playground/);
  const steer = [{ file: 'length-questions', layer: 3, weight: '1x' }];
  const response = await fetch(`${url}/playground/export`, {
    ...{ method: 'POST', headers: { 'Content-Type': 'application/json' } },
    body: JSON.stringify({
      ...{ prompt: 'Tea?', steer, maxNewTokens: 8, temperature: 0, topP: 1, seed: 0 },
    }),
  });
  const { command, unsaved } = (await response.json()) as { command: string; unsaved: string[] };
  assert.ok(command.includes(`representations/questions.safetensors@3*1x`), command);
  assert.equal(unsaved, []);
  child.kill('SIGINT');
  assert.is(await code, 0, printed.err);
});

test('playground refuses what it cannot use', async () => {
  for (const [words, message] of [
    [['--port', 'x'], /--port is "x", not a port/],
    [['--vectors', at('lost')], /--vectors is ".*lost": there is no such file or folder/],
    [['--vectors', at('vectors/narrow.safetensors')], /have 100 numbers/],
    [['--runs', at('two.npz')], /which is no folder/],
    [['--steer', 'x'], /no option --steer/],
  ] as const) {
    const { code, err } = await runHere(['playground', MODEL, ...words]);
    assert.is(code, 2);
    assert.match(err, message);
  }
});

test.run();
