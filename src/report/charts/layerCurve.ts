import { DASHES, INK, MUTED, PAPER, SERIES, WARNING } from './palette';
import {
  bySeries,
  chart,
  domainOf,
  type Interval,
  legendOf,
  quantitative,
  type Spec,
  WIDTH,
} from './spec';

/** What steering at one layer gave. */
export interface LayerPoint {
  layer: number;
  /** From 0 to 1. */
  share: number;
  interval?: Interval | null;
  perplexity?: number | null;
  /** Mostly empty or repeating answers: shown as a cross, and never to be chosen. */
  degenerate?: boolean;
  /** Where there are several lines: a weight, an instruction. At most eight. */
  series?: string;
}

export interface LayerCurveOptions {
  /** Layers that were chosen, marked by a ring; with its series where there are several. */
  selected?: { layer: number; series?: string }[];
  /** What the ring means, in the legend; default `selected`. */
  ring?: string;
  /** Drawn as a dashed rule. */
  unsteered?: { share: number; perplexity?: number | null };
  /** The axis of shares: `answers that obey`. */
  what?: string;
  /** The largest perplexity that may be chosen, drawn as a rule. */
  perplexityLimit?: number | null;
}

/**
 * How often steering at each layer is obeyed, and below it what that costs in perplexity.
 * @example layerCurve(
 *   [{ layer: 0, share: 0.9, perplexity: 3.1 }, { layer: 1, share: 0.4, perplexity: 80, degenerate: true }],
 *   { selected: [{ layer: 0 }], unsteered: { share: 0, perplexity: 2.9 } },
 * )
 */
export function layerCurve(points: LayerPoint[], options: LayerCurveOptions = {}): Spec {
  const { selected = [], ring = 'selected', unsteered, perplexityLimit } = options;
  const { what = 'answers that obey' } = options;
  const series = [...new Set(points.map((point) => point.series ?? 'steered'))];
  const isSelected = (point: LayerPoint) =>
    selected.some(
      (one) =>
        one.layer === point.layer && (one.series === undefined || one.series === point.series),
    );
  const values = points.map(({ interval, perplexity, series: name = 'steered', ...point }) => ({
    layer: point.layer,
    share: point.share,
    low: interval?.[0],
    high: interval?.[1],
    perplexity: perplexity ?? null,
    series: name,
    kind: point.degenerate
      ? 'degenerate'
      : isSelected({ ...point, series: name === 'steered' ? undefined : name })
        ? 'selected'
        : 'layer',
  }));
  const judged = values.some(({ perplexity }) => perplexity !== null);
  const kinds = Object.keys(KINDS).filter((kind) => values.some((value) => value.kind === kind));
  const shares = panel({
    values,
    ...{ series, kinds, ring },
    field: 'share',
    axis: { title: what, percent: true },
    rules: unsteered ? [{ at: unsteered.share, name: 'unsteered' }] : [],
    height: 190,
    bottom: !judged,
  });
  if (!judged) return chart(shares);
  const rules = [
    ...(unsteered?.perplexity ? [{ at: unsteered.perplexity, name: 'unsteered' }] : []),
    ...(perplexityLimit ? [{ at: perplexityLimit, name: 'limit' }] : []),
  ];
  const below = panel({
    values: values.filter(({ perplexity }) => perplexity !== null),
    ...{ series, kinds, ring },
    field: 'perplexity',
    axis: { title: 'perplexity (log scale)', log: true },
    rules,
    height: 120,
    bottom: true,
  });
  return chart({ spacing: 12, vconcat: [shares, below] });
}

/** Shapes of the points that are more than a layer. */
const KINDS: Record<string, string> = {
  selected: 'circle',
  degenerate: 'M-0.6,-0.6L0.6,0.6M-0.6,0.6L0.6,-0.6',
};

