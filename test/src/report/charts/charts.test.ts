/** What stands where in the pictures: read off the SVG, and held against the data. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  cellsChart,
  changeBars,
  distribution,
  groupedBars,
  heatMap,
  layerCurve,
  pcaScatter,
  type Spec,
  scatter,
  weightCurve,
} from '../../../../src/report/charts';
import { WIDTH } from '../../../../src/report/charts/spec';
import { loadDrawing } from '../../../../src/report/draw/drawing';
import { drawSvg } from '../../../../src/report/draw/picture';
import { testDrawing } from '../../../where';

async function draw(spec: Spec, title = 'A title'): Promise<string> {
  const loaded = await loadDrawing();
  if ('missing' in loaded) throw new Error(loaded.missing);
  return drawSvg(loaded.drawing, { id: 'one', title, caption: 'A caption', spec });
}

/** Widths of the bars of a colour, from the left edge of the plot. */
const bars = (svg: string, color: string) =>
  [...svg.matchAll(/<path d="M0,[\d.]+h([\d.]+)v[\d.]+h-[\d.]+Z" fill="(#\w+)"/g)]
    .filter(([, , fill]) => fill === color)
    .map(([, width]) => Number(width));

/** Places of the symbols of a colour, those of the legend aside. */
const points = (svg: string, color: string) =>
  [
    ...svg
      .split('role-legend')[0]
      .matchAll(/<path transform="translate\(([-\d.]+),([-\d.]+)\)"[^>]*?fill="(#\w+)"/g),
  ]
    .filter(([, , , fill]) => fill === color)
    .map(([, x, y]) => [Number(x), Number(y)]);

const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, t]) => t);

const [GREY, BLUE, ORANGE] = ['#9aa5b1', '#0b66a8', '#d55e00'];

/** Half a pixel. */
const near = (values: number[], expected: number[]) => {
  assert.is(values.length, expected.length);
  values.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]) < 0.5, `${values} is not ${expected}`);
  });
};

