/** Numbers as the page shows them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  multipleOf,
  scaleEnd,
  shareOf,
  shortNumber,
  visible,
  weightOf,
} from '../../../../src/playground/page/scale';
import { absoluteWeight, isWeight } from '../../../../src/vectors/weight';

test('a strength in norms is the weight that the engine adds', () => {
  for (const multiple of [-3, -0.35, 0, 0.05, 1, 2.95, 12.5]) {
    const weight = weightOf(multiple);
    assert.ok(isWeight(weight), String(weight));
    assert.is(multipleOf(weight, 7), multiple);
    assert.ok(Math.abs(absoluteWeight(weight, 7) - 7 * multiple) < 1e-9);
    // What is added stays the same where a number was given.
    assert.ok(Math.abs(multipleOf(absoluteWeight(weight, 7), 7) - multiple) < 1e-9);
  }
  // A slider counts in steps: 3 * 0.1 is no 0.3.
  assert.is(weightOf(3 * 0.1), '0.3x');
  assert.is(weightOf(-1e-9), '0x');
  assert.is(multipleOf(2, 0), 0);
});

test('colours end where nearly all values lie, on both sides of zero', () => {
  const values = [...Array.from({ length: 99 }, (_, i) => (i % 2 ? 1 : -1) * i), 5000];
  assert.is(scaleEnd(values), 97);
  assert.is(scaleEnd([-4]), 4);
  assert.is(scaleEnd([0, 0]), 1);
  assert.is(scaleEnd([]), 1);
  assert.is(scaleEnd([...new Array(99).fill(0), 3]), 3);
  assert.equal(
    [-8, -4, 0, 2, 4, 9].map((value) => shareOf(value, 4)),
    [1, 1, 0, 0.5, 1, 1],
  );
  assert.is(shareOf(Number.NaN, 4), 0);
});

test('numbers are short, and keep their sign', () => {
  assert.equal(
    [0, -0, 1, -2.3456, 1234.5, 0.012345, -0.00001234, 123456, -1e-12].map(shortNumber),
    ['0', '0', '1', '−2.35', '1230', '0.0123', '−1.2e−5', '1.2e+5', '−1.0e−12'],
  );
});

test('what a cell has room for is enough for any number', () => {
  for (let size = 1e-9; size < 1e9; size *= 1.03) {
    for (const value of [size, -size]) {
      const shown = shortNumber(value);
      assert.ok(shown.length <= 7, shown);
      assert.ok(Math.abs(Number(shown.replaceAll('−', '-')) - value) <= 0.051 * size, shown);
    }
  }
});

test("a token's white space can be seen", () => {
  assert.equal([' to', 'a b', '\n', '\t', '', '  ', ' '].map(visible), [
    ...['␣to', 'a b', '⏎', '⇥', '∅', '␣␣', '␣'],
  ]);
});

test.run();
