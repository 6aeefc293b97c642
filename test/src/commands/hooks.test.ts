/** `tiller hooks`, and the page that explains what it lists. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readDims } from '../../../models';
import { run } from '../../../src/cli';
import { type HookRow, hookNames, hookTable } from '../../../src/engine/hooks';

const root = path.join(__dirname, '../../..');

async function hooks(...words: string[]) {
  const { log, error } = console;
  const out: string[] = [];
  console.log = console.error = (text: string) => out.push(text);
  try {
    return { code: await run(['node', 'cli', 'hooks', ...words]), text: out.join('\n') };
  } finally {
    Object.assign(console, { log, error });
  }
}

/** A folder with a config alone: weights are not read. */
function configOf(fixture: string): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-hooks-'));
  const from = path.join(root, 'test/fixtures', fixture, 'config.json');
  fs.copyFileSync(from, path.join(dir, 'config.json'));
  return dir;
}

test('the points of a model, with its sizes, from its config alone', async () => {
  const dir = configOf('gemma2-gqa');
  const { code, text } = await hooks(dir);
  assert.is(code, 0);
  assert.match(text, /blocks\.L are blocks\.0 to blocks\.2/);
  assert.match(text, /^blocks\.L\.attn\.hook_k +batch, pos, 2, 16 +keys, not yet rotated$/m);
  assert.match(text, /^blocks\.L\.attn\.hook_pattern +batch, 4, pos, key +softmax/m);
  assert.match(text, /^blocks\.L\.mlp\.hook_post +batch, pos, 56 +neurons/m);
  assert.ok(text.split('\n').every((line) => line.length <= 80));
  fs.rmSync(dir, { recursive: true });
});

test('--json has the same, for every block by one name', async () => {
  const dir = path.join(root, 'test/fixtures/gpt2-bare-masks');
  const { code, text } = await hooks(dir, '--json');
  assert.is(code, 0);
  const { model, nLayers, points } = JSON.parse(text);
  assert.is(model, 'gpt2-bare-masks');
  assert.equal(points, hookTable(readDims(dir)));
  const inBlocks = (points as HookRow[]).map(({ name }) => name).filter((n) => /\.L\./.test(n));
  const all = Array.from({ length: nLayers }, (_, l) =>
    inBlocks.map((name) => name.replace('.L.', `.${l}.`)),
  );
  assert.equal(['hook_embed', ...all.flat(), 'ln_final.hook_normalized'], hookNames(nLayers));
});

test('a model that is not there', async () => {
  const { code, text } = await hooks('tiny-gema2');
  assert.is(code, 2);
  assert.match(text, /Did you mean "tiny-gemma2"\?/);
});

test('docs/hooks.md has every point, with its shorthand and shape', () => {
  const page = fs.readFileSync(path.join(root, 'docs/hooks.md'), 'utf8');
  const rows = page.matchAll(/^\| `([\w.]*hook_\w+)` +\| `(\w+)` +\| \[(.*?)\]/gm);
  const told = [...rows].map(([, name, shorthand, shape]) => ({ name, shorthand, shape }));
  const letters = { nLayers: 1, nHeads: 'H', kvHeads: 'K', headDim: 'd', dModel: 'D' };
  const dims = { ...letters, intermediateSize: 'F' } as unknown as Parameters<typeof hookTable>[0];
  const axes: Record<string, string> = { batch: 'B', pos: 'T', key: 'S' };
  const wanted = hookTable(dims).map(({ name, shorthand, shape }) => {
    return { name, shorthand, shape: shape.map((axis) => axes[axis] ?? axis).join(', ') };
  });
  assert.equal(told, wanted);
});

test.run();
