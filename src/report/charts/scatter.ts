import { labelLayers, placeLabels } from './labels';
import { PAPER, SERIES, SHAPES, UNSTEERED } from './palette';
import {
  type AxisOf,
  bySeries,
  chart,
  domainOf,
  type Interval,
  quantitative,
  type Spec,
  WIDTH,
} from './spec';

export interface ScatterPoint {
  x: number;
  y: number;
  /** Written beside the point where there is room; among named points, one without is small. */
  name?: string;
  /** Told apart by colour and shape; at most eight. */
  group?: string;
}

export interface ScatterOptions {
  x: AxisOf;
  y: AxisOf;
  /** A thin line where x = y. */
  diagonal?: boolean;
  /** Thin lines at 0. */
  origin?: boolean;
  height?: number;
  /** Instead of round numbers around the values. */
  domains?: { x: Interval; y: Interval };
}

/**
 * Points with names that do not overlap.
 * @example scatter([{ x: 3.1, y: 0.8, name: 'garden' }, { x: 4.2, y: 0.4, name: 'river' }], {
 *   x: { title: 'log-probability of the word, unsteered' },
 *   y: { title: 'answers with the word', percent: true },
 * })
 */
export function scatter(points: ScatterPoint[], options: ScatterOptions): Spec {
  const { height = 320 } = options;
  const domains = options.domains ?? {
    x: domainOf(
      points.map(({ x }) => x),
      options.x,
    ),
    y: domainOf(
      points.map(({ y }) => y),
      options.y,
    ),
  };
  const at = (value: number, [low, high]: Interval, log?: boolean) =>
    log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  const labels = placeLabels(
    points.map(({ x, y, name = '' }) => ({
      x: at(x, domains.x, options.x.log) * WIDTH,
      y: (1 - at(y, domains.y, options.y.log)) * height,
      name,
    })),
    { width: WIDTH, height },
  );
  const values = points.map(({ x, y, name = '', group = '' }, i) => ({
    ...{ x, y, name, group },
    ...(labels[i] && { dx: labels[i].dx, dy: labels[i].dy }),
  }));
  const groups = [...new Set(values.map(({ group }) => group))];
  const place = {
    x: quantitative('x', options.x, domains.x),
    y: quantitative('y', options.y, domains.y),
  };
  return chart({
    width: WIDTH,
    height,
    data: { values },
    layer: [
      ...(options.diagonal ? [diagonal(domains, place)] : []),
      ...(options.origin ? origin(place) : []),
      {
        mark: {
          type: 'point',
          filled: true,
          size: 60,
          opacity: 0.9,
          stroke: PAPER,
          strokeWidth: 0.8,
        },
        encoding: {
          ...place,
          color: bySeries('group', groups, SERIES),
          shape: bySeries('group', groups, SHAPES),
          ...(points.some(({ name }) => name) && {
            size: { condition: { test: "datum.name === ''", value: 24 }, value: 60 },
          }),
        },
      },
      ...labelLayers(place, 'name'),
    ],
  });
}

function diagonal(domains: { x: Interval; y: Interval }, place: { x: Spec; y: Spec }): Spec {
  const [low, high] = [Math.max(domains.x[0], domains.y[0]), Math.min(domains.x[1], domains.y[1])];
  return {
    data: { values: [low, high].map((one) => ({ x: one, y: one })) },
    mark: { type: 'line', strokeWidth: 1, strokeDash: [4, 3], color: UNSTEERED },
    encoding: place,
  };
}

function origin({ x, y }: { x: Spec; y: Spec }): Spec[] {
  const rule = { type: 'rule', strokeWidth: 1, color: UNSTEERED };
  const data = { values: [{ x: 0, y: 0 }] };
  return [
    { data, mark: rule, encoding: { x } },
    { data, mark: rule, encoding: { y } },
  ];
}
