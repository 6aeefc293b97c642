import { GRID, INK, MUTED, PAPER, STEERED } from '../charts/palette';

/** Arimo comes with the project; the others are as wide, and are what most machines have. */
export const FONT = "Helvetica, Arial, 'Liberation Sans', Arimo, sans-serif";

/** How all charts look: vega-lite's `config`. */
export const THEME = {
  // Each picture is one image with a title and a description: marks are not read out one by one.
  aria: false,
  background: PAPER,
  padding: 10,
  font: FONT,
  view: { stroke: null },
  title: {
    anchor: 'start',
    frame: 'bounds',
    color: INK,
    fontSize: 15,
    fontWeight: 'bold',
    offset: 14,
    lineHeight: 20,
  },
  axis: {
    domainColor: MUTED,
    tickColor: MUTED,
    gridColor: GRID,
    labelColor: INK,
    labelFontSize: 12,
    labelLimit: 240,
    titleColor: MUTED,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    titlePadding: 8,
  },
  axisY: { domain: false, ticks: false, labelPadding: 9 },
  axisQuantitative: { grid: true },
  axisDiscrete: { grid: false, domain: false, ticks: false, labelPadding: 6 },
  legend: {
    orient: 'top',
    direction: 'horizontal',
    labelColor: INK,
    labelFontSize: 12,
    labelLimit: 400,
    titleColor: MUTED,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    symbolOpacity: 1,
    symbolSize: 110,
    symbolStrokeWidth: 2,
    columnPadding: 16,
    rowPadding: 4,
    offset: 10,
  },
  bar: { color: STEERED },
  line: { strokeWidth: 2, color: STEERED },
  point: { color: STEERED },
  text: { color: INK, fontSize: 12 },
  rule: { color: INK },
} as const;
