// npx ts-node experiments/keywords/compute_response_perplexity.ts specific_instruction=forbidden_validation
import '../shared/command/help';
import * as path from 'node:path';
import { findModel } from '../../src/hub/fingerprint';
import { modelName } from '../../src/hub/modelFolder';
import { flag, nullable, number, oneOf, text } from '../../src/runs/config';
import { readRun } from '../../src/runs/runFolder';
import { writeAtomic } from '../../src/util/files';
import { percent, showTable } from '../../src/util/table';
import { judgeFolder, judgeResponses } from '../shared/answers/judge';
import { compatCheck } from '../shared/command/compat';
import { defineScript } from '../shared/command/script';
import { findRun, foreseen, runItself } from '../shared/earlierSteps';
import { endWithReport } from '../shared/report/finish';
import { openBackend, sessionSchema } from '../shared/session';
import { bestCell, computeGrid, type KeywordRow } from './parts/cells';
import { SPECIFIC_INSTRUCTIONS } from './parts/data';
import { describeKeywords } from './parts/figures';
import { gridTable } from './parts/tables';

const schema = {
  model_name: text(),
  perplexity_model: text(),
  output_path: text(),
  specific_instruction: oneOf(SPECIFIC_INSTRUCTIONS),
  run_folder: nullable(text()),
  perplexity_threshold: number({ min: 0 }),
  backend: sessionSchema.backend,
  device: sessionSchema.device,
  compat: compatCheck,
  dry_run: flag(),
};

export const script = defineScript(__filename, schema, async (config, context) => {
  const { made, wrote, plans, wide } = context;
  const { specific_instruction, perplexity_threshold: threshold } = config;
  const base = path.join(config.output_path, 'keywords', modelName(config.model_name));
  const usual = `${specific_instruction}_default`;
  if (config.dry_run) {
    const folder = config.run_folder ?? foreseen(base, { chosen: null, made, usual }, '');
    console.log(`Would judge ${folder} by ${config.perplexity_model}`);
    const place = judgeFolder(folder, config.perplexity_model);
    plans({ kind: 'judged', place, judge: config.perplexity_model, answers: folder });
    wrote(place);
    return;
  }
  const folder =
    config.run_folder ??
    findRun(base, {
      expected: {
        specific_instruction,
        model_fingerprint: findModel(config.model_name).fingerprint,
      },
      same: runItself,
      chosen: null,
      key: 'run_folder',
      usual,
      made,
      how:
        'npx ts-node experiments/keywords/evaluate.ts ' +
        `model_name=${config.model_name} specific_instruction=${specific_instruction}`,
    });
  const run = readRun<KeywordRow>(folder);
  const judge = findModel(config.perplexity_model);
  await openBackend(config);
  console.log(`${folder}: ${run.rows.length} answers, judged by ${judge.name}`);
  const perplexities = await judgeResponses(folder, run.rows, config);
  const cells = computeGrid(run.rows, perplexities!, threshold);
  const summary = {
    specific_instruction: run.config.specific_instruction,
    perplexity_threshold: threshold,
    cells,
  };
  const place = judgeFolder(folder, judge.name);
  const file = path.join(place, `degenerate_below_${threshold}.json`);
  writeAtomic(file, `${JSON.stringify(summary, null, 2)}\n`);
  wrote(place);
  const table = gridTable(cells, wide);
  console.log(`\n${showTable(table, { wide })}`);
  console.log(`\nDegenerate: perplexity below ${threshold}, or no answer.`);
  const best = bestCell(cells);
  if (best) {
    const { layer, weight, steering, accuracy } = best;
    const settings = weight === null ? '' : ` steering_weights=${weight}`;
    console.log(
      `Most obeyed without more degenerate answers than unsteered (${percent(accuracy)}): ` +
        `steering=${steering} source_layer_idx=${layer}${settings}`,
    );
  } else {
    console.log(
      'Every steered cell has more degenerate answers than unsteered, or mostly such answers.',
    );
  }
  await endWithReport(context, folder, describeKeywords);
  return table;
});
