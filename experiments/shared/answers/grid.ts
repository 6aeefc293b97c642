import type { Weight } from '../vectors/vectorFile';

/** One way to steer all rows; `none` has neither layer nor weight. */
export interface GridPoint<S extends string> {
  steering: S | 'none';
  layer: number | null;
  weight: Weight | null;
}

/** Unsteered first, then each steering at every layer, with every weight if it adds a vector; once each. */
export function steeringGrid<S extends string>(
  steerings: S[],
  layers: number[],
  weights: Weight[],
): GridPoint<S>[] {
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
  const all: GridPoint<S>[] = [{ steering: 'none', layer: null, weight: null }, ...steered];
  return [...new Map(all.map((point) => [JSON.stringify(point), point])).values()];
}
