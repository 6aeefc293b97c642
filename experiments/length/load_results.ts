// npx ts-node experiments/length/load_results.ts
import '../shared/command/help';
import * as path from 'node:path';
import { modelName } from '../../src/hub/modelFolder';
import { fixed, percent } from '../../src/util/table';
import { openResults, resultsSchema } from '../shared/answers/readRun';
import { defineScript } from '../shared/command/script';
import { byLengthTable, cellsTable, computeCells, type LengthRow } from './parts/cells';

export const script = defineScript(__filename, resultsSchema, async (config) => {
  const model = modelName(config.model_name);
  const base = path.join(config.output_path, 'length', model);
  const how = 'npx ts-node experiments/length/evaluate.ts';
  const run = openResults<LengthRow>(config, base, {}, how);
  if (!run) return;
  const { folder, unfinished } = run;
  const cells = computeCells(run.rows, run.perplexities);
  console.log(`${folder}${unfinished ? ' (unfinished: run evaluate again to go on)' : ''}`);
  console.log(`\n${cellsTable(cells)}`);
  console.log(`\nShare that obeys "${run.config.constraint_type} n sentences"`);
  console.log(byLengthTable(cells, ({ accuracy }) => accuracy, percent));
  console.log('\nSentences');
  console.log(byLengthTable(cells, (stats) => stats.mean_sentences, fixed));
  console.log('\nCharacters');
  console.log(
    byLengthTable(
      cells,
      (stats) => stats.mean_chars,
      (value) => fixed(value, 0),
    ),
  );
});
