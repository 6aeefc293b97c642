import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { placeLabels } from '../../../../src/report/charts/labels';
import { textWidth } from '../../../../src/report/charts/textWidth';
import { seededRandom } from '../../../../src/util/random';

test('25 names lie on nothing', () => {
  const random = seededRandom(1);
  const points = Array.from({ length: 25 }, (_, i) => ({
    ...{ x: random() * 400, y: random() * 300, name: `instruction_number_${i}` },
  }));
  const placed = placeLabels(points, { width: 400, height: 300 });
  const boxes = placed.flatMap((place, i) => {
    if (!place) return [];
    const left = points[i].x + place.dx;
    const middle = points[i].y + place.dy;
    return [
      { i, left, right: left + textWidth(points[i].name, 11), top: middle - 5, bottom: middle + 5 },
    ];
  });
  assert.ok(boxes.length > 15, `only ${boxes.length} found a place`);
  for (const a of boxes) {
    for (const b of boxes) {
      const apart =
        a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
      assert.ok(a === b || apart, `${a.i} on ${b.i}`);
    }
    for (const [i, { x, y }] of points.entries()) {
      const on = x > a.left && x < a.right && y > a.top && y < a.bottom;
      assert.not(on && i !== a.i, `${a.i} on the point ${i}`);
    }
  }
});

test('what has no room is left out', () => {
  const same = Array.from({ length: 60 }, () => ({ x: 50, y: 50, name: 'the same place' }));
  assert.ok(placeLabels(same, { width: 100, height: 100 }).includes(null));
});

test('widths are those of Arimo', () => {
  // Advance widths of the font's own table, in 2048 units an em: H 1479, a 1139, i 455.
  const near = (text: string, units: number) =>
    assert.ok(Math.abs(textWidth(text, 100) - (units / 2048) * 100) < 0.1, text);
  near('H', 1479);
  near('a', 1139);
  near('i', 455);
});

test.run();
