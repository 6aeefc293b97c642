/** The paper's settings and numbers: `configs/paper`. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { presetNames } from '../../../../experiments/shared/command/help';
import { findPreset, published } from '../../../../experiments/shared/command/presets';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-presets-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

/** A folder that passes for a model. */
function folder(name: string): string {
  const dir = path.join(temp, name);
  fs.mkdirSync(dir, { recursive: true });
  fs.writeFileSync(path.join(dir, 'config.json'), '{}');
  return dir;
}

test('a model is known by alias, id and folder, in any case and at any revision', () => {
  const presets: Record<string, string[]> = {
    'phi-3': [
      ...['phi-3', 'phi-3.5', 'Phi-3-mini', 'microsoft/Phi-3-mini-4k-instruct'],
      ...[
        'microsoft/Phi-3.5-mini-instruct@main',
        folder('phi-3'),
        folder('a/Phi-3.5-MINI-instruct'),
      ],
    ],
    'gemma-2-2b': ['gemma-2-2b', 'google/gemma-2-2b@abc', folder('gemma-2-2b')],
    'gemma-2-2b-it': ['gemma-2-2b-it', folder('Gemma-2-2b-IT')],
    'gemma-2-9b': ['gemma-2-9b'],
    'gemma-2-9b-it': ['google/gemma-2-9b-it'],
    'mistral-7b-instruct': ['mistral', 'mistral-7b-instruct', folder('Mistral-7B-Instruct-v0.1')],
  };
  assert.equal(presetNames(), Object.keys(presets).sort());
  for (const [name, models] of Object.entries(presets)) {
    for (const model of models) assert.is(findPreset(model)?.name, name, model);
  }
  for (const model of ['tiny-gemma2', 'gpt2', 'mistral-v0.3', folder('gemma-2-2b-it-x')]) {
    assert.is(findPreset(model), undefined, model);
  }
});

test('a preset can be named, or done without', () => {
  assert.is(findPreset('tiny-gemma2', 'phi-3')?.name, 'phi-3');
  assert.is(findPreset('phi-3', 'gemma-2-2b')?.name, 'gemma-2-2b');
  assert.is(findPreset('phi-3', 'none'), undefined);
  assert.throws(
    () => findPreset('phi-3', 'gema-2-2b'),
    /no preset "gema-2-2b": gemma-2-2b, .*, or none\. Did you mean "gemma-2-2b"\?/,
  );
});

test('published shares are shares of n answers', () => {
  const tables: { n: number; cells: (number | null)[]; where: string }[] = [];
  for (const name of presetNames()) {
    const { format, keywords, length, composition } = published('none', name)!;
    const { n, cells } = format!;
    const others = Object.values(format!.by_vectors_of ?? {});
    for (const own of [cells, ...others]) tables.push({ n, cells: own, where: `${name} format` });
    const plain = { ...keywords, ...length };
    for (const [where, table] of Object.entries(plain)) tables.push({ ...table, where });
    const sentences = Object.values(length?.at_most?.by_sentences ?? {});
    for (const own of sentences) tables.push({ n: 200, cells: own, where: 'by_sentences' });
    for (const key of ['format', 'length', 'both'] as const) {
      if (composition) tables.push({ n: composition.n, cells: composition[key], where: key });
    }
  }
  assert.is(tables.length, 6 + 2 + 4 + 1 + 2 + 3);
  for (const { n, cells, where } of tables) {
    for (const share of cells) {
      if (share === null) continue;
      const nearest = (100 * Math.round((share / 100) * n)) / n;
      assert.ok(Math.abs(nearest - share) < 0.0501, `${where}: ${share} is no share of ${n}`);
    }
  }
});

test('published layers are of instructions that there are, in layers that the models have', () => {
  const layers = {
    'phi-3': 32,
    'gemma-2-2b-it': 26,
    'gemma-2-9b-it': 42,
    'mistral-7b-instruct': 32,
  };
  for (const [name, count] of Object.entries(layers)) {
    const { without, with: withIt } = published('none', name)!.format!.layers!;
    for (const [id, layer] of [...Object.entries(without), ...Object.entries(withIt)]) {
      assert.match(id, /^(detectable_format|change_case|punctuation|startend|language):\w+$/);
      assert.ok(Number.isInteger(layer) && layer > 0 && layer < count, `${name} ${id}: ${layer}`);
    }
  }
  assert.is(published('phi-3')?.format?.layers?.with['language:response_language_mr'], 14);
  assert.is(published('gemma-2-2b')?.format?.layers, undefined);
});

test.run();
