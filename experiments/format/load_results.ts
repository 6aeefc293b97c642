// npx ts-node experiments/format/load_results.ts
import '../shared/help';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { flag, nullable, text } from '../../src/config';
import { InputError } from '../../src/errors';
import { modelName } from '../../src/modelFolder';
import { readRun } from '../../src/runFolder';
import { describeCells, type FormatRow, formatCells } from '../shared/formatResults';
import { formatFolders } from '../shared/formatVectors';
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
  const { base } = formatFolders({ ...config, model: modelName(config.model_name) });
  const named = config.run_folder ?? (config.name && path.join(base, config.name));
  if (config.dry_run) return console.log(`Would read ${named ?? `the newest run in ${base}`}`);
  const how = 'npx ts-node experiments/format/evaluate.ts';
  const folder = named ?? findRun(base, { step: 'evaluate' }, how);
  const run = readRun<FormatRow>(folder);
  if (!run.rows.length) throw new InputError(`${folder} has no finished rows yet.`);
  const cells = formatCells(run.rows, readPerplexities(folder));
  const unfinished = !fs.existsSync(path.join(folder, 'summary.json'));
  console.log(`${folder}${unfinished ? ' (unfinished: run evaluate again to go on)' : ''}`);
  console.log(`\n${describeCells(cells)}`);
});
