/** The ten lines of the README are the file in docs/examples, and do what they say. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadVectors } from '../../src';
import { readmeExample } from '../readme';

const file = path.join(__dirname, '../../docs/examples/steer.ts');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-readme-'));
test.after(() => fs.rmSync(folder, { recursive: true }));

test('the example in README.md is docs/examples/steer.ts', () => {
  assert.fixture(readmeExample('steer.ts'), fs.readFileSync(file, 'utf8'));
});

test('it answers in lowercase, and leaves the vectors in a file', () => {
  const tsNode = require.resolve('ts-node/dist/bin.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsNode, file], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
  assert.match(stdout, 'tomatoes');
  assert.is(stdout, stdout.toLowerCase());
  const { directions, provenance } = loadVectors(path.join(folder, 'lowercase.safetensors'));
  assert.equal([[...directions.keys()], provenance.pairs], [['lowercase'], '4']);
});

test.run();
