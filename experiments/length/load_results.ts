// npx ts-node experiments/length/load_results.ts
import '../shared/command/help';
import * as path from 'node:path';
import { modelName } from '../../src/hub/modelFolder';
import { showTable } from '../../src/util/table';
import { openResults, resultsSchema } from '../shared/answers/readRun';
import { defineScript } from '../shared/command/script';
import { computeCells, type LengthRow } from './parts/cells';
import { byLengthTable, cellsTable, figures, highlights } from './parts/tables';

export const script = defineScript(__filename, resultsSchema, async (config, { made, wide }) => {
  const model = modelName(config.model_name);
  const base = path.join(config.output_path, 'length', model);
  const how = 'npx ts-node experiments/length/evaluate.ts';
  const run = openResults<LengthRow>(config, base, {}, how, made);
  if (!run) return;
  const { folder, unfinished, rows } = run;
  const cells = computeCells(rows, run.judged);
  const table = cellsTable(cells, wide);
  console.log(`${folder}${unfinished ? ' (unfinished: run evaluate again to go on)' : ''}`);
  console.log(`\n${showTable(table, { wide })}`);
  for (const figure of figures(String(run.config.constraint_type), wide)) {
    console.log(`\n${figure.name}\n${showTable(byLengthTable(cells, figure), { wide })}`);
  }
  console.log(`\n${highlights(cells, rows)}`);
  return table;
});
