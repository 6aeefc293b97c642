import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { principalComponents } from '../../../experiments/paper/parts/geometry';
import { seededRandom } from '../../../src/util/random';
import { cosine, cosines } from '../../../src/vectors/cosine';

const near = (a: number, b: number, tolerance = 1e-6) =>
  assert.ok(Math.abs(a - b) <= tolerance, `${a} for ${b}`);
const vector = (...values: number[]) => Float32Array.from(values);

test('cosines by definition', () => {
  near(cosine(vector(3, 4), vector(4, 3)), 24 / 25);
  near(cosine(vector(1, 0, 2), vector(-2, 0, -4)), -1);
  const table = cosines([vector(1, 0), vector(1, 1)], [vector(0, 7), vector(2, 0), vector(-1, -1)]);
  [
    [0, 1, -Math.SQRT1_2],
    [Math.SQRT1_2, Math.SQRT1_2, -1],
  ].forEach((row, i) => {
    for (const [j, value] of row.entries()) near(table[i][j], value);
  });
  assert.throws(() => cosine(vector(0, 0), vector(1, 0)), /no direction/);
});

test('components of a cross on its side, worked out by hand', () => {
  // Along (3, 4)/5 the points are at ±10, across at ±5: of the squares 200 and 50.
  const points = [vector(6, 8), vector(-6, -8), vector(-4, 3), vector(4, -3)];
  const shifted = points.map((point) => point.map((x, i) => x + [100, -7][i]));
  const { components, explained, coordinates } = principalComponents(shifted, 5);
  assert.is(components.length, 2);
  near(explained[0], 0.8);
  near(explained[1], 0.2);
  near(components[0][0], 0.6);
  near(components[0][1], 0.8);
  near(components[1][0], 0.8);
  near(components[1][1], -0.6);
  near(coordinates[0][0], 10, 1e-4);
  near(coordinates[3][1], 5, 1e-4);
  near(coordinates[0][1], 0, 1e-4);
});

test('on random rows: right angles, variances that fall and are those of the coordinates', () => {
  const random = seededRandom(7);
  for (const [n, d] of [
    [40, 6],
    [9, 50],
  ]) {
    const rows = Array.from({ length: n }, () =>
      Float32Array.from({ length: d }, (_, i) => (random() - 0.5) * (1 + i)),
    );
    const most = Math.min(n - 1, d);
    const { components, explained, coordinates } = principalComponents(rows, most + 3);
    assert.is(components.length, most);
    near(
      explained.reduce((a, b) => a + b),
      1,
      1e-9,
    );
    const mean = rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / n);
    const total = rows.reduce(
      (sum, row) => sum + row.reduce((s, x, i) => s + (x - mean[i]) ** 2, 0),
      0,
    );
    components.forEach((one, i) => {
      components.forEach((other, j) => {
        near(
          one.reduce((sum, x, at) => sum + x * other[at], 0),
          i === j ? 1 : 0,
          1e-6,
        );
      });
      const along = coordinates.reduce((sum, row) => sum + row[i] ** 2, 0);
      near(along / total, explained[i], 1e-6);
      if (i) assert.ok(explained[i] <= explained[i - 1] + 1e-9);
    });
    // No direction has more variance than the first component.
    for (let trial = 0; trial < 200; trial++) {
      const way = Float64Array.from({ length: d }, () => random() - 0.5);
      const length = Math.hypot(...way);
      const along = rows.map((row) =>
        row.reduce((sum, x, i) => sum + ((x - mean[i]) * way[i]) / length, 0),
      );
      assert.ok(along.reduce((sum, x) => sum + x * x, 0) <= explained[0] * total * (1 + 1e-6));
    }
  }
});

test('rows that do not vary have no components', () => {
  const { components, coordinates } = principalComponents([vector(1, 2), vector(1, 2)], 2);
  assert.equal([components.length, coordinates], [0, [[], []]]);
});

test.run();
