import type { Table } from '../../../src/util/table';

/**
 * The tables of several runs of a script as one. Its first columns say what sets the runs apart: the
 * keys whose values are not the same in all of them.
 * @param runs at least one; their tables have the same columns
 */
export function joinRuns(runs: { overrides: string[]; table: Table }[]): Table {
  const settings = runs.map(({ overrides }) => new Map(overrides.map(keyAndValue)));
  const keys = [...settings[0].keys()].filter(
    (key) => new Set(settings.map((values) => values.get(key))).size > 1,
  );
  return {
    columns: [...keys.map((name) => ({ name, label: true })), ...runs[0].table.columns],
    rows: runs.flatMap(({ table }, i) =>
      table.rows.map(({ cells, section }) => ({
        cells: [...keys.map((key) => settings[i].get(key)), ...cells],
        section,
      })),
    ),
  };
}

function keyAndValue(override: string): [string, string] {
  const at = override.indexOf('=');
  return [override.slice(0, at), override.slice(at + 1)];
}
