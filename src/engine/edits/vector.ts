/** Plain vectors of the residual stream: their checks, and what little arithmetic kinds need. */
import { refuse } from '../../util/check';
import { InputError } from '../../util/errors';

/** How far from 1 the length of a unit vector may be: rounding to 16 bit is less. */
const UNIT_TOLERANCE = 5e-3;

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** x / |x| */
export function unitOf(x: Float32Array): Float32Array {
  const length = Math.sqrt(dot(x, x));
  return x.map((value) => value / length);
}

/**
 * @param what names the vector in errors
 * @throws InputError unless it is `dModel` finite numbers, of which one is not zero
 */
export function checkVector(
  what: string,
  vector: unknown,
  dModel: number,
): asserts vector is Float32Array {
  if (!Array.isArray(vector) && !ArrayBuffer.isView(vector)) {
    refuse(what, vector, `a Float32Array of ${dModel} numbers`);
  }
  const numbers = vector as Float32Array;
  if (numbers.length !== dModel) {
    throw new InputError(
      `${what} has ${numbers.length} numbers; this model's residual stream has ${dModel}. Was it computed with another model?`,
    );
  }
  if (!numbers.every(Number.isFinite)) {
    throw new InputError(`${what} holds a number that is not finite.`);
  }
  if (!numbers.some((x) => x !== 0)) throw new InputError(`${what} is zero: it has no direction.`);
}

/** @throws InputError unless the vector is of length 1; `doing` says what needs that */
export function checkUnit(what: string, vector: Float32Array, doing: string): void {
  const length = Math.sqrt(dot(vector, vector));
  if (Math.abs(length - 1) <= UNIT_TOLERANCE) return;
  throw new InputError(
    `${what}: ${doing} needs a vector of length 1; this one has ${length.toPrecision(4)}. Divide it by that.`,
  );
}