testDrawing(
  'cells: each bar is as long as its share, and has its number and its interval',
  async () => {
    const prompts = 'Without the instruction';
    const svg = await draw(
      cellsChart([
        { prompts, steering: 'none', steered: false, share: 0.25, interval: [0.1, 0.4] },
        { prompts, steering: 'brief 1x', steered: true, share: 0.875, interval: [0.8, 0.9] },
      ]),
      'Brief answers, unasked',
    );
    const wide = WIDTH - 40;
    near(bars(svg, GREY), [0.25 * wide]);
    near(bars(svg, BLUE), [0.875 * wide]);
    for (const text of ['Brief answers, unasked', 'none', 'brief 1x', '25.0%', '87.5%', prompts]) {
      assert.ok(texts(svg).includes(text), `${text} in ${texts(svg)}`);
    }
    const rules = [...svg.matchAll(/translate\(([\d.]+),[\d.]+\)" x2="(-?[\d.]+)" y2="0"/g)];
    const ends = rules.map(([, from, length]) =>
      [Number(from), Number(from) + Number(length)].sort((a, b) => a - b),
    );
    assert.ok(
      ends.some(([a, b]) => Math.abs(a - 0.1 * wide) < 0.5 && Math.abs(b - 0.4 * wide) < 0.5),
    );
  },
);

testDrawing('an SVG says to screen readers what it is', async () => {
  const svg = await draw(changeBars([{ name: 'a', unsteered: 0, steered: 1 }]), 'x < y & "z"');
  assert.match(svg, /^<svg role="img" aria-labelledby="one-title one-desc"/);
  assert.match(svg, '<title id="one-title">x &lt; y &amp; &quot;z&quot;</title>');
  assert.match(svg, '<desc id="one-desc">A caption</desc>');
});

testDrawing(
  'layers: 42 of them in their places, the selected one in a ring, degenerate ones crossed',
  async () => {
    const layers = Array.from({ length: 42 }, (_, layer) => ({
      ...{ layer, share: layer / 41, perplexity: 3 + layer, degenerate: layer === 41 },
    }));
    const svg = await draw(layerCurve(layers, { selected: [{ layer: 21 }] }));
    const seen = points(svg, BLUE);
    // Twice, for shares and for perplexities, without the degenerate one.
    assert.is(seen.length, 82);
    const place = (layer: number) => ((layer + 0.5) / 42) * WIDTH;
    near(
      seen.slice(0, 3).flat(),
      [0, 1, 2].flatMap((layer) => [place(layer), 190 * (1 - layer / 41)]),
    );
    for (const text of ['selected', 'degenerate', 'layer', '40'])
      assert.ok(texts(svg).includes(text));
    const labels = texts(svg).filter((text) => /^\d+$/.test(text));
    assert.ok(labels.length < 25, `${labels} would overlap`);
  },
);

testDrawing('layers: none is marked where none was chosen', async () => {
  const svg = await draw(layerCurve([{ layer: 0, share: 0.5 }]));
  assert.not(texts(svg).some((text) => /selected|degenerate|perplexity/.test(text)));
});

testDrawing('weights: in order along their line, by their names', async () => {
  const weight = (label: string, share: number, perplexity: number) => ({
    ...{ steering: 'brief', weight: Number.parseFloat(label), label, share, perplexity },
  });
  const svg = await draw(
    weightCurve([weight('2x', 0.75, 20), weight('0.5x', 0.25, 5)], {
      unsteered: { share: 0, perplexity: 2.5 },
    }),
  );
  for (const text of ['2x', '0.5x', 'unsteered']) assert.ok(texts(svg).includes(text));
  const line = /<path d="M([\d.]+),300L([\d.]+),225L([\d.]+),75"/.exec(svg);
  assert.ok(line, 'the line begins unsteered, then rises');
  const [start, first, second] = line.slice(1).map(Number);
  // From 2.5 to 5 is one doubling, from 5 to 20 two.
  near([second - first], [2 * (first - start)]);
});

testDrawing('distributions: shares of each cell, medians', async () => {
  const svg = await draw(
    distribution(
      [
        { name: 'none', values: [1, 2, 2, 3] },
        { name: 'brief', values: [1], steered: true },
      ],
      {
        unit: 'sentences',
      },
    ),
  );
  const heights = [
    ...svg.matchAll(/<path d="M[\d.]+,[\d.]+h[\d.]+v([\d.]+)h-[\d.]+Z" fill="(#\w+)"/g),
  ];
  const of = (color: string) => heights.filter(([, , f]) => f === color).map(([, h]) => Number(h));
  const full = 46 / 1.05;
  near(of(GREY), [0.25 * full, 0.5 * full, 0.25 * full]);
  near(of(BLUE).slice(0, 1), [full]);
});

testDrawing('changes: the greatest gain on top, both ends in their places', async () => {
  const svg = await draw(
    changeBars([
      { name: 'lost', unsteered: 0.5, steered: 0.25 },
      { name: 'won', unsteered: 0, steered: 1 },
    ]),
  );
  const wide = WIDTH - 20;
  near(
    points(svg, BLUE)
      .slice(-2)
      .map(([x]) => x)
      .sort((a, b) => a - b),
    [0.25 * wide, wide],
  );
  const names = texts(svg).filter((text) => ['won', 'lost', '+100', '−25'].includes(text));
  assert.equal(names, ['won', 'lost', '+100', '−25']);
});

testDrawing('scatter: linear and log axes, a colour a group', async () => {
  const options = { x: { title: 'x', log: true }, y: { title: 'y', percent: true } };
  const domains = { x: [1, 100], y: [0, 1] } as const;
  const svg = await draw(
    scatter(
      [
        { x: 10, y: 0.25, name: 'ten', group: 'a' },
        { x: 100, y: 1, name: 'hundred', group: 'b' },
      ],
      { ...options, domains, height: 200 },
    ),
  );
  near(points(svg, BLUE)[0], [WIDTH / 2, 150]);
  near(points(svg, ORANGE)[0], [WIDTH, 0]);
  for (const text of ['ten', 'hundred']) assert.ok(texts(svg).includes(text));
});

testDrawing('vectors in the plane: both axes have one scale', async () => {
  const svg = await draw(
    pcaScatter(
      [
        { x: 0, y: 0, name: 'a' },
        { x: 1, y: 0, name: 'b' },
        { x: 0, y: 1, name: 'c' },
      ],
      { explained: [0.5, 0.25] },
    ),
  );
  const [a, b, c] = points(svg, BLUE);
  near([b[0] - a[0]], [a[1] - c[1]]);
  assert.ok(texts(svg).includes('component 1 (50 % of the variance)'));
});

testDrawing('heat map: white at 0, the ends of the scale, numbers, gaps', async () => {
  const svg = await draw(
    heatMap({
      ...{ rows: ['a', 'b'], columns: ['a', 'b'], title: 'cosine', domain: [-1, 1] },
      values: [
        [1, 0],
        [null, -1],
      ],
    }),
  );
  const colors = [...svg.matchAll(/v24h-34Z" fill="([^"]+)"/g)].map(([, color]) => color);
  const rgb = (color: string) => color.match(/\d+/g)!.map(Number);
  assert.equal(rgb(colors[0]), [8, 88, 158]);
  assert.equal(rgb(colors[1]), [247, 247, 247]);
  assert.equal(rgb(colors.at(-1)!), [179, 88, 6]);
  assert.equal(
    texts(svg).filter((text) => /^[−-]?\d\.\d\d$/.test(text)),
    ['1.00', '0.00', '−1.00'],
  );
});

testDrawing('grouped bars: from 0, sorted by the first series where asked for', async () => {
  const svg = await draw(
    groupedBars(
      [
        { group: 'low', series: 'ours', value: 0.5 },
        { group: 'high', series: 'ours', value: 1 },
        { group: 'high', series: 'paper', value: 0.25 },
        { group: 'high', series: 'unsteered', value: 0.125 },
      ],
      { axis: { title: 'share', percent: true }, sorted: true },
    ),
  );
  near(bars(svg, BLUE), [0.5 * WIDTH, WIDTH]);
  near(bars(svg, ORANGE), [0.25 * WIDTH]);
  near(bars(svg, GREY), [0.125 * WIDTH]);
  assert.equal(
    texts(svg).filter((text) => ['low', 'high'].includes(text)),
    ['high', 'low'],
  );
});

test.run();
