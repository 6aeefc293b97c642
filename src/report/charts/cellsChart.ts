import { INK, STEERED, UNSTEERED } from './palette';
import { chart, type Interval, PERCENT, type Spec, WIDTH } from './spec';

/** One cell of an experiment. */
export interface ChartCell {
  /** What the prompts hold, and the heading of its bars: `Without the instruction in the prompt`. */
  prompts: string;
  /** How it was steered, as it is called in the tables: `none`, `add_vector 1x`. */
  steering: string;
  steered: boolean;
  /** From 0 to 1. */
  share: number;
  interval?: Interval | null;
}

/**
 * The cells as bars, those of the same prompts together, with 95 % intervals and the numbers.
 * @param what the axis: `answers that obey`
 * @example cellsChart([
 *   { prompts: 'Without the instruction', steering: 'none', steered: false, share: 0.6, interval: [0.5, 0.7] },
 *   { prompts: 'Without the instruction', steering: 'brief 1x', steered: true, share: 1, interval: [1, 1] },
 * ])
 */
export function cellsChart(cells: ChartCell[], what = 'answers that obey'): Spec {
  const panels = [...new Set(cells.map(({ prompts }) => prompts))];
  return chart({
    spacing: 14,
    vconcat: panels.map((prompts, at) =>
      panel(
        cells.filter((cell) => cell.prompts === prompts),
        prompts,
        at === panels.length - 1 ? what : undefined,
      ),
    ),
  });
}

function panel(cells: ChartCell[], title: string, what: string | undefined): Spec {
  const values = cells.map(({ steering, steered, share, interval }) => ({
    steering,
    steered: steered ? 'steered' : 'unsteered',
    share,
    low: interval?.[0],
    high: interval?.[1],
  }));
  const axis = what ? PERCENT : { ...PERCENT, labels: false, ticks: false };
  const x = (field: string) => ({
    field,
    type: 'quantitative',
    title: what ?? null,
    scale: { domain: [0, 1] },
    axis,
  });
  const color = {
    field: 'steered',
    type: 'nominal',
    scale: { domain: ['unsteered', 'steered'], range: [UNSTEERED, STEERED] },
    legend: null,
  };
  return {
    title: { text: title, anchor: 'start', frame: 'group', fontSize: 12, offset: 6 },
    width: WIDTH - 40,
    height: { step: 24 },
    data: { values },
    encoding: { y: { field: 'steering', type: 'nominal', sort: null, title: null } },
    layer: [
      { mark: { type: 'bar', size: 15 }, encoding: { x: x('share'), color } },
      {
        transform: [{ filter: 'isValid(datum.low) && datum.low < datum.high' }],
        mark: { type: 'errorbar', ticks: { size: 8, color: INK }, rule: { color: INK } },
        encoding: { x: x('low'), x2: { field: 'high' } },
      },
      {
        mark: { type: 'text', align: 'left', dx: 8 },
        encoding: {
          x: { value: 'width' },
          text: { field: 'share', type: 'quantitative', format: '.1%' },
        },
      },
    ],
  };
}
