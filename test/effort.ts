/**
 * How much work something is, for tests that no hang and no quadratic cost has crept in. Processor
 * time is measured, not the clock, and against a yardstick of the same minute: on a busy or slow
 * machine both grow.
 */
import * as assert from 'uvu/assert';

/** Microseconds of processor time. */
function cost(run: () => void): number {
  const begun = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(begun);
  return user + system;
}

const text = 'A plain text, a megabyte long.\n'.repeat(2 ** 15);

/** Plain work of about 10 ms on a machine of 2025: 1 MB of text, walked through ten times. */
function plainWork(): void {
  let hash = 0;
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  }
  assert.is.not(hash, 1);
}

const least = (values: number[]) => Math.min(...values);
let yardstick = 0;

/**
 * Throws unless `run` takes less than `most` times plain work of about 10 ms, in one of three tries.
 * @param about for the message
 */
export function assertEffort(most: number, about: string, run: () => void): void {
  yardstick ||= least(Array.from({ length: 5 }, () => cost(plainWork)));
  let taken = cost(run);
  for (let tries = 1; tries < 3 && taken >= most * yardstick; tries++) {
    yardstick = cost(plainWork);
    taken = Math.min(taken, cost(run));
  }
  const times = (taken / yardstick).toFixed(0);
  assert.ok(taken < most * yardstick, `${about}: ${times} times plain work, not below ${most}`);
}
