import { INK } from './palette';
import { chart, type Spec } from './spec';

export interface HeatMap {
  rows: string[];
  columns: string[];
  /** One list a row; null where there is nothing. */
  values: (number | null)[][];
  /** What a value is, with its range: `cosine`. */
  title: string;
  /** `[-1, 1]` for cosines: two colours around 0; `[0, 1]` for shares: one. */
  domain: readonly [number, number];
  /** Axis titles, where the names alone do not say it: `layer`. */
  axes?: { x?: string; y?: string };
  percent?: boolean;
  /** Cells with a frame, as [row, column]: the layers that were chosen. */
  marked?: [row: number, column: number][];
}

/** Up to this many columns the numbers are written into the cells. */
const MOST_WITH_NUMBERS = 14;

/**
 * A value for each pair, as colour, and as a number where there is room.
 * @example heatMap({ rows: ['a', 'b'], columns: ['a', 'b'], values: [[1, 0.2], [0.2, 1]], title: 'cosine', domain: [-1, 1] })
 */
export function heatMap(map: HeatMap): Spec {
  const { rows, columns, values, title, domain, axes, percent, marked = [] } = map;
  const cells = rows.flatMap((row, r) =>
    columns.map((column, c) => ({
      ...{ row, column, value: values[r][c] },
      marked: marked.some(([i, j]) => i === r && j === c),
    })),
  );
  const numbers = columns.length <= MOST_WITH_NUMBERS;
  const diverging = domain[0] < 0;
  const range = diverging ? ['#b35806', '#f7f7f7', '#08589e'] : ['#f7fbff', '#9ecae1', '#08519c'];
  const middle = (domain[0] + domain[1]) / 2;
  const dark = diverging ? 'abs(datum.value) > 0.6' : `datum.value > ${middle * 1.15}`;
  const place = {
    x: {
      ...{ field: 'column', type: 'ordinal', sort: columns, title: axes?.x ?? null },
      axis: {
        labelAngle: columns.some((name) => name.length > (numbers ? 4 : 3)) ? -45 : 0,
        ...{ grid: false, domain: false, ticks: false, labelOverlap: columns.length > 30 },
      },
    },
    y: {
      ...{ field: 'row', type: 'ordinal', sort: rows, title: axes?.y ?? null },
      axis: { grid: false, domain: false, ticks: false },
    },
  };
  const step = columns.length > 30 ? 12 : numbers ? 34 : 20;
  return chart({
    width: { step },
    height: { step: numbers ? 24 : Math.max(step, 16) },
    data: { values: cells },
    encoding: place,
    layer: [
      {
        mark: { type: 'rect' },
        encoding: {
          color: {
            ...{ field: 'value', type: 'quantitative', title },
            scale: {
              domain: diverging ? [domain[0], 0, domain[1]] : [domain[0], middle, domain[1]],
              range,
            },
            legend: { gradientLength: 120, format: percent ? '.0%' : '.1f', tickCount: 3 },
          },
        },
      },
      {
        transform: [{ filter: 'datum.marked' }],
        mark: { type: 'rect', fill: null, stroke: INK, strokeWidth: 2 },
      },
      ...(numbers
        ? [
            {
              transform: [{ filter: 'isValid(datum.value)' }],
              mark: { type: 'text', fontSize: 10.5 },
              encoding: {
                text: { field: 'value', type: 'quantitative', format: percent ? '.0%' : '.2f' },
                color: { condition: { test: dark, value: '#fefefe' }, value: '#1b2431' },
              },
            },
          ]
        : []),
    ],
  });
}
