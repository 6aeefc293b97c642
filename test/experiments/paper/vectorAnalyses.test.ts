import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  cosinesBetween,
  cosinesWithPrompts,
  type PairActivations,
  pcaOfDifferences,
} from '../../../experiments/paper/parts/vectorAnalyses';
import { directionOf } from '../../../src/vectors/direction';

const row = (...values: number[]) => Float32Array.from(values);
const near = (found: number, wanted: number) =>
  assert.ok(Math.abs(found - wanted) < 1e-5, `${found} for ${wanted}`);

/** Two instructions, layers 3 and 7 of two numbers each. */
const vectors = {
  layers: [3, 7],
  provenance: {},
  directions: new Map([
    ['a', directionOf([row(2, 0, 0, 5)], [row(1, 0, 0, 1)], [3, 7])],
    ['b', directionOf([row(1, 1, 3, -3)], [row(0, 0, 0, 0)], [3, 7])],
  ]),
};

const pair = (key: string, id: string, withIt: number[], without: number[]): PairActivations => ({
  key,
  instruction_id: id,
  withIt: [row(...withIt)],
  without: [row(...without)],
});

test('vectors against each other, at the layers asked for', () => {
  const [only] = cosinesBetween(vectors, [7]);
  assert.is(only.layer, 7);
  // (0, 1) and (1, -1)/√2.
  near(only.cosines[0][0], 1);
  near(only.cosines[0][1], -Math.SQRT1_2);
  near(only.cosines[1][0], -Math.SQRT1_2);
  near(cosinesBetween(vectors, [7, 3])[1].cosines[0][1], Math.SQRT1_2);
  assert.throws(() => cosinesBetween(vectors, [4]), /no layer 4/);
});

test('vectors against prompts: means over the prompts of each instruction', () => {
  const pairs = [
    pair('1', 'b', [0, 2], [1, 0]),
    pair('2', 'a', [3, 4], [0, -1]),
    pair('3', 'b', [1, 0], [-1, 0]),
  ];
  const [found] = cosinesWithPrompts(vectors, pairs, ['a', 'b'], [7]);
  assert.is(found.layer, 7);
  const wanted = {
    with: [
      [0.8, 0.5],
      [-0.1 * Math.SQRT2, 0],
    ],
    without: [
      [-1, 0],
      [Math.SQRT1_2, 0],
    ],
  };
  for (const which of ['with', 'without'] as const) {
    for (const [v, values] of wanted[which].entries()) {
      for (const [g, value] of values.entries()) near(found[which][v][g], value);
    }
  }
});

test('differences along their components keep their distances where there are two', () => {
  const pairs = [
    pair('1', 'a', [5, 5], [1, 2]),
    pair('2', 'a', [0, 0], [4, 1]),
    pair('3', 'b', [2, -7], [2, 1]),
  ];
  const [{ explained, points }] = pcaOfDifferences(pairs, [7]);
  near(explained[0] + explained[1], 1);
  assert.equal(
    points.map(({ key, instruction_id }) => [key, instruction_id]),
    [
      ['1', 'a'],
      ['2', 'a'],
      ['3', 'b'],
    ],
  );
  // (4, 3), (-4, -1) and (0, -8).
  const distance = (i: number, j: number) =>
    Math.hypot(points[i].x - points[j].x, points[i].y - points[j].y);
  near(distance(0, 1), Math.hypot(8, 4));
  near(distance(0, 2), Math.hypot(4, 11));
  near(distance(1, 2), Math.hypot(4, 7));
});

test.run();
