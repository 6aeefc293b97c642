/** Ways to find a vector, against what scikit-learn and repeng's steps find in the same activations. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  directionFromPairs,
  loadVectors,
  openModel,
  residPost,
  runWithCache,
  saveVectors,
} from '../../../src';
import { seededRandom } from '../../../src/util/random';
import { directionOf, dot } from '../../../src/vectors/direction';
import { FINDERS, METHODS, type Method } from '../../../src/vectors/finders';
import { heldOutAccuracy } from '../../../src/vectors/quality';
import { refusal, refused } from '../../refusal';

interface Fixture {
  positive: number[][];
  negative: number[][];
  directions: Record<string, number[][]>;
}
const file = path.join(__dirname, '../../fixtures/finders.json');
const fixture: Fixture = JSON.parse(fs.readFileSync(file, 'utf8'));
const floats = (rows: number[][]) => rows.map((row) => Float32Array.from(row));
const [positive, negative] = [floats(fixture.positive), floats(fixture.negative)];
const LAYERS = [2, 5];
const WIDTH = positive[0].length / 2;
const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
const at = (rows: Float32Array[], layer: number) =>
  rows.map((row) => row.subarray(layer * WIDTH, (layer + 1) * WIDTH));

for (const [method, wanted] of Object.entries(fixture.directions)) {
  test(`${method}: the direction and sign of the reference`, () => {
    const found = directionOf(positive, negative, LAYERS, FINDERS[method as Method]);
    for (const [layer, reference] of wanted.entries()) {
      const worst = Math.max(...reference.map((x, i) => Math.abs(x - found.unit[layer][i])));
      assert.ok(worst < 1e-6, `layer ${layer}: off by ${worst}`);
    }
  });
}

test('1x is what each method says', () => {
  for (const method of METHODS) {
    const { unit, norm, projectionWith, projectionWithout } = directionOf(
      ...([positive, negative, LAYERS, FINDERS[method]] as const),
    );
    for (const layer of [0, 1]) {
      const apart = at(positive, layer).map(
        (row, i) => dot(row, unit[layer]) - dot(at(negative, layer)[i], unit[layer]),
      );
      const means = projectionWith[layer] - projectionWithout[layer];
      const wanted = method.startsWith('pca')
        ? mean(apart.map(Math.abs))
        : method === 'mean_centered'
          ? means / 2
          : means;
      assert.ok(Math.abs(norm[layer] - wanted) < 1e-5 * wanted, `${method}: ${norm[layer]}`);
      assert.ok(Math.abs(dot(unit[layer], unit[layer]) - 1) < 1e-6);
      assert.ok(apart.filter((x) => x > 0).length > apart.length / 2, `${method}: the sign`);
    }
  }
});

test('a background takes the place of the mean of all texts', () => {
  const background = LAYERS.map((_, layer) => at(negative, layer)[3]);
  const found = directionOf(positive, negative, LAYERS, FINDERS.mean_centered, background);
  for (const layer of [0, 1]) {
    const difference = [...found.meanWith[layer]].map((x, i) => x - background[layer][i]);
    const long = Math.hypot(...difference);
    assert.ok(Math.abs(found.norm[layer] - long) < 1e-5 * long);
    difference.forEach((x, i) => {
      assert.ok(Math.abs(x / long - found.unit[layer][i]) < 1e-6);
    });
  }
});

test('of wide activations too, and as often as wanted, the probe tells all texts and is the same', () => {
  const random = seededRandom(8);
  const rows = (shift: number) =>
    Array.from({ length: 12 }, () =>
      Float32Array.from({ length: 900 }, (_, i) => 200 * (i % 2) + random() + (i < 40 ? shift : 0)),
    );
  const [a, b] = [rows(0.6), rows(0)];
  for (const method of METHODS) {
    const [once, twice] = [0, 1].map(() => directionOf(a, b, [0], FINDERS[method]));
    assert.equal(once, twice);
    if (method === 'pca_diff') continue;
    const middle = (once.projectionWith[0] + once.projectionWithout[0]) / 2;
    assert.ok(
      a.every((row) => dot(row, once.unit[0]) > middle),
      method,
    );
    assert.equal(heldOutAccuracy(a, b, [0], FINDERS[method]), [1], method);
  }
});

test('held-out accuracy is that of leaving out by hand', () => {
  // Along the first axis, the positive texts lie 1 higher, but for the last pair.
  const rows = (values: number[]) => values.map((x) => Float32Array.of(x, 0));
  const [a, b] = [rows([1, 1, 1, 1, -3]), rows([0, 0, 0, 0, 0])];
  // Without a pair of the first four: means 0 and 0, no direction.
  assert.equal(heldOutAccuracy(a, b, [0]), [null]);
  const [c, d] = [rows([1, 1, 1, 1, -1]), rows([0, 0, 0, 0, 0])];
  // Without one of the first four the means are 0.5 and 0, so 1 and 0 are told at the middle 0.25.
  // Without the last: middle 0.5; -1 is told wrongly, 0 rightly.
  assert.equal(heldOutAccuracy(c, d, [0]), [0.9]);
  assert.equal(heldOutAccuracy(c.slice(0, 1), d.slice(0, 1), [0]), [null]);
});

test('what determines no direction is refused, with the layer', () => {
  const rows = (...values: number[][]) => floats(values);
  const find = (method: Method, a: Float32Array[], b: Float32Array[]) =>
    refusal(() => directionOf(a, b, [7], FINDERS[method]));
  const zeros = rows([0, 0], [0, 0]);
  const same = rows([1, 2], [3, 4]);
  for (const method of METHODS) assert.match(find(method, same, same), /no direction at layer 7: /);
  // Two pairs that differ in like measure and at right angles.
  assert.match(
    find('pca_center', rows([1, 0], [0, 1]), zeros),
    /two principal components are equal/,
  );
  assert.match(find('pca_diff', rows([1, 2], [1, 2]), zeros), /all pairs differ in the same way/);
});

const questions = ['tomatoes', 'apples', 'red beans'].map((topic) => `How do I grow ${topic}?`);
const pairs = questions.map((text) => ({ positive: `${text} Be concise.`, negative: text }));

test('directionFromPairs: methods and positions are those of the activations, and travel', async () => {
  const lm = await openModel('tiny-gemma2');
  const h = (text: string) => {
    const ids = lm.encode(text);
    const { cache, logits } = runWithCache(lm.model, [ids], {
      names: (name) => name === residPost(2),
    });
    const [columns] = cache.get(residPost(2))!.arraySync() as number[][][];
    cache.dispose();
    logits.dispose();
    return columns;
  };
  const average = (columns: number[][]) =>
    columns[0].map((_, i) => mean(columns.map((column) => column[i])));
  const temp = fs.mkdtempSync(path.join(require('node:os').tmpdir(), 'tiller-finders-'));
  for (const positions of ['last', 'mean'] as const) {
    for (const method of METHODS) {
      const background = method === 'mean_centered' ? ['Hello there.', 'Two.'] : undefined;
      const vectors = await directionFromPairs(lm, pairs, {
        layers: [2],
        method,
        positions,
        background,
      });
      const { meanWith, unit } = vectors.directions.get('vector')!;
      const rows = pairs.map(({ positive }) => h(positive));
      const wanted = average(
        rows.map((columns) => (positions === 'last' ? columns.at(-1)! : average(columns.slice(1)))),
      );
      const size = Math.max(...wanted.map(Math.abs));
      wanted.forEach((x, i) => {
        assert.ok(Math.abs(x - meanWith[0][i]) < 1e-4 * size, `${positions} ${i}`);
      });
      assert.equal([vectors.provenance.method, vectors.provenance.positions], [method, positions]);
      assert.is(vectors.accuracy.length, 1);
      const place = path.join(temp, `${method}.safetensors`);
      saveVectors(place, vectors);
      assert.equal(loadVectors(place).directions.get('vector')!.unit, unit);
    }
  }
  fs.rmSync(temp, { recursive: true });
  const wrong = async (options: object, message: RegExp) =>
    assert.match(await refused(directionFromPairs(lm, pairs, options as never)), message);
  await wrong({ method: 'pca' }, /method is "pca", not one of mean_difference, pca_diff/);
  await wrong({ method: 'pca_dif' }, /Did you mean "pca_diff"/);
  await wrong({ positions: 'all' }, /positions is "all", not one of last, mean/);
  await wrong({ background: ['x'] }, /background is for the method mean_centered, not mean_diff/);
  await wrong({ method: 'mean_centered', background: [] }, /background has no texts/);
  lm.dispose();
});

test.run();
