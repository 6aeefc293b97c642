// npx ts-node experiments/composition/load_results.ts
import '../shared/command/help';
import * as path from 'node:path';
import { modelName } from '../../src/hub/modelFolder';
import { openResults, resultsSchema } from '../shared/answers/readRun';
import { defineScript } from '../shared/command/script';
import { groupBy } from '../shared/groupBy';
import { type CompositionRow, cellsTable, computeCells } from './parts/cells';

export const script = defineScript(__filename, resultsSchema, async (config) => {
  const base = path.join(config.output_path, 'composition', modelName(config.model_name));
  const how = 'npx ts-node experiments/composition/evaluate_format_plus_length.ts';
  const run = openResults<CompositionRow>(config, base, {}, how);
  if (!run) return;
  const { folder, rows, perplexities } = run;
  for (const some of groupBy(rows, ({ instruction_id }) => instruction_id)) {
    console.log(`\n${some[0].instruction_id}`);
    console.log(cellsTable(computeCells(some, perplexities)));
  }
  console.log(`\nAll formats, ${folder}`);
  console.log(cellsTable(computeCells(rows, perplexities)));
});