interface Panel {
  values: { layer: number; kind: string; series: string; [field: string]: unknown }[];
  series: string[];
  /** Of `KINDS`, those that occur. */
  kinds: string[];
  /** What the ring means. */
  ring: string;
  field: 'share' | 'perplexity';
  axis: { title: string; percent?: boolean; log?: boolean };
  rules: { at: number; name: string }[];
  height: number;
  /** Has the axis of layers. */
  bottom: boolean;
}

function panel(options: Panel): Spec {
  const { values, series, kinds, ring: chosen, field, axis, rules, height, bottom } = options;
  const layers = values.map(({ layer }) => layer);
  const [first, last] = [Math.min(...layers), Math.max(...layers)];
  const numbers = values.map((value) => value[field] as number);
  const domain = domainOf([...numbers, ...rules.map(({ at }) => at)], axis);
  const y = quantitative(field, axis, domain);
  const x = {
    field: 'layer',
    type: 'quantitative',
    title: bottom ? 'layer' : null,
    scale: { domain: [first - 0.5, last + 0.5], nice: false, zero: false },
    axis: { values: layerTicks(first, last), format: 'd', grid: false, labels: bottom },
  };
  const legend = series.length > 1 ? { ...legendOf(series), symbolType: 'stroke' } : null;
  const color = { ...bySeries('series', series, SERIES), legend };
  const strokeDash = { ...bySeries('series', series, DASHES), legend };
  const points = {
    transform: [{ filter: "datum.kind !== 'degenerate'" }],
    mark: { type: 'point', filled: true, opacity: 1, stroke: PAPER, strokeWidth: 0.8 },
    encoding: {
      x,
      y,
      color,
      size: { condition: { test: "datum.kind === 'selected'", value: 150 }, value: 36 },
    },
  };
  const shape = {
    ...{ field: 'kind', type: 'nominal' },
    scale: { domain: kinds, range: kinds.map((kind) => KINDS[kind]) },
    legend: kinds.length
      ? {
          ...{ title: null, symbolStrokeColor: INK },
          labelExpr: `datum.label === 'selected' ? '${chosen}' : datum.label`,
        }
      : null,
  };
  const ring = {
    transform: [{ filter: "datum.kind === 'selected'" }],
    mark: { type: 'point', size: 260, strokeWidth: 1.6, opacity: 1 },
    encoding: { x, y, color, shape },
  };
  const crosses = {
    transform: [{ filter: "datum.kind === 'degenerate'" }],
    mark: { type: 'point', size: 150, strokeWidth: 2.2, opacity: 1, color: WARNING },
    encoding: { x, y, shape },
  };
  return {
    width: WIDTH,
    height,
    data: { values },
    layer: [
      ...rules.flatMap(({ at, name }) => rule(at, name, y)),
      ...(field === 'share' && values.some(({ low }) => low !== undefined)
        ? [
            {
              transform: [{ filter: 'isValid(datum.low)' }],
              mark: { type: 'rule', strokeWidth: 1, opacity: 0.55 },
              encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
            },
          ]
        : []),
      { mark: { type: 'line' }, encoding: { x, y, color, strokeDash } },
      ring,
      points,
      crosses,
    ],
  };
}

/** A dashed line across, with its name at the right end. */
function rule(at: number, name: string, y: Spec): Spec[] {
  const data = { values: [{ at, name }] };
  const place = { ...y, field: 'at' };
  return [
    { data, mark: { type: 'rule', strokeDash: [4, 3], color: MUTED }, encoding: { y: place } },
    {
      data,
      mark: { type: 'text', align: 'left', dx: 5, color: MUTED },
      encoding: { x: { value: 'width' }, y: place, text: { field: 'name' } },
    },
  ];
}

/** Every layer up to 16 of them, every second, fifth … beyond. */
function layerTicks(first: number, last: number): number[] {
  const step = [1, 2, 5, 10, 20].find((one) => (last - first) / one <= 16) ?? 50;
  const start = Math.ceil(first / step) * step;
  return Array.from({ length: Math.floor((last - start) / step) + 1 }, (_, i) => start + i * step);
}
