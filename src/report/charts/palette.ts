/**
 * Colours by what they are for. Safe for colour-blind readers (after Okabe and Ito) and of different
 * lightness, so that a grey print keeps them apart. Each is one word in the page's style sheet, which
 * has a second value of it for a dark page.
 */
export const INK = '#1b2430';
export const MUTED = '#55606d';
export const GRID = '#e1e6eb';
/** The page itself, and the rim of points that lie on others. */
export const PAPER = '#ffffff';
export const UNSTEERED = '#9aa5b1';
export const STEERED = '#0b66a8';
/** What must not be taken for a result: degenerate layers. */
export const WARNING = '#b3261e';

/** Of series, in their order. */
export const SERIES = [
  STEERED,
  '#d55e00',
  '#00856a',
  '#b4558e',
  '#8a6d00',
  '#4fa3d9',
  '#6a4ca8',
  '#7d5a44',
];

/** Dashes that go with them: lines that coincide, or are printed in grey, stay apart. */
export const DASHES = [
  [],
  [6, 3],
  [2, 2],
  [8, 3, 2, 3],
  [4, 4],
  [10, 3],
  [1, 3],
  [6, 2, 1, 2, 1, 2],
];

export const SHAPES = [
  'circle',
  'square',
  'triangle-up',
  'diamond',
  'cross',
  'triangle-down',
  'triangle-left',
  'triangle-right',
];

/** Names in the page's style sheet: `--chart-ink`. */
export const NAMES: Record<string, string> = Object.fromEntries([
  ...Object.entries({ ink: INK, muted: MUTED, grid: GRID, paper: PAPER }),
  ...Object.entries({ unsteered: UNSTEERED, warning: WARNING }),
  ...SERIES.map((color, i) => [`series-${i + 1}`, color]),
]);
