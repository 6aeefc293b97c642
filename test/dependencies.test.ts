/** Who may import whom. The rules stand in one function, which is tried on planted violations. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = path.join(__dirname, '..');
const folders = [
  ...['src', 'models', 'weights', 'experiments', 'ifeval', 'bench', 'scripts', 'docs', 'test'],
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
    if (/\.(ts|json)$/.test(target)) return target;
    const room = `${target}/index.ts`;
    return fs.existsSync(path.join(root, room)) ? room : `${target}.ts`;
  });
}

const ours = /^(src|models|weights|experiments|ifeval|bench|scripts|docs|test)\/|\.(ts|json)$/;
const safetensors = 'weights/safetensors.ts';
const LOADERS = ['index.ts', 'index.browser.ts', 'webgpu/start.browser.ts'].map(
  (file) => `src/backend/${file}`,
);

/**
 * The house, floor by floor: what the files of a place may import of ours, beside files of the same
 * place. The innermost place of a file counts. It stands in docs/architecture.md, for people too.
 */
function readFloors(): Record<string, string[]> {
  const page = fs.readFileSync(path.join(root, 'docs/architecture.md'), 'utf8');
  const rows = page.matchAll(/^\| `([^`]+)` +\|(.*)\|$/gm);
  return Object.fromEntries(
    [...rows].map(([, place, known]) => [
      place,
      [...known.matchAll(/`([^`]+)`/g)].map(([, one]) => one),
    ]),
  );
}
const floors = readFloors();

const within = (target: string, place: string) =>
  target === place || target.startsWith(`${place}/`);

/** Why `file` may not import `target`; undefined when it may. */
function forbidden(file: string, target: string): string | undefined {
  if (target.startsWith('@tensorflow/')) {
    if (target.includes('/dist/')) return 'chained ops and other inner files of tfjs stay out';
    if (target !== '@tensorflow/tfjs-core' && !LOADERS.includes(file)) {
      return 'only src/backend loads a tfjs backend';
    }
    if (within(file, 'ifeval')) return 'ifeval knows no tfjs';
    if (file === safetensors || within(file, 'weights/safetensors'))
      return 'a file format knows no tensors';
  }
  if (within(file, 'test')) return undefined;
  if (!ours.test(target)) {
    const bare = within(file, 'src/nn') && target !== '@tensorflow/tfjs-core';
    return bare ? 'src/nn knows only tfjs-core' : undefined;
  }
  const places = Object.keys(floors).filter((place) => within(file, place));
  const place = places.reduce((a, b) => (b.length > a.length ? b : a), '');
  if (!place) return 'its place is on no floor; add it to the table in docs/architecture.md';
  const registry = ['models/architectures.ts', 'models/index.ts'].includes(file);
  if (place === 'models' && within(target, 'models') && !registry) {
    return 'a model knows no other model';
  }
  const allowed = [place, ...floors[place]].some((one) => within(target, one));
  return allowed ? undefined : `${place} may only know ${floors[place].join(', ') || 'itself'}`;
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
  assert.ok(sources.size > 20 && Object.keys(floors).length > 20);
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
  ['src/nn/a.ts', "import { x } from '../engine/model';"],
  ['src/nn/a.ts', "import * as fs from 'node:fs';"],
  ['src/util/a.ts', "import { x } from '../engine/model';"],
  ['src/backend/a.ts', "import { x } from '../engine/model';"],
  ['src/engine/a.ts', "import { x } from '../checkpoint/weights';"],
  ['src/engine/a.ts', "import { x } from '../../weights/safetensors';"],
  ['src/engine/a.ts', "import { loadModel } from '../../models/index';"],
  ['src/engine/a.ts', "import { loadModel } from '../../models';"],
  ['src/language/a.ts', "import { openModel } from '../../models/open';"],
  ['src/verify/a.ts', "export * from '../../models/gemma2';"],
  ['src/lost.ts', "import { x } from './util/errors';"],
  ['src/index.ts', "export { loadModel } from '../experiments/shared/session';"],
  ['src/cli.ts', "import { loadModel } from '../models';"],
  ['src/commands/a.ts', "import { x } from '../../experiments/length/evaluate';"],
  ['src/engine/a.ts', "const wasm = await import('@tensorflow/tfjs-backend-wasm');"],
  ['src/engine/a.ts', "const tf = require('@tensorflow/tfjs-node');"],
  ['src/engine/a.ts', "import * as tf from '@tensorflow/tfjs';"],
  [
    'src/backend/index.ts',
    "import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';",
  ],
  ['models/llama.ts', "import { x } from './gemma2';"],
  ['models/llama.ts', "import { x } from '../src/text/tokenizer';"],
  ['models/llama.ts', "import type { X } from '../experiments/shared/session';"],
  ['weights/safetensors.ts', "import * as tf from '@tensorflow/tfjs-core';"],
  ['weights/safetensors.ts', "import { forwardPass } from '../src/engine/model';"],
  ['weights/download/a.ts', "import { loadModel } from '../../models';"],
  ['weights/tiny/train.ts', "import { x } from '../../experiments/shared/data/questions';"],
  ['ifeval/check.ts', "import * as tf from '@tensorflow/tfjs-core';"],
  ['ifeval/check.ts', "import { InputError } from '../src/util/errors';"],
  ['experiments/format/a.ts', "import { x } from '../length/parts/plan';"],
  ['experiments/shared/a.ts', "import { x } from '../length/parts/plan';"],
  ['experiments/length/a.ts', "import { x } from '../../test/helpers';"],
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
