/** Tables for people: aligned text that fits a terminal of 80 columns. */

/** A cell of a table; null and NaN show as a dash. */
export type Cell = string | number | boolean | null | undefined;

export interface Column {
  name: string;
  /** Says which row it is: comes first, and stands again where a table is continued below. */
  label?: boolean;
  /** Left out, unless all columns are asked for. */
  extra?: boolean;
}

/** What a table says, before it is laid out. */
export interface Table {
  columns: Column[];
  /** As many cells as there are columns; rows of one section stand together, under its name. */
  rows: { cells: Cell[]; section?: string }[];
}

/** A column that finds its cells itself. */
export interface ColumnOf<T> extends Column {
  cell(item: T): Cell;
}

/** The table with a row for each of the items. */
export function tableOf<T>(
  columns: ColumnOf<T>[],
  items: T[],
  sectionOf: (item: T) => string | undefined = () => undefined,
): Table {
  return {
    columns: columns.map(({ cell: _, ...column }) => column),
    rows: items.map((item) => ({
      cells: columns.map(({ cell }) => cell(item)),
      section: sectionOf(item),
    })),
  };
}

/** How wide tables are, unless all is asked for. */
export const WIDTH = 80;
const GAP = '  ';
/** Labels are cut to no less, so that they can still be recognised. */
const SHORTEST = 12;
const SHORTEST_HEADING = 7;

/**
 * The table as text. Unless it is to be `wide`, no line is longer than `width`: extra columns are left
 * out; where that is not enough, a label that is the same in all rows is said once, long labels are
 * cut (as far as they stay different), and the table is continued below. What is left out is named.
 */
export function showTable(table: Table, { wide = false, width = WIDTH } = {}): string {
  const columns = layOut(table);
  if (wide) return draw(columns, table.rows);
  const [extra, kept] = split(columns, (column) => Boolean(column.extra));
  const { left, said } = sayOnce(kept, width);
  const parts = fit(left, width).map((part) => draw(part, table.rows));
  const names = extra.map(({ name }) => name).join(', ');
  const notes = [
    said.length && `In all rows: ${said.join(', ')}.`,
    extra.length && `--wide adds: ${names}.`,
  ]
    .filter(Boolean)
    .join(' ');
  return [parts.join('\n\n'), ...(notes ? wrap(notes, width) : [])].join('\n');
}

/**
 * Text in aligned columns, as wide as it is: a header, a rule, the rows.
 * @param rows as many cells as the header has
 */
export function formatTable(header: string[], rows: Cell[][]): string {
  const columns = header.map((name) => ({ name }));
  return showTable({ columns, rows: rows.map((cells) => ({ cells })) }, { wide: true });
}

/** A column as it is printed. */
interface Texts extends Column {
  texts: string[];
  /** Of numbers alone, and so right-aligned. */
  numeric: boolean;
}

function layOut({ columns, rows }: Table): Texts[] {
  const texts = columns.map((column, at) => {
    const cells = rows.map((row) => row.cells[at]);
    return { ...column, numeric: isNumeric(cells), texts: cells.map(showCell) };
  });
  return split(texts, (column) => Boolean(column.label)).flat();
}

/** Takes labels out that have one value in all rows, from the last on, while the rest is too wide. */
function sayOnce(columns: Texts[], width: number): { left: Texts[]; said: string[] } {
  if (lineWidth(columns) <= width) return { left: columns, said: [] };
  const labels = columns.filter(({ label }) => label);
  const constant = labels.slice(1).findLast(({ texts }) => valuesOf(texts).length === 1);
  if (!constant) return { left: columns, said: [] };
  const rest = sayOnce(
    columns.filter((column) => column !== constant),
    width,
  );
  return { ...rest, said: [`${constant.name} ${valuesOf(constant.texts)[0]}`, ...rest.said] };
}

const valuesOf = (texts: string[]) => [...new Set(texts)].filter((text) => text !== BLANK);

