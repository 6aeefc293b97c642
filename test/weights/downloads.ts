/**
 * For tests of downloads: each has a fresh cache and a Hub on this machine, which holds `org/model`.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../src/util/random';
import { run } from '../../weights/download';
import type { Network } from '../../weights/download/http';
import { FakeHub } from './fakeHub';

export const root = path.join(__dirname, '../..');
export const hub = new FakeHub();
export const commit = 'c0ffee'.repeat(7).slice(0, 40);
const random = seededRandom(1);
export const weights = Buffer.from(Uint8Array.from({ length: 300_000 }, () => 256 * random()));
/** `printf abc | sha256sum`, and `printf 'hello\n' | git hash-object --stdin`. */
export const SHA256_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
export const GIT_HELLO = 'ce013625030ba8dba906f756967f9e9ca394464a';

/** What the model's folder needs, and what else lies about on the Hub. */
export const small = {
  'config.json': '{"model_type": "gemma2"}',
  'generation_config.json': '{}',
  'tokenizer.json': '{"model": {}}',
  'tokenizer_config.json': '{"bos_token": "<bos>"}',
  'chat_template.jinja': 'hello\n',
};
export const unwanted = {
  '.gitattributes': '*.bin filter=lfs',
  'README.md': '# Model',
  'pytorch_model.bin': 'pickled',
  'model-q4.gguf': 'quantised',
  'onnx/model.onnx': 'a graph',
  'consolidated.safetensors': 'the same weights again',
  'original/consolidated.00.pth': 'and again',
  'original/tokenizer.model': 'not read',
};

/** The folder of HF_HOME, fresh for each test. */
export let home = '';
/** What the last download wrote to stderr, and to stdout. */
export let said = '';
export let printed = '';

/** To be called once in a file of tests. */
export function useFakeHub(test: Test) {
  const original = { ...process.env };
  test.before(async () => {
    await hub.start();
  });
  test.after(() => hub.stop());
  test.before.each(() => {
    hub.reset();
    hub.models['org/model'] = {
      commit,
      revisions: ['refs/pr/1', '1.0'],
      files: { ...unwanted, ...small, 'model.safetensors': weights },
    };
    home = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-download-'));
    for (const name of Object.keys(process.env)) {
      const ofOthers = /^(HF_|HUGGING|XDG_|TILLER_DATA|TRANSFORMERS_)|_proxy$/i.test(name);
      if (ofOthers) delete process.env[name];
    }
    Object.assign(process.env, { HF_HOME: home, HF_ENDPOINT: `${hub.url}/` });
    forget();
  });
  test.after.each(() => {
    process.env = { ...original };
    fs.rmSync(home, { recursive: true });
  });
}

export const network: Network = {
  delays: [0.01, 0.02, 0.03],
  stallSeconds: 60,
  out: {
    write: (text: string) => {
      said += text;
    },
  },
};

/** Empties `said` and `printed`. */
export function forget() {
  said = '';
  printed = '';
}

/** Runs the command. @returns its exit code */
export const download = (...words: string[]) => downloadOver(network, ...words);

export async function downloadOver(over: Network, ...words: string[]): Promise<number> {
  const { log } = console;
  forget();
  console.log = (text: string) => {
    printed += `${text}\n`;
  };
  try {
    return await run(words, over);
  } finally {
    console.log = log;
  }
}

export async function succeeds(...words: string[]) {
  assert.is(await download(...words), 0, said);
}

/** In the cache's folder of `org/model`, and in the snapshot there. */
export const inCache = (...parts: string[]) =>
  path.join(home, 'hub', 'models--org--model', ...parts);
export const snapshot = (...parts: string[]) => inCache('snapshots', commit, ...parts);

/** How many files have come only in part. */
export const partsHere = () =>
  fs.readdirSync(inCache('blobs')).filter((name) => name.endsWith('.incomplete')).length;
