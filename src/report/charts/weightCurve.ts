import { labelLayers, placeLabels } from './labels';
import { DASHES, INK, PAPER, SERIES, SHAPES } from './palette';
import { bySeries, chart, domainOf, quantitative, type Spec, WIDTH } from './spec';

/** What one weight of one steering gave. */
export interface WeightPoint {
  /** One line each; at most eight. */
  steering: string;
  /** Orders the points of a line. */
  weight: number;
  /** As it is written in the tables: `0.5x`. */
  label: string;
  /** From 0 to 1. */
  share: number;
  /** Above 0. */
  perplexity: number;
}

export interface WeightCurveOptions {
  /** Where all lines start. */
  unsteered?: { share: number; perplexity: number } | null;
  /** The axis of shares: `answers that obey`. */
  what?: string;
}

/**
 * What each weight gains in adherence and costs in perplexity: up and to the left is better.
 * @example weightCurve(
 *   [
 *     { steering: 'brief', weight: 0.5, label: '0.5x', share: 0.72, perplexity: 2.6 },
 *     { steering: 'brief', weight: 1, label: '1x', share: 1, perplexity: 2.9 },
 *   ],
 *   { unsteered: { share: 0.6, perplexity: 2.9 } },
 * )
 */
export function weightCurve(points: WeightPoint[], options: WeightCurveOptions = {}): Spec {
  const { unsteered, what = 'answers that obey' } = options;
  const known = points.filter(({ perplexity }) => perplexity > 0);
  const steerings = [...new Set(known.map(({ steering }) => steering))];
  // Each line starts at the unsteered answers, the weight 0.
  const start = unsteered
    ? steerings.map((steering) => ({ steering, weight: 0, label: '', ...unsteered }))
    : [];
  const all = [...start, ...known];
  const height = 300;
  const axes = {
    x: { title: 'perplexity of the answers (log scale)', log: true },
    y: { title: what, percent: true },
  };
  const domain = domainOf(
    all.map(({ perplexity }) => perplexity),
    axes.x,
  );
  const x = quantitative('perplexity', axes.x, domain);
  const y = quantitative('share', axes.y, [0, 1]);
  const named = [
    ...(unsteered ? [{ ...unsteered, label: 'unsteered' }] : []),
    ...known.map(({ share, perplexity, label }) => ({ share, perplexity, label })),
  ];
  const labels = placeLabels(
    named.map(({ share, perplexity, label }) => ({
      x: (Math.log(perplexity / domain[0]) / Math.log(domain[1] / domain[0])) * WIDTH,
      y: (1 - share) * height,
      name: label,
    })),
    { width: WIDTH, height },
  );
  const texts = named.flatMap((one, i) => (labels[i] ? [{ ...one, ...labels[i] }] : []));
  const by = (range: unknown[]) => bySeries('steering', steerings, range);
  const color = by(SERIES);
  return chart({
    width: WIDTH,
    height,
    data: { values: all },
    layer: [
      // Dashes of the lines, not of the legend's points.
      ...steerings.map((steering, i) => ({
        transform: [{ filter: { field: 'steering', equal: steering } }],
        mark: { type: 'line', strokeDash: DASHES[i % DASHES.length] },
        encoding: { x, y, color, order: { field: 'weight' } },
      })),
      {
        transform: [{ filter: 'datum.weight !== 0' }],
        mark: {
          type: 'point',
          filled: true,
          size: 64,
          opacity: 1,
          stroke: PAPER,
          strokeWidth: 0.8,
        },
        encoding: { x, y, color, shape: by(SHAPES) },
      },
      ...(unsteered
        ? [
            {
              data: { values: [unsteered] },
              mark: {
                type: 'point',
                size: 80,
                stroke: INK,
                fill: PAPER,
                strokeWidth: 1.5,
                opacity: 1,
              },
              encoding: { x, y },
            },
          ]
        : []),
      ...labelLayers({ x, y }, 'label').map((layer) => ({ ...layer, data: { values: texts } })),
    ],
  });
}
