import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { exactP, mcnemar } from '../../../experiments/paper/parts/mcnemar';

/** Binomial coefficients in whole numbers. */
function choose(n: number, k: number): bigint {
  let value = 1n;
  for (let i = 1; i <= k; i++) value = (value * BigInt(n - k + i)) / BigInt(i);
  return value;
}

/** All outcomes that are no likelier than the one seen, of 2^n. */
function byCounting(b: number, c: number): number {
  const n = b + c;
  const seen = choose(n, b);
  let outcomes = 0n;
  for (let i = 0; i <= n; i++) if (choose(n, i) <= seen) outcomes += choose(n, i);
  return Number((outcomes * 10n ** 18n) / 2n ** BigInt(n)) / 1e18;
}

test('p by hand: 1 of 6 is 14 of 64; 0 of 5 is 2 of 32; equal numbers are 1', () => {
  assert.ok(Math.abs(exactP(1, 5) - 14 / 64) < 1e-12);
  assert.ok(Math.abs(exactP(5, 0) - 2 / 32) < 1e-12);
  assert.is(exactP(0, 0), 1);
  assert.is(exactP(4, 4), 1);
});

test('p is the share of all outcomes that are no likelier than the one seen', () => {
  for (const [b, c] of [
    [3, 9],
    [10, 2],
    [7, 8],
    [0, 20],
    [31, 60],
    [150, 113],
  ]) {
    const wanted = byCounting(b, c);
    assert.ok(Math.abs(exactP(b, c) - wanted) < 1e-9 * Math.max(1, wanted), `${b}, ${c}`);
    assert.is(exactP(b, c), exactP(c, b));
  }
});

test('many pairs do not overflow', () => {
  const p = exactP(900, 1100);
  // The normal approximation with continuity correction: z = 199 / √2000.
  assert.ok(p > 7e-6 && p < 1e-5, String(p));
  assert.ok(exactP(2000, 2000) === 1 && exactP(0, 5000) === 0);
});

test('cells are compared by the queries that they share', () => {
  const cell = (text: string) =>
    new Map([...text].flatMap((c, i) => (c === '.' ? [] : [[`q${i}`, c === '1'] as const])));
  const { p, ...counts } = mcnemar(cell('1100110.1'), cell('1010000.1.'.slice(0, 7)));
  assert.equal(counts, { n: 7, both: 1, first_only: 3, second_only: 1, neither: 2 });
  assert.ok(Math.abs(p - 10 / 16) < 1e-12);
});

test.run();
