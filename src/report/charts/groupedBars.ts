import { INK, SERIES } from './palette';
import { type AxisOf, bySeries, chart, type Interval, PERCENT, type Spec, WIDTH } from './spec';

export interface Bar {
  /** Bars of one group stand together: an instruction, a cell. */
  group: string;
  /** Told apart by colour: a model, `ours` and `paper`. At most eight. */
  series: string;
  value: number;
  interval?: Interval | null;
}

export interface GroupedBarsOptions {
  /** Starts at 0. */
  axis: AxisOf;
  /** Groups by the first series, the largest on top; default: as they are given. */
  sorted?: boolean;
}

/**
 * Bars side by side: models, or our numbers and the paper's.
 * @example groupedBars(
 *   [
 *     { group: 'no instruction, steered', series: 'ours', value: 0.3 },
 *     { group: 'no instruction, steered', series: 'paper', value: 0.31 },
 *   ],
 *   { axis: { title: 'answers that obey', percent: true } },
 * )
 */
export function groupedBars(bars: Bar[], { axis, sorted }: GroupedBarsOptions): Spec {
  const series = [...new Set(bars.map((bar) => bar.series))];
  const groups = [...new Set(bars.map(({ group }) => group))];
  const first = (group: string) =>
    bars.find((bar) => bar.group === group && bar.series === series[0])?.value ?? -Infinity;
  if (sorted) groups.sort((a, b) => first(b) - first(a));
  const ends = bars.flatMap(({ value, interval }) => [value, ...(interval ?? [])]);
  const domain = axis.percent ? [0, 1] : [Math.min(0, ...ends) * 1.05, Math.max(0, ...ends) * 1.05];
  const values = bars.map(({ interval, ...bar }) => ({
    ...bar,
    low: interval?.[0],
    high: interval?.[1],
  }));
  const x = (field: string) => ({
    field,
    type: 'quantitative',
    title: axis.title,
    scale: { domain, nice: false },
    axis: axis.percent ? PERCENT : { tickCount: 6 },
  });
  return chart({
    width: WIDTH,
    height: { step: series.length > 3 ? 9 : 12, for: 'offset' },
    data: { values },
    encoding: {
      y: {
        field: 'group',
        type: 'nominal',
        sort: groups,
        title: null,
        scale: { paddingInner: 0.25, paddingOuter: 0.1 },
      },
      yOffset: { field: 'series', type: 'nominal', sort: series },
    },
    layer: [
      {
        mark: { type: 'bar' },
        encoding: {
          x: x('value'),
          color: bySeries('series', series, SERIES),
        },
      },
      {
        transform: [{ filter: 'isValid(datum.low) && datum.low < datum.high' }],
        mark: { type: 'rule', color: INK },
        encoding: { x: x('low'), x2: { field: 'high' } },
      },
    ],
  });
}
