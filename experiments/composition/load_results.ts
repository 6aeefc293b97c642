// npx ts-node experiments/composition/load_results.ts
import '../shared/help';
import * as path from 'node:path';
import { flag, nullable, text } from '../../src/config';
import { InputError } from '../../src/errors';
import { modelName } from '../../src/modelFolder';
import { readRun } from '../../src/runFolder';
import { groupBy } from '../shared/cells';
import { type CompositionRow, compositionCells, compositionTable } from '../shared/composition';
import { findRun } from '../shared/inputs';
import { readPerplexities } from '../shared/judge';
import { defineScript } from '../shared/script';

const schema = {
  model_name: text(),
  output_path: text(),
  name: nullable(text()),
  run_folder: nullable(text()),
  dry_run: flag(),
};

export const script = defineScript(__filename, schema, async (config) => {
  const base = path.join(config.output_path, 'composition', modelName(config.model_name));
  const named = config.run_folder ?? (config.name && path.join(base, config.name));
  if (config.dry_run) return console.log(`Would read ${named ?? `the newest run in ${base}`}`);
  const how = 'npx ts-node experiments/composition/evaluate_format_plus_length.ts';
  const folder = named ?? findRun(base, {}, how);
  const { rows } = readRun<CompositionRow>(folder);
  if (!rows.length) throw new InputError(`${folder} has no finished rows yet.`);
  const perplexities = readPerplexities(folder);
  for (const some of groupBy(rows, ({ instruction_id }) => instruction_id)) {
    console.log(`\n${some[0].instruction_id}`);
    console.log(compositionTable(compositionCells(some, perplexities)));
  }
  console.log(`\nAll formats, ${folder}`);
  console.log(compositionTable(compositionCells(rows, perplexities)));
});
