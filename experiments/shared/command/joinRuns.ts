import { type Cell, showTable, type Table, wrap } from '../../../src/util/table';

/** A run of a script that is done, and its main figures. */
export interface Done {
  overrides: string[];
  table: Table;
}

/** How much of a line the settings may take. */
const ROOM = 24;

/**
 * The tables of several runs of a script as one, as text. Its first columns say what sets the runs
 * apart: the keys whose values are not the same in all of them, or where that is long, a number.
 * @param runs at least one; their tables have the same columns
 */
export function showRuns(runs: Done[], { wide = false } = {}): string {
  const settings = runs.map(({ overrides }) => new Map(overrides.map(keyAndValue)));
  const keys = [...settings[0].keys()].filter(
    (key) => new Set(settings.map((values) => values.get(key))).size > 1,
  );
  const columns = keys.map((key) => [key, ...settings.map((values) => values.get(key) ?? '')]);
  const room = columns.reduce(
    (sum, texts) => sum + Math.max(...texts.map(({ length }) => length)),
    0,
  );
  if (wide || room + 2 * keys.length <= ROOM) {
    return showTable(
      join(runs, keys, (i) => keys.map((key) => settings[i].get(key))),
      { wide },
    );
  }
  const legend = settings.flatMap((values, i) => {
    const own = keys.map((key) => `${key}=${values.get(key)}`).join(' ');
    return wrap(`run ${i + 1}: ${own}`);
  });
  const numbered = join(runs, ['run'], (i) => [i + 1]);
  return [...legend, '', showTable(numbered)].join('\n');
}

function join(runs: Done[], names: string[], valuesOf: (run: number) => Cell[]): Table {
  return {
    columns: [...names.map((name) => ({ name, label: true })), ...runs[0].table.columns],
    rows: runs.flatMap(({ table }, i) =>
      table.rows.map(({ cells, section }) => ({ cells: [...valuesOf(i), ...cells], section })),
    ),
  };
}

function keyAndValue(override: string): [string, string] {
  const at = override.indexOf('=');
  return [override.slice(0, at), override.slice(at + 1)];
}
