/** What edits should make of the residual stream, in plain numbers: a second way to `Steering`. */
import { dot } from '../engine/edits/vector';
import type { Condition, Edit } from '../engine/steering';

/** |x| */
export const lengthOf = (x: ArrayLike<number>): number => Math.sqrt(dot(x, x));

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

/** h [D] after one edit that acts, in 64 bit; docs/steering.md has the formulas. */
export function editedBy(edit: Edit, h: Float64Array): Float64Array {
  const { vector: u } = edit;
  const along = dot(h, u);
  switch (edit.kind) {
    case 'add':
      return plus(h, edit.weight, u);
    case 'project':
      return plus(h, edit.target - along, u);
    case 'ablate':
      return plus(h, -along, u);
    case 'clamp': {
      const { min = -Infinity, max = Infinity } = edit;
      return plus(h, Math.min(Math.max(along, min), max) - along, u);
    }
    case 'rotate':
      return rotated(h, Float64Array.from(u), edit);
  }
}

/** What h has in the plane of u and v is turned to stand at the angle from u; the rest stays. */
function rotated(h: Float64Array, u: Float64Array, edit: Edit & { kind: 'rotate' }): Float64Array {
  const second = Float64Array.from(edit.second ?? h);
  const first = scaled(u, 1 / lengthOf(u));
  const beside = plus(second, -dot(second, first), first);
  const v = scaled(beside, 1 / lengthOf(beside));
  const [a, b] = [dot(h, first), dot(h, v)];
  const [inPlane, angle] = [Math.hypot(a, b), (edit.angle * Math.PI) / 180];
  const rest = plus(plus(h, -a, first), -b, v);
  return plus(plus(rest, inPlane * Math.cos(angle), first), inPlane * Math.sin(angle), v);
}

const plus = (h: Float64Array, factor: number, u: ArrayLike<number>) =>
  h.map((x, i) => x + factor * u[i]);
const scaled = (x: Float64Array, factor: number) => x.map((value) => factor * value);

/**
 * How far a condition is from its threshold, as a share of |h|: it holds above 0. `h` is the residual
 * stream where the condition is read, of the column itself or of the last prompt token.
 */
export function marginOf({ vector, above, below, of }: Condition, h: Float64Array): number {
  const length = lengthOf(h);
  const unit = of === 'cosine' ? 1 : length;
  const share = dot(h, vector) / length;
  return above === undefined ? below! / unit - share : share - above / unit;
}
