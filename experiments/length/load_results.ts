// npx ts-node experiments/length/load_results.ts
import '../shared/help';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { flag, nullable, text } from '../../src/config';
import { InputError } from '../../src/errors';
import { modelName } from '../../src/modelFolder';
import { readRun } from '../../src/runFolder';
import { fixed, percent } from '../../src/table';
import { findRun } from '../shared/inputs';
import { readPerplexities } from '../shared/judge';
import { byLengthTable, cellsTable, type LengthRow, lengthCells } from '../shared/lengthResults';
import { defineScript } from '../shared/script';

const schema = {
  model_name: text(),
  output_path: text(),
  name: nullable(text()),
  run_folder: nullable(text()),
  dry_run: flag(),
};

export const script = defineScript(__filename, schema, async (config) => {
  const model = modelName(config.model_name);
  const base = path.join(config.output_path, 'length', model);
  const named = config.run_folder ?? (config.name && path.join(base, config.name));
  if (config.dry_run) return console.log(`Would read ${named ?? `the newest run in ${base}`}`);
  const folder = named ?? findRun(base, {}, 'npx ts-node experiments/length/evaluate.ts');
  const run = readRun<LengthRow>(folder);
  if (!run.rows.length) throw new InputError(`${folder} has no finished rows yet.`);
  const cells = lengthCells(run.rows, readPerplexities(folder));
  const unfinished = !fs.existsSync(path.join(folder, 'summary.json'));
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
