// npx ts-node experiments/composition/load_results.ts
import '../shared/command/help';
import * as path from 'node:path';
import { modelName } from '../../src/hub/modelFolder';
import { showTable } from '../../src/util/table';
import { openResults, resultsSchema } from '../shared/answers/readRun';
import { defineScript } from '../shared/command/script';
import { type CompositionRow, computeCells } from './parts/cells';
import { byFormatTable, cellsTable } from './parts/tables';

export const script = defineScript(__filename, resultsSchema, async (config, { made, wide }) => {
  const base = path.join(config.output_path, 'composition', modelName(config.model_name));
  const how = 'npx ts-node experiments/composition/evaluate_format_plus_length.ts';
  const run = openResults<CompositionRow>(config, base, {}, how, made);
  if (!run) return;
  const { folder, unfinished, rows, judged } = run;
  const table = cellsTable(computeCells(rows, judged));
  console.log(`${folder}${unfinished ? ' (unfinished: run evaluate again to go on)' : ''}`);
  console.log(`\nBoth obeyed, by format${wide ? '' : ', in percent'}`);
  console.log(showTable(byFormatTable(rows, wide), { wide }));
  console.log(`\nObeyed, all formats together\n${showTable(table, { wide })}`);
  return table;
});
