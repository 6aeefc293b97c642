import { DASHES, INK, SERIES, STEERED, UNSTEERED } from './palette';
import { bySeries, chart, type Spec, WIDTH } from './spec';

/** The values of one cell. */
export interface Distribution {
  name: string;
  /** One a thing counted: sentences of each answer. */
  values: number[];
  steered?: boolean;
}

export interface DistributionOptions {
  /** What a value counts, the axis: `sentences`. */
  unit: string;
  /** What is counted, the other axis; default `answers`. */
  of?: string;
  /** All groups of figures that stand side by side: they get the same axes. */
  over?: Distribution[];
  /** All in one plot as lines, at most four; default: a row of bars each. */
  overlaid?: boolean;
}

/**
 * How values are spread in each cell, as shares of the cell's answers; a rule marks the median.
 * @example distribution(
 *   [{ name: 'unsteered', values: [3, 3, 2] }, { name: 'brief 1x', values: [1, 1, 2], steered: true }],
 *   { unit: 'sentences' },
 * )
 */
export function distribution(groups: Distribution[], options: DistributionOptions): Spec {
  const { unit, of = 'answers', over = groups, overlaid } = options;
  const bins = binsOf(over.flatMap(({ values }) => values));
  const values = groups.flatMap((group) => count(group, bins));
  const ends = { domain: [bins[0].from, bins.at(-1)!.to], nice: false, zero: false };
  // Bars of whole numbers stand on their number.
  const x = {
    type: 'quantitative',
    title: unit,
    scale: ends,
    axis: { grid: false, tickMinStep: 1 },
  };
  const most = Math.max(...over.flatMap((group) => count(group, bins).map(({ share }) => share)));
  const y = {
    field: 'share',
    type: 'quantitative',
    title: overlaid ? of : null,
    scale: { domain: [0, most * 1.05], nice: false },
    axis: { format: '.0%', tickCount: overlaid ? 5 : 2 },
  };
  const names = groups.map(({ name }) => name);
  if (overlaid) {
    const by = (range: unknown[]) => bySeries('name', names, range);
    return chart({
      width: WIDTH,
      height: 240,
      data: { values: groups.flatMap(({ name }) => outline(values, name)) },
      mark: { type: 'line', interpolate: 'step-after' },
      encoding: {
        x: { ...x, field: 'from' },
        y,
        color: by(SERIES),
        strokeDash: by(DASHES),
        order: { field: 'order' },
      },
    });
  }
  return chart({
    spacing: 8,
    vconcat: groups.map((group, at) => {
      const last = at === groups.length - 1;
      const axis = last ? x.axis : { ...x.axis, labels: false, ticks: false };
      const own = { ...x, axis, title: last ? unit : null };
      return {
        title: {
          text: group.name,
          anchor: 'start',
          frame: 'group',
          fontSize: 12,
          fontWeight: 'normal',
          offset: 4,
        },
        width: WIDTH,
        height: 46,
        layer: [
          {
            data: { values: values.filter(({ name }) => name === group.name) },
            mark: { type: 'bar', color: group.steered ? STEERED : UNSTEERED, binSpacing: 1 },
            encoding: { x: { ...own, field: 'from', bin: 'binned' }, x2: { field: 'to' }, y },
          },
          {
            data: { values: [{ median: medianOf(group.values) }] },
            mark: { type: 'rule', color: INK, strokeWidth: 1.5 },
            encoding: { x: { ...own, field: 'median' } },
          },
        ],
      };
    }),
  });
}

interface Bin {
  from: number;
  to: number;
}

const MOST_BINS = 32;

/** One for each whole number where those are few, else at most 32 of a round width. */
function binsOf(values: number[]): Bin[] {
  const known = values.filter(Number.isFinite);
  if (!known.length) return [{ from: 0, to: 1 }];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const whole = known.every(Number.isInteger) && high - low < MOST_BINS;
  const width = whole ? 1 : roundUp((high - low) / MOST_BINS || 1);
  const first = whole ? low - 0.5 : Math.floor(low / width) * width;
  const n = Math.floor((high - first) / width) + 1;
  return Array.from({ length: n }, (_, i) => ({
    from: first + i * width,
    to: first + (i + 1) * width,
  }));
}

/** The next of 1, 2, 5, 10, … */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

function count({ name, values }: Distribution, bins: Bin[]) {
  const counts = bins.map(({ from, to }) => values.filter((v) => v >= from && v < to).length);
  return bins.map(({ from, to }, i) => ({
    name,
    from,
    to,
    share: counts[i] / (values.length || 1),
  }));
}

/** Steps that begin and end on the axis. */
function outline(counted: ReturnType<typeof count>, name: string) {
  const own = counted.filter((one) => one.name === name);
  const [first, last] = [own[0], own.at(-1)!];
  return [{ ...first, share: 0 }, ...own, { ...last, from: last.to, share: 0 }].map(
    (one, order) => ({
      ...one,
      order,
    }),
  );
}

function medianOf(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (
    (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2
  );
}
