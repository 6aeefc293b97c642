/** How well a direction tells texts of pairs that it was not made from. */
import { InputError } from '../util/errors';
import { type Direction, directionOf, dot } from './direction';
import type { Finder } from './finders/finder';

/** How often a pair is left out: five times a fifth of them, or each once where they are fewer. */
const FOLDS = 5;

/**
 * Held-out accuracy at each layer: the pairs in turn (five folds, pair i in fold i mod 5) are left
 * out, the direction is found from the others, and a left-out text is told by whether it lies above
 * the middle between the mean projections of these. 0.5 is chance; 1 means that all are told.
 * @param withIt activations of each prompt with the instruction, [N] of [L, D] flattened
 * @returns [L]; null where there is no such direction: of fewer than two pairs, or where the finder
 *   refuses those of a fold
 */
export function heldOutAccuracy(
  withIt: Float32Array[],
  without: Float32Array[],
  layers: number[],
  find?: Finder,
  background?: Float32Array[],
): (number | null)[] {
  const pairs = [...withIt.keys()];
  const folds = Math.min(FOLDS, pairs.length);
  if (folds < 2) return layers.map(() => null);
  const width = withIt[0].length / layers.length;
  return layers.map((layer, at) => {
    const own = (rows: Float32Array[]) =>
      rows.map((row) => row.subarray(at * width, (at + 1) * width));
    const [positive, negative] = [own(withIt), own(without)];
    let told = 0;
    for (let fold = 0; fold < folds; fold++) {
      const kept = pairs.filter((i) => i % folds !== fold);
      const of = (rows: Float32Array[]) => kept.map((i) => rows[i]);
      const centre = background && [background[at]];
      const direction = unlessRefused(() =>
        directionOf(of(positive), of(negative), [layer], find, centre),
      );
      if (!direction) return null;
      const { unit, projectionWith, projectionWithout } = direction;
      const middle = (projectionWith[0] + projectionWithout[0]) / 2;
      for (const i of pairs.filter((pair) => pair % folds === fold)) {
        told += Number(dot(positive[i], unit[0]) > middle);
        told += Number(dot(negative[i], unit[0]) < middle);
      }
    }
    return told / (2 * pairs.length);
  });
}

function unlessRefused(find: () => Direction): Direction | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
