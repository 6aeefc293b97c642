// npx ts-node experiments/format/load_results.ts
import '../shared/command/help';
import { modelName } from '../../src/hub/modelFolder';
import { openResults, resultsSchema } from '../shared/answers/readRun';
import { defineScript } from '../shared/command/script';
import { computeCells, type FormatRow } from './parts/cells';
import { cellsTable, describeCells } from './parts/tables';
import { formatFolders } from './parts/vectors';

export const script = defineScript(__filename, resultsSchema, async (config, { made, wide }) => {
  const { base } = formatFolders({ ...config, model: modelName(config.model_name) });
  const how = 'npx ts-node experiments/format/evaluate.ts';
  const run = openResults<FormatRow>(config, base, { step: 'evaluate' }, how, made);
  if (!run) return;
  const { folder, unfinished } = run;
  console.log(`${folder}${unfinished ? ' (unfinished: run evaluate again to go on)' : ''}`);
  const cells = computeCells(run.rows, run.judged);
  console.log(`\n${describeCells(cells, wide)}`);
  return cellsTable(cells, wide);
});
