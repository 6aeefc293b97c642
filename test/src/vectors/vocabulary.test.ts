import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { loadTokenizer } from '../../../src/text/loadTokenizer';
import { seededRandom } from '../../../src/util/random';
import { project } from '../../../src/vectors/vocabulary';
import { Safetensors } from '../../../weights/safetensors';
import { makeModel } from '../../experiments/helpers';

const fixtures = path.join(__dirname, '../../fixtures');
const FIXTURES = fs
  .readdirSync(fixtures)
  .filter((name) => /^(gemma2|gpt2|mistral|phi3)-/.test(name));
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-vocabulary-'));
test.before(async () => {
  await useBackend();
});
test.after(() => fs.rmSync(temp, { recursive: true }));

/** unit · every row of the output layer, as the checkpoint's own files have it. */
function byHand(dir: string, unit: Float32Array): number[] {
  const file = Safetensors.openFolder(dir);
  const names = [...file.tensors.keys()];
  const { tie_word_embeddings: tied } = JSON.parse(
    fs.readFileSync(path.join(dir, 'config.json'), 'utf8'),
  );
  const head = tied === false ? names.find((name) => name === 'lm_head.weight') : undefined;
  const table = head ?? names.find((name) => /(^|\.)(embed_tokens|wte)\.weight$/.test(name))!;
  const values = file.readFloat32(table);
  file.close();
  return Array.from({ length: values.length / unit.length }, (_, row) =>
    unit.reduce((sum, x, i) => sum + x * values[row * unit.length + i], 0),
  );
}

test('tied and untied heads are covered', () => {
  const tied = FIXTURES.map((name) => {
    const config = fs.readFileSync(path.join(fixtures, name, 'config.json'), 'utf8');
    return JSON.parse(config).tie_word_embeddings;
  });
  assert.ok(tied.includes(false) && tied.includes(true), tied.join());
});

for (const name of FIXTURES) {
  test(`${name}: the output layer alone is unit · unembedding`, async () => {
    const dir = path.join(fixtures, name);
    const model = loadModel(dir);
    const random = seededRandom(3);
    const unit = Float32Array.from({ length: model.config.dModel }, () => random() - 0.5);
    const wanted = byHand(dir, unit);
    const tensor = tf.tidy(() => model.toVocabulary(tf.tensor3d(unit, [1, 1, unit.length])));
    const found = await tensor.data();
    assert.is(found.length, wanted.length);
    wanted.forEach((value, i) => {
      assert.ok(Math.abs(found[i] - value) < 1e-4 * (1 + Math.abs(value)), `${found[i]} ${value}`);
    });
    tensor.dispose();
    model.dispose();
  });
}

test('ten tokens at either end, the farthest first; ids without a token are left out', async () => {
  const dir = makeModel(path.join(temp, 'chars'));
  const [model, tokenizer] = [loadModel(dir), loadTokenizer(dir)];
  const random = seededRandom(5);
  const units = [1, 2].map(() =>
    Float32Array.from({ length: model.config.dModel }, () => random() - 0.5),
  );
  const before = tf.memory().numTensors;
  const found = await project(model, tokenizer, units, 10);
  assert.is(tf.memory().numTensors, before);
  const few = Object.create(tokenizer, { vocabSize: { value: 30 } });
  const [{ top, bottom }] = await project(model, few, units, 15);
  const ids = [...top, ...bottom].map(({ id }) => id).sort((a, b) => a - b);
  assert.equal(ids, [...Array(30).keys()]);
  units.forEach((unit, i) => {
    const scores = byHand(dir, unit).slice(0, tokenizer.vocabSize);
    const order = [...scores.keys()].sort((a, b) => scores[a] - scores[b]);
    assert.equal(
      found[i].bottom.map(({ id }) => id),
      order.slice(0, 10),
    );
    assert.equal(
      found[i].top.map(({ id }) => id),
      order.reverse().slice(0, 10),
    );
    const [{ id, text, score }] = found[i].top;
    assert.is(text, tokenizer.decode([id]));
    assert.ok(Math.abs(score - scores[id]) < 1e-4);
  });
  model.dispose();
});

test.run();
