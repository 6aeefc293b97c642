/** A cell of a table; null and NaN show as a dash. */
export type Cell = string | number | boolean | null | undefined;

/**
 * Text in aligned columns: a header, a rule, the rows. A column of numbers alone is right-aligned.
 * @param rows as many cells as the header has
 */
export function formatTable(header: string[], rows: Cell[][]): string {
  const numeric = header.map((_, column) =>
    rows.every((row) => isNumber(row[column]) || isBlank(row[column])),
  );
  const lines = [header, ...rows.map((row) => header.map((_, column) => show(row[column])))];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => width(line[column]))));
  const format = (line: string[]) =>
    line
      .map((cell, column) => {
        const gap = ' '.repeat(widths[column] - width(cell));
        return numeric[column] ? gap + cell : cell + gap;
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((columns) => '─'.repeat(columns)).join('  ');
  return [format(lines[0]), rule, ...lines.slice(1).map(format)].join('\n');
}

/** 0.4666 → `46.7 %`; null → null. */
export function percent(share: number | null): string | null {
  return share === null || Number.isNaN(share) ? null : `${(100 * share).toFixed(1)} %`;
}

/** 3.14159 → `3.14` with two digits; null → null. */
export function fixed(value: number | null, digits = 2): string | null {
  return value === null || Number.isNaN(value) ? null : value.toFixed(digits);
}

function isNumber(cell: Cell) {
  return (
    typeof cell === 'number' || (typeof cell === 'string' && /^[-+]?[\d.]+( ?[%x])?$/.test(cell))
  );
}

function isBlank(cell: Cell) {
  return cell === null || cell === undefined || cell === '' || Number.isNaN(cell);
}

function show(cell: Cell) {
  return isBlank(cell) && cell !== '' ? '–' : String(cell);
}

/** Columns on screen: one per code point is near enough for our tables. */
function width(cell: string) {
  return [...cell].length;
}
