import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { draw } from '../../../src/engine/sampling';
import { seededRandom } from '../../../src/util/random';

/** The same by sorting the whole vocabulary: what a draw means. */
function drawSorted(logits: Float32Array, temperature: number, topP: number, random: number) {
  const top = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp((logit - top) / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  const order = Array.from(weights.keys()).sort((a, b) => weights[b] - weights[a] || a - b);
  let kept = 0;
  let mass = 0;
  while (kept < order.length && (kept === 0 || mass < topP * total)) mass += weights[order[kept++]];
  let left = random * mass;
  for (let i = 0; i < kept; i++) {
    left -= weights[order[i]];
    if (left < 0) return order[i];
  }
  return order[kept - 1];
}

test('a draw is that of the sorted vocabulary', () => {
  const random = seededRandom(11);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  for (const size of [1, 2, 7, 100, 3000]) {
    for (const spread of [0, 0.1, 1, 10, 300]) {
      // Rounded for ties, masked here and there.
      const logits = Float32Array.from({ length: size }, (_, i) => {
        const value = Math.round(4 * spread * normal()) / 4;
        return i && random() < 0.1 ? -Infinity : value;
      });
      for (const temperature of [0.2, 1, 3]) {
        for (const topP of [1e-6, 0.3, 0.5, 0.9, 1]) {
          for (const at of [0, random(), random(), 1 - 2 ** -32]) {
            assert.is(
              draw(logits, { temperature, topP }, at),
              drawSorted(logits, temperature, topP, at),
              `${size} logits, spread ${spread}, temperature ${temperature}, topP ${topP}, at ${at}`,
            );
          }
        }
      }
    }
  }
});

test('topP keeps as many tokens as hold that much, and no more', () => {
  const four = new Float32Array(4);
  const drawn = (topP: number) =>
    new Set(Array.from({ length: 64 }, (_, i) => draw(four, { topP }, i / 64)));
  assert.equal([...drawn(0.25)], [0]);
  assert.equal([...drawn(0.5)], [0, 1], 'two of four hold exactly the half');
  assert.equal([...drawn(0.51)], [0, 1, 2]);
  assert.equal([...drawn(1)], [0, 1, 2, 3]);
});

test('only the tokens of the nucleus of a large vocabulary are sorted', () => {
  const size = 256_000;
  const random = seededRandom(5);
  const logits = Float32Array.from({ length: size }, () => 20 * random());
  const { sort } = Float64Array.prototype;
  let sorted = 0;
  Float64Array.prototype.sort = function (this: Float64Array) {
    sorted += this.length;
    return sort.call(this);
  };
  try {
    for (const topP of [0.5, 1]) draw(logits, { topP, temperature: 0.7 }, 0.4);
  } finally {
    Float64Array.prototype.sort = sort;
  }
  assert.ok(sorted < size / 4, `${sorted} of ${size}`);
});

test('logits that are not finite are refused', () => {
  for (const bad of [Number.NaN, Infinity]) {
    assert.throws(() => draw(Float32Array.of(1, bad), {}, 0.5), /logits are not finite/);
  }
});

test.run();
