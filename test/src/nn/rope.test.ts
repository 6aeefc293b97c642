/** Rotary embeddings far out, where the last bit of a frequency is a visible angle. */
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { useBackend } from '../../../src/backend';
import {
  applyRope,
  defaultFrequencies,
  dividedFrequencies,
  type Rope,
  ropeTables,
  ropeTablesOf,
} from '../../../src/nn/rope';

test.before(async () => {
  await useBackend();
});

const close = (found: number[], wanted: number[], tolerance: number) => {
  assert.is(found.length, wanted.length);
  found.forEach((x, i) => {
    assert.ok(Math.abs(x - wanted[i]) <= tolerance, `${i}: ${x}, not ${wanted[i]}`);
  });
};
const pick = (tensor: tf.Tensor, at: number[]) => at.map((i) => tensor.dataSync()[i]);

// 1 / (factor · 10000^(2i/96)) and its cosines and sines at position 131071, by torch 2.13 in float32.
// (Its power is one bit off for one of the 48, which is left out.)
const DIMS = [1, 5, 21, 33, 47];
const DEFAULT = {
  frequencies: [
    0.825404167175293, 0.3831186890602112, 0.017782794311642647, 0.0017782794311642647,
    0.00012115274876123294,
  ],
  cos: [
    -0.8873010277748108, 0.8612738847732544, 0.9681270122528076, 0.8236380219459534,
    -0.9853044748306274,
  ],
  sin: [
    0.46119070053100586, 0.508141040802002, -0.25045984983444214, 0.5671159029006958,
    -0.17080704867839813,
  ],
};
const DIVIDED = {
  frequencies: [
    0.5938159227371216, 0.1456725001335144, 0.002342924242839217, 0.0001572307082824409,
    7.741389708826318e-6,
  ],
  cos: [
    -0.6128629446029663, 0.39870190620422363, 0.7062114477157593, -0.1869286447763443,
    0.5278987884521484,
  ],
  sin: [
    0.7901892066001892, -0.9170805811882019, -0.7080009579658508, 0.9823734760284424,
    0.8493072986602783,
  ],
};
const factors = Array.from({ length: 48 }, (_, i) => 1.08 + 0.31 * i);

test('frequencies, cosines and sines equal those of torch at position 131071', () => {
  for (const [frequencies, wanted] of [
    [defaultFrequencies(96, 10000), DEFAULT],
    [dividedFrequencies(10000, factors), DIVIDED],
  ] as const) {
    assert.equal(
      DIMS.map((i) => frequencies[i]),
      wanted.frequencies,
    );
    const { cos, sin } = ropeTables([[131071]], frequencies);
    close(pick(cos, DIMS), wanted.cos, 1e-6);
    const second = DIMS.map((i) => 48 + i);
    close(pick(cos, second), wanted.cos, 1e-6);
    close(pick(sin, second), wanted.sin, 1e-6);
    close(
      pick(sin, DIMS).map((x) => -x),
      wanted.sin,
      1e-6,
    );
  }
});

test('every row has the frequencies of its own length, times the attention factor', () => {
  const rope: Rope = {
    kind: 'longrope',
    short: defaultFrequencies(96, 10000),
    long: dividedFrequencies(10000, factors),
    original: 10,
    attentionFactor: 1.5,
  };
  const { cos } = ropeTablesOf(rope, [[131071], [131071]], [10, 11]);
  close(
    pick(cos, DIMS),
    DEFAULT.cos.map((x) => 1.5 * x),
    2e-6,
  );
  close(
    pick(
      cos,
      DIMS.map((i) => 96 + i),
    ),
    DIVIDED.cos.map((x) => 1.5 * x),
    2e-6,
  );
});

test('only the first dimensions turn, and the others pass as they are', () => {
  const x = tf.tensor4d([1, 2, 3, 4, 5, 6], [1, 1, 1, 6]);
  const turned = applyRope(x, ropeTables([[1]], [Math.PI / 2, Math.PI]));
  // A quarter turn of (1, 3), a half turn of (2, 4).
  close([...turned.dataSync()], [-3, -2, 1, -4, 5, 6], 1e-6);
});

test.run();
