/** What edits should make of the residual stream, in plain numbers: a second way to `Steering`. */
import type { Edit } from '../engine/steering';

export const dotOf = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

/** |x| */
export const lengthOf = (x: ArrayLike<number>): number => Math.sqrt(dotOf(x, x));

/**
 * Whether an edit acts at a column.
 * @param promptEnd the first column that was generated
 */
export function actsAt({ positions = 'all' }: Edit, column: number, promptEnd: number): boolean {
  const where = {
    all: true,
    prompt: column < promptEnd,
    last: column === promptEnd - 1,
    generated: column >= promptEnd,
  };
  return where[positions];
}

/** h [D] after one edit that acts, in 64 bit. */
export function editedBy(edit: Edit, h: Float64Array): Float64Array {
  const { vector: u } = edit;
  const factor = edit.kind === 'add' ? edit.weight : edit.target - dotOf(h, u);
  return h.map((x, i) => x + factor * u[i]);
}
