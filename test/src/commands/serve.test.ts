/** `serve` as a program: what it prints, answers and ends with. */
import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../../src/cli';
import { saveVectors } from '../../../src/vectors/vectorFile';
import { MODEL, vectorFile } from '../serve/helpers';

const root = path.join(__dirname, '../../..');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-serve-'));
const file = path.join(folder, 'one.safetensors');
test.before(() => {
  saveVectors(file, vectorFile(1));
  saveVectors(path.join(folder, 'narrow.safetensors'), vectorFile(1, 100));
});
test.after(() => fs.rmSync(folder, { recursive: true }));

/** Starts the program. @returns what it prints, and a promise of its exit code */
async function start(words: string[], env = {}) {
  const args = ['-r', 'ts-node/register', 'src/cli.ts', 'serve', MODEL, '--port', '0', ...words];
  const child: ChildProcess = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, TILLER_BACKEND: 'wasm', ...env },
  });
  const printed = { out: '', err: '' };
  child.stdout!.on('data', (data) => {
    printed.out += data;
  });
  child.stderr!.on('data', (data) => {
    printed.err += data;
  });
  const code = new Promise<number | null>((resolve) => child.on('close', resolve));
  await Promise.race([new Promise((resolve) => child.stdout!.once('data', resolve)), code]);
  return { child, printed, code, url: /http:\S+(?=\/v1)/.exec(printed.out)?.[0] ?? '' };
}

test('serve prints its address, a line for each request, and ends with 0 when told to', async () => {
  const words = ['--vectors', folder, '--steer', `${file}@3*1x`];
  const { child, printed, code, url } = await start(words, { TILLER_API_KEY: 'secret' });
  assert.match(
    printed.out,
    /^tiny-gemma2, steered on wasm: http:\/\/127.0.0.1:\d+\/v1\n$/,
    printed.err,
  );
  const headers = { 'Content-Type': 'application/json', Authorization: 'Bearer secret' };
  const ask = async (body: object) => {
    const asked = { model: MODEL, prompt: 'The sky is', temperature: 0, max_tokens: 8, ...body };
    const init = { method: 'POST', headers, body: JSON.stringify(asked) };
    const response = await fetch(`${url}/v1/completions`, init);
    return { status: response.status, text: await response.text() };
  };
  const textOf = ({ text }: { text: string }) => JSON.parse(text).choices[0].text;
  const steered = textOf(await ask({}));
  assert.is(textOf(await ask({ steering: ['one@3*1x'] })), steered);
  assert.is.not(textOf(await ask({ steering: [] })), steered);
  const narrow = await ask({ steering: ['narrow@3*1x'] });
  assert.is(narrow.status, 400);
  assert.match(narrow.text, /narrow can't be used: .*100 numbers/);
  child.kill('SIGTERM');
  assert.is(await code, 0, printed.err);
  const lines = printed.err.split('\n');
  assert.match(lines[0], /^narrow.safetensors is left out: .*have 100 numbers/);
  assert.match(
    lines[1],
    /^POST {2}\/v1\/completions {2}200 {2}\d+\.\d\d s {2}6 \+ \d tokens {2}[\d.]+ tokens\/s$/,
  );
});

test('serve refuses what it cannot use', async () => {
  const { error } = console;
  const printed: string[] = [];
  console.error = (line: string) => printed.push(line);
  try {
    for (const [words, message] of [
      [['--port', '70000'], /--port is "70000", not a port/],
      [['--queue', '0'], /--queue is "0"/],
      [['--api-key', 'a b'], /no spaces/],
      [['--steer', 'lost.safetensors@3*1x'], /there is no lost.safetensors/],
      [['--vectors', path.join(folder, 'lost')], /lost/],
      [['--hots', 'x'], /Did you mean "host"/],
    ] as const) {
      assert.is(await run(['node', 'tiller', 'serve', MODEL, ...words]), 2);
      assert.match(printed.pop()!, message);
    }
  } finally {
    console.error = error;
  }
});

test.run();
