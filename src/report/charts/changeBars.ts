import { INK, MUTED, PAPER, STEERED, UNSTEERED } from './palette';
import { chart, PERCENT, type Spec, WIDTH } from './spec';

/** What steering changed for one instruction. */
export interface Change {
  name: string;
  /** Shares from 0 to 1. */
  unsteered: number;
  steered: number;
}

/**
 * From the unsteered share to the steered one, a line for each; the greatest gain on top.
 * @param what the axis: `answers that obey`
 * @example changeBars([{ name: 'title', unsteered: 0, steered: 0.95 }])
 */
export function changeBars(changes: Change[], what = 'answers that obey'): Spec {
  const rows = [...changes].sort(
    (a, b) => b.steered - b.unsteered - (a.steered - a.unsteered) || b.steered - a.steered,
  );
  const values = rows.map((row) => ({ ...row, text: points(row.steered - row.unsteered) }));
  const names = rows.map(({ name }) => name);
  const x = (field: string) => ({
    field,
    type: 'quantitative',
    title: what,
    scale: { domain: [0, 1] },
    axis: PERCENT,
  });
  const ends = (['unsteered', 'steered'] as const).flatMap((side) =>
    rows.map((row) => ({ name: row.name, side, share: row[side] })),
  );
  return chart({
    width: WIDTH - 20,
    height: { step: 20 },
    data: { values },
    encoding: { y: { field: 'name', type: 'nominal', sort: names, title: null } },
    layer: [
      {
        mark: { type: 'bar', size: 4, color: MUTED, opacity: 0.55 },
        encoding: { x: x('unsteered'), x2: { field: 'steered' } },
      },
      {
        data: { values: ends },
        mark: {
          type: 'point',
          filled: true,
          size: 85,
          opacity: 1,
          stroke: PAPER,
          strokeWidth: 0.8,
        },
        encoding: {
          x: x('share'),
          color: {
            field: 'side',
            type: 'nominal',
            scale: { domain: ['unsteered', 'steered'], range: [UNSTEERED, STEERED] },
            legend: { title: null },
          },
          shape: {
            field: 'side',
            type: 'nominal',
            scale: { domain: ['unsteered', 'steered'], range: ['square', 'circle'] },
          },
        },
      },
      {
        mark: { type: 'text', align: 'left', dx: 9, color: INK },
        encoding: { x: { value: 'width' }, text: { field: 'text' } },
      },
    ],
  });
}

/** `+12`, `-3`, `0` */
function points(share: number): string {
  const whole = Math.round(100 * share);
  return whole > 0 ? `+${whole}` : String(whole).replace('-', '−');
}
