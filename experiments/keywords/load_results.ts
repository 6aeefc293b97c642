// npx ts-node experiments/keywords/load_results.ts
import '../shared/command/help';
import * as path from 'node:path';
import { modelName } from '../../src/hub/modelFolder';
import { flag, nullable, text } from '../../src/runs/config';
import { InputError } from '../../src/util/errors';
import { showTable } from '../../src/util/table';
import { readResults } from '../shared/answers/readRun';
import { defineScript } from '../shared/command/script';
import { findRun, finishedRuns } from '../shared/earlierSteps';
import { computeCells, type KeywordRow } from './parts/cells';
import { SPECIFIC_INSTRUCTIONS } from './parts/data';
import { cellsTable, example } from './parts/tables';

const schema = {
  model_name: text(),
  output_path: text(),
  run_folder: nullable(text()),
  dry_run: flag(),
};

export const script = defineScript(__filename, schema, async (config, { made, wide }) => {
  const base = path.join(config.output_path, 'keywords', modelName(config.model_name));
  if (config.dry_run) {
    console.log(`Would read ${config.run_folder ?? `the finished runs in ${base}`}`);
    return;
  }
  const how = `npx ts-node experiments/keywords/evaluate.ts model_name=${config.model_name}`;
  const folders = config.run_folder ? [config.run_folder] : runOfEach(base, made, how);
  if (!folders.length) {
    throw new InputError(`There is no finished run in ${base}. Run first: ${how}`);
  }
  const tables = folders.map((folder) => {
    const { config: settings, rows, judged } = readResults<KeywordRow>(folder);
    const cells = computeCells(rows, judged);
    const table = cellsTable(cells, wide);
    console.log(`\n${settings.specific_instruction} (${folder})\n`);
    console.log(`${showTable(table, { wide })}\n\n${example(cells, rows)}`);
    const named = table.rows.map(({ cells: figures, section }) => ({
      cells: figures,
      section: `${settings.specific_instruction}: ${section}`,
    }));
    return { ...table, rows: named };
  });
  return { ...tables[0], rows: tables.flatMap(({ rows }) => rows) };
});

/**
 * The run of each specific instruction that there is; of this `run.ts` where it made any.
 * @throws InputError where there are several of one
 */
function runOfEach(base: string, made: readonly string[], how: string): string[] {
  const all = finishedRuns(base);
  const own = all.filter(({ place }) => made.includes(place));
  const runs = own.length ? own : all;
  return SPECIFIC_INSTRUCTIONS.filter((name) =>
    runs.some(({ says }) => says.specific_instruction === name),
  ).map((specific_instruction) => {
    const expected = { specific_instruction };
    return findRun(base, { expected, usual: '', chosen: null, key: 'run_folder', made, how });
  });
}
