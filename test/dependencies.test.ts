/** Who may import whom. The rules stand in one function, which is tried on planted violations. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = path.join(__dirname, '..');
const folders = [
  ...['src', 'models', 'weights', 'experiments', 'ifeval', 'bench', 'scripts', 'test'],
];

/** Files by path from the root (`src/nn/rope.ts`), with their text. */
type Sources = Map<string, string>;

function readSources(): Sources {
  const sources: Sources = new Map();
  for (const folder of folders.filter((name) => fs.existsSync(path.join(root, name)))) {
    const names = fs.readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });
    for (const name of names.filter((entry) => entry.endsWith('.ts'))) {
      const file = path.posix.join(folder, name.split(path.sep).join('/'));
      sources.set(file, fs.readFileSync(path.join(root, file), 'utf8'));
    }
  }
  return sources;
}

/** What a file imports, static, dynamic or by require: packages by name, our files by path. */
function importsOf(file: string, text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => {
    if (!fileName.startsWith('.')) return fileName;
    const target = path.posix.join(path.posix.dirname(file), fileName);
    if (folders.includes(target)) return `${target}/index.ts`;
    return /\.(ts|json)$/.test(target) ? target : `${target}.ts`;
  });
}

const ours = /^(src|models|weights|experiments|ifeval|bench|scripts|test)\/|\.(ts|json)$/;
const safetensors = 'weights/safetensors.ts';
const halfFloat = 'weights/halfFloat.ts';

/** Why `file` may not import `target`; undefined when it may. */
function forbidden(file: string, target: string): string | undefined {
  if (target.startsWith('@tensorflow/')) {
    if (target.includes('/dist/')) return 'chained ops and other inner files of tfjs stay out';
    if (target !== '@tensorflow/tfjs-core' && file !== 'src/backend.ts') {
      return 'only src/backend.ts loads a tfjs backend';
    }
  }
  const from = (folder: string) => file.startsWith(`${folder}/`);
  const to = (...places: string[]) =>
    places.some((place) => target === place || target.startsWith(`${place}/`));
  if (from('test')) return undefined;
  if (to('test')) return 'nothing but tests imports tests';
  if (to('experiments') && !from('experiments')) return 'nothing but tests imports experiments';
  if (from('src/nn')) {
    return to('src/nn', '@tensorflow/tfjs-core') ? undefined : 'src/nn knows only tfjs-core';
  }
  if (file === safetensors) {
    return to('node:fs', 'node:path', 'src/errors.ts', halfFloat)
      ? undefined
      : `${safetensors} is a file format, and knows no tensors or models`;
  }
  if (from('ifeval')) {
    return (ours.test(target) && !to('ifeval')) || to('@tensorflow')
      ? 'ifeval knows nothing of ours and no tfjs'
      : undefined;
  }
  if (!ours.test(target)) return undefined;
  if (from('src')) {
    const entry = file === 'src/cli.ts' && to('models', 'ifeval');
    return entry || to('src', safetensors) ? undefined : 'src knows src and the weights format';
  }
  if (from('models')) {
    const registry = file === 'models/index.ts' && to('models');
    return registry || to('src', safetensors) ? undefined : 'a model knows src, and no other model';
  }
  return undefined;
}

function violations(sources: Sources): string[] {
  return [...sources].flatMap(([file, text]) =>
    importsOf(file, text).flatMap((target) => {
      const reason = forbidden(file, target);
      return reason ? [`${file} imports ${target}: ${reason}`] : [];
    }),
  );
}

/** The first circle of imports found, as the files along it; empty when there is none. */
function findCycle(sources: Sources): string[] {
  const done = new Set<string>();
  const walk = (file: string, trail: string[]): string[] => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
    if (done.has(file) || !sources.has(file)) return [];
    for (const target of importsOf(file, sources.get(file)!)) {
      const cycle = walk(target, [...trail, file]);
      if (cycle.length) return cycle;
    }
    done.add(file);
    return [];
  };
  for (const file of sources.keys()) {
    const cycle = walk(file, []);
    if (cycle.length) return cycle;
  }
  return [];
}

/** An import of our own that names no file would slip through the rules. */
function unresolved(sources: Sources): string[] {
  return [...sources].flatMap(([file, text]) =>
    importsOf(file, text)
      .filter((target) => ours.test(target) && !fs.existsSync(path.join(root, target)))
      .map((target) => `${file} imports ${target}, which is not there`),
  );
}

const sources = readSources();

test('every import follows the dependency direction', () => {
  assert.ok(sources.size > 20);
  assert.equal(violations(sources), []);
  assert.equal(unresolved(sources), []);
});

test('no file imports itself through others', () => {
  assert.equal(findCycle(sources), []);
});

test('tfjs-core is imported whole, under the name tf', () => {
  for (const [file, text] of sources) {
    for (const line of text.match(/^import .* from '@tensorflow\/tfjs-core';$/gm) ?? []) {
      assert.match(line, /^import (type )?\* as tf from /, file);
    }
  }
});

const planted: [string, string][] = [
  ['src/nn/a.ts', "import { x } from '../model';"],
  ['src/nn/a.ts', "import * as fs from 'node:fs';"],
  ['src/a.ts', "import { loadModel } from '../models/index';"],
  ['src/a.ts', "import { loadModel } from '../models';"],
  ['src/a.ts', "export * from '../models/gemma2';"],
  ['src/cli.ts', "import { x } from '../experiments/length/evaluate';"],
  ['src/a.ts', "const wasm = await import('@tensorflow/tfjs-backend-wasm');"],
  ['src/a.ts', "const tf = require('@tensorflow/tfjs-node');"],
  ['src/a.ts', "import * as tf from '@tensorflow/tfjs';"],
  ['src/a.ts', "import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';"],
  ['models/llama.ts', "import { x } from './gemma2';"],
  ['models/llama.ts', "import type { X } from '../experiments/shared/session';"],
  ['weights/safetensors.ts', "import * as tf from '@tensorflow/tfjs-core';"],
  ['weights/safetensors.ts', "import { forwardPass } from '../src/model';"],
  ['weights/tiny/train.ts', "import { x } from '../../experiments/shared/data';"],
  ['ifeval/check.ts', "import * as tf from '@tensorflow/tfjs-core';"],
  ['ifeval/check.ts', "import { InputError } from '../src/errors';"],
  ['experiments/a.ts', "import { x } from '../test/helpers';"],
];

for (const [file, line] of planted) {
  test(`refused: ${file}: ${line}`, () => {
    assert.is(violations(new Map([[file, `${line}\n`]])).length, 1);
  });
}

test('a planted circle is found', () => {
  const circle: Sources = new Map([
    ['src/a.ts', "import { b } from './b';"],
    ['src/b.ts', "export { c } from './nn/c';"],
    ['src/nn/c.ts', "import { a } from '../a';"],
  ]);
  assert.equal(findCycle(circle), ['src/a.ts', 'src/b.ts', 'src/nn/c.ts', 'src/a.ts']);
  circle.set('src/nn/c.ts', '');
  assert.equal(findCycle(circle), []);
});

test.run();