/** Columns in parts that are no wider than `width`; each has the labels. */
function fit(columns: Texts[], width: number): Texts[][] {
  const limits = limitsOf(columns);
  const shorten = (some: Texts[]) =>
    [some, ...limits.map((limit) => cutLabels(some, limit))].find((one) => lineWidth(one) <= width);
  const whole = shorten(columns);
  if (whole) return [whole];
  const [labels, others] = split(columns, (column) => Boolean(column.label));
  const room = width - GAP.length - Math.max(...others.map(columnWidth));
  const least = cutLabels(labels, limits.at(-1)!);
  const share = Math.floor(room / labels.length) - GAP.length;
  const head = lineWidth(least) <= room ? least : cutLabels(labels, share, share);
  const parts: Texts[][] = [];
  for (const column of others) {
    const last = parts.at(-1);
    if (last && lineWidth([...head, ...last, column]) <= width) last.push(column);
    else parts.push([column]);
  }
  return parts.map((part) => shorten([...labels, ...part]) ?? [...head, ...part]);
}

/** To how many characters labels may be cut and still be told apart, from the most on. */
function limitsOf(columns: Texts[]): number[] {
  const longest = Math.max(SHORTEST, ...columns.map(columnWidth));
  const limits = Array.from({ length: longest - SHORTEST + 1 }, (_, i) => longest - i);
  const counts = (some: Texts[]) => some.map(({ texts }) => new Set(texts).size).join();
  return limits.filter((limit) => counts(cutLabels(columns, limit)) === counts(columns));
}

/** Labels of at most `limit` characters; a heading is cut to what stands below it. */
function cutLabels(columns: Texts[], limit: number, heading = SHORTEST_HEADING): Texts[] {
  const cut = (text: string, most: number) =>
    lengthOf(text) > most ? `${[...text].slice(0, most - 1).join('')}…` : text;
  return columns.map((column) => {
    if (!column.label) return column;
    const texts = column.texts.map((text) => cut(text, limit));
    return { ...column, texts, name: cut(column.name, Math.max(heading, ...texts.map(lengthOf))) };
  });
}

function draw(columns: Texts[], rows: Table['rows']): string {
  const widths = columns.map(columnWidth);
  const line = (texts: string[]) =>
    texts
      .map((text, i) => {
        const gap = ' '.repeat(widths[i] - lengthOf(text));
        return columns[i].numeric ? gap + text : text + gap;
      })
      .join(GAP)
      .trimEnd();
  const rowAt = (at: number) => line(columns.map(({ texts }) => texts[at]));
  const sections = [...new Set(rows.map(({ section }) => section))];
  return [
    line(columns.map(({ name }) => name)),
    widths.map((columns) => '─'.repeat(columns)).join(GAP),
    ...sections.flatMap((name) => [
      ...(name === undefined ? [] : [name]),
      ...rows.flatMap(({ section }, at) => (section === name ? [rowAt(at)] : [])),
    ]),
  ].join('\n');
}

const columnWidth = ({ name, texts }: Texts) => Math.max(...[name, ...texts].map(lengthOf));
const lineWidth = (columns: Texts[]) =>
  columns.reduce((sum, column) => sum + columnWidth(column), GAP.length * (columns.length - 1));

/** Words in lines no longer than `width`, as long as no word is. */
export function wrap(text: string, width = WIDTH): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && lengthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** 0.4666 → `46.7 %`; null → null. */
export function percent(share: number | null): string | null {
  return share === null || Number.isNaN(share) ? null : `${(100 * share).toFixed(1)} %`;
}

/** 3.14159 → `3.14` with two digits; null → null. */
export function fixed(value: number | null, digits = 2): string | null {
  return value === null || Number.isNaN(value) ? null : value.toFixed(digits);
}

/** Those that it holds for, and the others. */
function split<T>(items: T[], holds: (item: T) => boolean): [T[], T[]] {
  return [items.filter(holds), items.filter((item) => !holds(item))];
}

/** Whether a column holds numbers alone, and so is right-aligned. */
export const isNumeric = (cells: Cell[]) => cells.every((cell) => isNumber(cell) || isBlank(cell));

/** A mark may stand before a number. */
function isNumber(cell: Cell) {
  return (
    typeof cell === 'number' || (typeof cell === 'string' && /^†?[-+]?[\d.]+( ?[%x])?$/.test(cell))
  );
}

function isBlank(cell: Cell) {
  return cell === null || cell === undefined || cell === '' || Number.isNaN(cell);
}

const BLANK = '–';

/** A cell as it is printed; a dash where there is nothing. */
export function showCell(cell: Cell): string {
  return isBlank(cell) && cell !== '' ? BLANK : String(cell);
}

/** Columns on screen: one per code point is near enough for our tables. */
const lengthOf = (text: string) => [...text].length;
