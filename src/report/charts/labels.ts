import { INK, PAPER } from './palette';
import type { Spec } from './spec';
import { textWidth } from './textWidth';

/** A point with a name, in pixels from the upper left corner of the plot. */
export interface Named {
  x: number;
  y: number;
  name: string;
}

/** Where the name stands: its left edge and its middle line, from the point. */
export interface Placed {
  dx: number;
  dy: number;
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

const GAP = 7;
const HEIGHT = 12;

/**
 * Puts names beside their points so that none lies on another, on a named point, or outside the plot,
 * and on a point without a name only where it must. A name for which there is no room is left out
 * (null): the table below has it.
 */
export function placeLabels(
  points: Named[],
  size: { width: number; height: number },
  fontSize = 11,
): (Placed | null)[] {
  const marks = points.map(({ x, y }) => around(x, y, 4, 4));
  const written: Box[] = [];
  return points.map(({ x, y, name }, own) => {
    if (!name) return null;
    const width = textWidth(name, fontSize);
    const places: Placed[] = [];
    for (const far of [1, 1.8, 2.8]) {
      const [side, up] = [GAP * far, GAP * far + HEIGHT / 2];
      places.push(
        { dx: side, dy: 0 },
        { dx: -side - width, dy: 0 },
        { dx: -width / 2, dy: -up },
        { dx: -width / 2, dy: up },
        { dx: side * 0.7, dy: -up * 0.8 },
        { dx: side * 0.7, dy: up * 0.8 },
        { dx: -side * 0.7 - width, dy: -up * 0.8 },
        { dx: -side * 0.7 - width, dy: up * 0.8 },
      );
    }
    const boxOf = ({ dx, dy }: Placed) => ({
      left: x + dx,
      right: x + dx + width,
      top: y + dy - HEIGHT / 2,
      bottom: y + dy + HEIGHT / 2,
    });
    const others = marks.filter((_, i) => i !== own);
    const named = marks.filter((_, i) => i !== own && points[i].name);
    const isFree = (place: Placed, obstacles: Box[]) => {
      const box = boxOf(place);
      const inside =
        box.left >= 0 &&
        box.right <= size.width + 60 &&
        box.top >= -GAP &&
        box.bottom <= size.height;
      return inside && [...obstacles, ...written].every((other) => !overlap(box, other));
    };
    const free =
      places.find((place) => isFree(place, others)) ?? places.find((place) => isFree(place, named));
    if (free) written.push(boxOf(free));
    return free ?? null;
  });
}

/**
 * The layers that write placed names: `field` of data that have `dx` and `dy` too. A rim of the paper's
 * colour keeps them readable on lines.
 */
export function labelLayers(place: { x: Spec; y: Spec }, field: string): Spec[] {
  const shift = { dx: { expr: 'datum.dx' }, dy: { expr: 'datum.dy' } };
  const mark = { type: 'text', align: 'left', fontSize: 11, ...shift };
  const encoding = { ...place, text: { field } };
  return [
    { mark: { ...mark, color: PAPER, stroke: PAPER, strokeWidth: 3, opacity: 0.85 }, encoding },
    { mark: { ...mark, color: INK }, encoding },
  ].map((layer) => ({ transform: [{ filter: 'isValid(datum.dx)' }], ...layer }));
}

const around = (x: number, y: number, dx: number, dy: number): Box => ({
  left: x - dx,
  right: x + dx,
  top: y - dy,
  bottom: y + dy,
});

const overlap = (a: Box, b: Box) =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
