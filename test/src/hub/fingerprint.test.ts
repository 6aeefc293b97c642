import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fingerprintModel } from '../../../src/hub/fingerprint';
import { isModelFile, SMALL_FILES } from '../../../src/hub/modelFiles';
import { makeModel } from '../../experiments/helpers';

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

test('loading a model looks at no file that does not count', () => {
  const dir = makeModel(path.join(temp, 'watched'));
  // In a process of its own, so that it watches before anything else is loaded.
  const watch = path.join(temp, 'watch.js');
  fs.writeFileSync(
    watch,
    `const fs = require('node:fs'); const seen = new Set();
     for (const name of ['existsSync', 'readFileSync', 'openSync', 'statSync', 'readdirSync']) {
       const real = fs[name];
       fs[name] = (file, ...rest) => { seen.add(String(file)); return real(file, ...rest); };
     }
     process.on('exit', () => console.log('SEEN' + JSON.stringify([...seen])));`,
  );
  const code = `require('./test/experiments/helpers').openModel(${JSON.stringify(dir)})`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['-r', watch, '-r', 'ts-node/register', '-e', code],
    { cwd: path.join(__dirname, '../../..'), encoding: 'utf8' },
  );
  const list = /^SEEN(.*)$/m.exec(stdout)?.[1] ?? '';
  assert.ok(list, stderr);
  const seen = (JSON.parse(list) as string[])
    .filter((file) => path.dirname(file) === dir)
    .map((file) => path.basename(file));
  assert.ok(seen.includes('model.safetensors') && seen.includes('tokenizer.json'), list);
  assert.equal(
    seen.filter((name) => !isModelFile(name)),
    [],
  );
});

test.run();
