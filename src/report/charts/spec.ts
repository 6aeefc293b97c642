/** What all charts share: the spec's type, axes, sizes. */
import { SERIES, UNSTEERED } from './palette';
import { textWidth } from './textWidth';

/** A vega-lite 6 spec with its data in it, as `Figure.spec` takes it; the title is the figure's. */
export type Spec = Record<string, unknown>;

/** A low and a high end, of 95 %. */
export type Interval = readonly [low: number, high: number];

/** What an axis shows. */
export interface AxisOf {
  /** With its unit: `perplexity (log scale)`. */
  title: string;
  /** Values are shares from 0 to 1, shown in percent from 0 to 100. */
  percent?: boolean;
  /** Only for values above 0. */
  log?: boolean;
}

/** Pixels of the plot itself, axes aside: a picture stays readable on a phone. */
export const WIDTH = 400;

export const VEGA_LITE = 'https://vega.github.io/schema/vega-lite/v6.json';

/** The frame of every spec. */
export function chart(parts: Spec): Spec {
  return { $schema: VEGA_LITE, ...parts };
}

export const PERCENT = { format: '.0%', values: [0, 0.25, 0.5, 0.75, 1] };

/** From 0 to 100 % for shares; else round numbers around the values, with a little room. */
export function domainOf(values: number[], { percent, log }: Omit<AxisOf, 'title'> = {}): Interval {
  const known = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  if (percent) return [0, 1];
  if (!known.length) return log ? [1, 10] : [0, 1];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  if (log) {
    const room = Math.max(Math.log(high / low) * 0.06, 0.05);
    return [low * Math.exp(-room), high * Math.exp(room)];
  }
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  // Counts and norms begin at 0 where that costs little.
  const start = low >= 0 && low < (high - low) * 0.5 ? Math.min(0, low) : low - room;
  return [start, high + room];
}

/** A channel of numbers on that axis. */
export function quantitative(field: string, axis: AxisOf, domain: Interval): Spec {
  return {
    field,
    type: 'quantitative',
    title: axis.title,
    scale: { domain, nice: false, ...(axis.log ? { type: 'log' } : { zero: false }) },
    axis: axis.percent ? PERCENT : axis.log ? { values: logTicks(domain) } : { tickCount: 6 },
  };
}

/** 1, 2, 5, 10, …; more of them where the domain is short. */
export function logTicks([low, high]: Interval): number[] {
  const within = (steps: number[]) => {
    const ticks: number[] = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
      ticks.push(...steps.map((step) => Number((step * 10 ** power).toPrecision(3))));
    }
    return ticks.filter((tick) => tick >= low && tick <= high);
  };
  const fine = Array.from({ length: 90 }, (_, i) => 1 + i / 10);
  const choices = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 7], fine].map(within);
  return choices.find((ticks) => ticks.length >= 4) ?? choices.at(-1)!;
}

/** Above the plot, in as many columns as there is room for. */
export function legendOf(names: string[]): Spec | null {
  if (names.length < 2) return null;
  const widest = Math.max(...names.map((name) => textWidth(name, 11)));
  const columns = Math.max(1, Math.floor((WIDTH + 40) / (widest + 34)));
  return { title: null, ...(names.length > columns ? { columns } : {}) };
}

/** What is unsteered is grey wherever it is one of several series. */
const isUnsteered = (name: string) => name === 'unsteered' || name === 'none';

/** A channel that tells series apart; `range` is begun again where it ends. */
export function bySeries(field: string, names: string[], range: unknown[]): Spec {
  const others = names.filter((name) => !isUnsteered(name));
  const look = (name: string) =>
    range === SERIES && isUnsteered(name)
      ? UNSTEERED
      : range[(range === SERIES ? others : names).indexOf(name) % range.length];
  return {
    field,
    type: 'nominal',
    scale: { domain: names, range: names.map(look) },
    legend: legendOf(names),
  };
}
