import { type Cell, showTable, type Table, wrap } from '../../../src/util/table';

/** A run of a script that is done, and its main figures. */
export interface Done {
  overrides: string[];
  table: Table;
}

/** How many characters of a line settings may take. */
const ROOM = 20;

/**
 * The tables of several runs of a script as one, as text. Its first columns say what sets the runs
 * apart: the keys whose values are not the same in all of them, or where those are long, a number.
 * @param runs at least one; their tables have the same columns
 */
export function showRuns(runs: Done[], { wide = false } = {}): string {
  const settings = runs.map(({ overrides }) => new Map(overrides.map(keyAndValue)));
  const valuesOf = (key: string) => settings.map((values) => values.get(key) ?? '');
  const keys = [...settings[0].keys()].filter((key) => new Set(valuesOf(key)).size > 1);
  const title = `All ${runs.length} runs${keys.length ? `, by ${keys.join(', ')}` : ''}\n`;
  const room = keys.map((key) => Math.max(...valuesOf(key).map(({ length }) => length)));
  if (wide || room.reduce((a, b) => a + b, 0) <= ROOM) {
    const labels = settings.map((values) => keys.map((key) => values.get(key)));
    return `${title}${showTable(join(runs, keys, labels), { wide })}`;
  }
  const legend = settings.flatMap((values, i) => {
    const own = keys.map((key) => `${key}=${values.get(key)}`).join(' ');
    return wrap(`run ${i + 1}: ${own}`);
  });
  const numbers = runs.map((_, i) => [i + 1]);
  return `${title}${[...legend, '', showTable(join(runs, ['run'], numbers))].join('\n')}`;
}

/** @param labels for each run, what its rows have in the columns of those names */
function join(runs: Done[], names: string[], labels: Cell[][]): Table {
  const { columns } = runs[0].table;
  const kept = columns.map((_, at) => at).filter((at) => !isSaid(runs, at));
  return {
    columns: [...names.map((name) => ({ name, label: true })), ...kept.map((at) => columns[at])],
    rows: runs.flatMap(({ table }, i) =>
      table.rows.map(({ cells, section }) => ({
        cells: [...labels[i], ...kept.map((at) => cells[at])],
        section,
      })),
    ),
  };
}

/** Whether a label has one value in each run, and another in others: the settings say it. */
function isSaid(runs: Done[], at: number): boolean {
  const values = runs.map(({ table }) => {
    const given = table.rows.flatMap(({ cells }) => cells[at] ?? []);
    return [...new Set(given)];
  });
  const label = runs[0].table.columns[at].label;
  return (
    Boolean(label) && values.every(({ length }) => length === 1) && new Set(values.flat()).size > 1
  );
}

function keyAndValue(override: string): [string, string] {
  const at = override.indexOf('=');
  return [override.slice(0, at), override.slice(at + 1)];
}
