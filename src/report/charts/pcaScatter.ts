import { scatter } from './scatter';
import { type Interval, type Spec, WIDTH } from './spec';

/** A vector in the plane of the first two principal components. */
export interface PcaPoint {
  x: number;
  y: number;
  name: string;
  group?: string;
}

export interface PcaScatterOptions {
  /** The shares of the variance that the two components explain, from 0 to 1. */
  explained?: readonly [number, number];
}

/**
 * Vectors in two dimensions, by name; a step to the right is as long as one up.
 * @example pcaScatter([{ x: -1, y: 0.2, name: 'lowercase' }], { explained: [0.41, 0.2] })
 */
export function pcaScatter(points: PcaPoint[], { explained }: PcaScatterOptions = {}): Spec {
  const title = (component: number) => {
    const share = explained?.[component - 1];
    const said = share === undefined ? '' : ` (${(100 * share).toFixed(0)} % of the variance)`;
    return `component ${component}${said}`;
  };
  const [width, height] = [WIDTH, 340];
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  const span = (values: number[]) => Math.max(...values) - Math.min(...values);
  const unit = Math.max(span(xs) / width, span(ys) / height) * 1.15 || 1 / width;
  const around = (values: number[], pixels: number): Interval => {
    const middle = (Math.max(...values) + Math.min(...values)) / 2;
    return [middle - (unit * pixels) / 2, middle + (unit * pixels) / 2];
  };
  const domains = { x: around(xs, width), y: around(ys, height) };
  return scatter(points, {
    ...{ x: { title: title(1) }, y: { title: title(2) } },
    ...{ height, domains, origin: true },
  });
}
