import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fingerprintModel } from '../../../experiments/shared/provenance';
import { isModelFile, SMALL_FILES } from '../../../src/hub/modelFiles';
import { makeModel, openModel } from '../helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-provenance-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

test('every file that a model is read from counts, and no other', () => {
  const dir = makeModel(path.join(temp, 'all'));
  const change = (name: string) => {
    const file = path.join(dir, name);
    const before = fs.existsSync(file) ? fs.readFileSync(file) : undefined;
    fs.appendFileSync(file, ' ');
    const mark = fingerprintModel(dir);
    if (before) fs.writeFileSync(file, before);
    else fs.rmSync(file);
    return mark;
  };
  const mark = fingerprintModel(dir);
  const weights = [
    'model.safetensors',
    'model.safetensors.index.json',
    'model-00001-of-2.safetensors',
  ];
  const marks = [...SMALL_FILES, ...weights].map(change);
  assert.is(new Set([mark, ...marks]).size, marks.length + 1);
  assert.is(fingerprintModel(dir), mark);
  for (const name of [
    'README.md',
    'model.safetensors.1.tmp',
    'training.log',
    'pytorch_model.bin',
  ]) {
    assert.is(change(name), mark, name);
  }
  // Larger files are sampled: a change of size, and of what is sampled, shows.
  const big = path.join(dir, 'model-00002-of-2.safetensors');
  fs.writeFileSync(big, Buffer.alloc(65 * 2 ** 20));
  const large = fingerprintModel(dir);
  const handle = fs.openSync(big, 'r+');
  fs.writeSync(handle, 'x', 0);
  assert.not.equal(fingerprintModel(dir), large);
  fs.closeSync(handle);
});

test('loading a model looks at no file that does not count', async () => {
  const dir = makeModel(path.join(temp, 'watched'));
  const seen = new Set<string>();
  const watched = ['existsSync', 'readFileSync', 'openSync', 'statSync', 'readdirSync'] as const;
  const originals = watched.map((name) => fs[name]);
  for (const [i, name] of watched.entries()) {
    (fs as Record<string, unknown>)[name] = (file: unknown, ...rest: unknown[]) => {
      if (String(file).startsWith(dir)) seen.add(path.relative(dir, String(file)));
      return (originals[i] as (...args: unknown[]) => unknown)(file, ...rest);
    };
  }
  try {
    await openModel(dir);
  } finally {
    for (const [i, name] of watched.entries()) (fs as Record<string, unknown>)[name] = originals[i];
  }
  assert.ok(seen.has('model.safetensors') && seen.has('tokenizer.json'), [...seen].join());
  const others = [...seen].filter((name) => name && !isModelFile(name));
  assert.equal(others, []);
});

test.run();
