import type { Weight } from '../../../src/vectors/weight';

/** One way to steer all rows; `none` has neither layer nor weight. */
export interface GridPoint<S extends string, L = number> {
  steering: S | 'none';
  layer: L | null;
  weight: Weight | null;
}

/**
 * Unsteered first, then each steering at every layer, with every weight if it adds a vector; once each.
 * @param layers numbers, or whatever stands for layers in an experiment
 */
export function steeringGrid<S extends string, L = number>(
  steerings: S[],
  layers: L[],
  weights: Weight[],
): GridPoint<S, L>[] {
  const steered = steerings
    .filter((steering) => steering !== 'none')
    .flatMap((steering) =>
      layers.flatMap((layer) =>
        (steering.startsWith('add_vector') ? weights : [null]).map((weight) => ({
          steering,
          layer,
          weight,
        })),
      ),
    );
  const all: GridPoint<S, L>[] = [{ steering: 'none', layer: null, weight: null }, ...steered];
  return [...new Map(all.map((point) => [JSON.stringify(point), point])).values()];
}

/** What `include_instructions` asks for: prompts without the instruction, with it, or each in turn. */
export const inPrompts = (include: boolean | 'both') =>
  include === 'both' ? [false, true] : [include];
