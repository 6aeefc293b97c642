// npx ts-node experiments/keywords/load_results.ts
import '../shared/command/help';
import * as path from 'node:path';
import { modelName } from '../../src/hub/modelFolder';
import { flag, nullable, text } from '../../src/runs/config';
import { InputError } from '../../src/util/errors';
import { readResults } from '../shared/answers/readRun';
import { defineScript } from '../shared/command/script';
import { finishedRuns } from '../shared/earlierSteps';
import { cellsTable, computeCells, example, type KeywordRow } from './parts/cells';
import { SPECIFIC_INSTRUCTIONS } from './parts/data';

const schema = {
  model_name: text(),
  output_path: text(),
  run_folder: nullable(text()),
  dry_run: flag(),
};

export const script = defineScript(__filename, schema, async (config) => {
  const base = path.join(config.output_path, 'keywords', modelName(config.model_name));
  if (config.dry_run) {
    return console.log(`Would read ${config.run_folder ?? `the newest runs in ${base}`}`);
  }
  const folders = config.run_folder ? [config.run_folder] : newestRuns(base);
  if (!folders.length) {
    throw new InputError(
      `There is no finished run in ${base}. Run first: ` +
        `npx ts-node experiments/keywords/evaluate.ts model_name=${config.model_name}`,
    );
  }
  for (const folder of folders) {
    const { config: settings, rows, perplexities } = readResults<KeywordRow>(folder);
    const cells = computeCells(rows, perplexities);
    console.log(`\n${settings.specific_instruction} (${folder})\n`);
    console.log(`${cellsTable(cells)}\n\n${example(cells, rows)}`);
  }
});

/** Of each specific instruction the run that was finished last. */
function newestRuns(base: string): string[] {
  const runs = finishedRuns(base).sort((a, b) => b.written - a.written);
  return SPECIFIC_INSTRUCTIONS.flatMap(
    (name) => runs.find(({ says }) => says.specific_instruction === name)?.place ?? [],
  );
}
