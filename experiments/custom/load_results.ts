// npx ts-node experiments/custom/load_results.ts
import '../shared/command/help';
import * as path from 'node:path';
import { modelName } from '../../src/hub/modelFolder';
import { showTable } from '../../src/util/table';
import { openResults, resultsSchema } from '../shared/answers/readRun';
import { defineScript } from '../shared/command/script';
import { type CustomRow, computeCells } from './parts/cells';
import { cellsTable, highlights } from './parts/tables';

export const script = defineScript(__filename, resultsSchema, async (config, { made, wide }) => {
  const base = path.join(config.output_path, 'custom', modelName(config.model_name));
  const how = 'npx ts-node experiments/custom/evaluate.ts';
  const run = openResults<CustomRow>(config, base, {}, how, made);
  if (!run) return;
  const { folder, unfinished, rows, judged } = run;
  const cells = computeCells(rows, judged);
  const table = cellsTable(cells, wide);
  console.log(`${folder}${unfinished ? ' (unfinished: run evaluate again to go on)' : ''}`);
  console.log(`\n${showTable(table, { wide })}\n\n${highlights(cells, rows)}`);
  return table;
});
