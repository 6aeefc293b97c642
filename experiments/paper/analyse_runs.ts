// npx ts-node experiments/paper/analyse_runs.ts
// npx ts-node experiments/paper/analyse_runs.ts model_name=phi-3 of=[format,keywords]
import '../shared/command/help';
import * as path from 'node:path';
import { modelName } from '../../src/hub/modelFolder';
import {
  type ConfigOf,
  flag,
  listOf,
  nameText,
  nullable,
  number,
  oneOf,
  text,
} from '../../src/runs/config';
import { InputError } from '../../src/util/errors';
import { showTable } from '../../src/util/table';
import type { FormatCell } from '../format/parts/cells';
import { judgedBy, readPerplexities } from '../shared/answers/judge';
import { usualSettings } from '../shared/command/names';
import { defineScript } from '../shared/command/script';
import { endWithAnalyses } from './parts/figures';
import { writeAnalysis } from './parts/report';
import { cellTests, changeByInstruction, compareExclusion, scatter } from './parts/runAnalyses';
import { type AnalysedRun, EXPERIMENTS, findRuns, foreseeRuns, type RunKey } from './parts/runs';
import { changesTable, exclusionTable, scatterTable, testsTable } from './parts/runTables';

const schema = {
  model_name: text(),
  output_path: text(),
  name: nullable(nameText()),
  of: listOf(oneOf(EXPERIMENTS)),
  format_run: nullable(text()),
  length_run: nullable(text()),
  validation_run: nullable(text()),
  existence_run: nullable(text()),
  forbidden_run: nullable(text()),
  exclusion_run: nullable(text()),
  composition_run: nullable(text()),
  perplexity_model: nullable(text()),
  perplexity_threshold: nullable(number({ min: 0 })),
  dry_run: flag(),
};
type Config = ConfigOf<typeof schema>;

const TEST_FIELDS = {
  n: 'queries that both cells have',
  both: 'queries obeyed in both cells',
  first_only: 'in the first alone',
  second_only: 'in the second alone',
  neither: 'in neither',
  p: 'of no difference, two-sided; 1 where the cells never differ',
};

export const script = defineScript(__filename, schema, async (config, context) => {
  const { made, wrote, wide, runName } = context;
  const base = path.join(config.output_path, 'paper', modelName(config.model_name));
  const folderFor = (runs: string[]) => {
    const marks = runs.map((one) => path.basename(one)).filter((one) => !/(^|_)default$/.test(one));
    return path.join(base, config.name ?? runName(marks));
  };
  if (config.dry_run) {
    const runs = foreseeRuns(config, config, made);
    const folder = folderFor(runs);
    console.log(`Would read ${runs.join(', ')}\nWould write to ${folder}`);
    return wrote(folder);
  }
  const runs = findRuns(config, config, made);
  const folder = folderFor(runs.map((run) => run.folder));
  const run = (key: RunKey) => runs.find((one) => one.key === key);
  for (const { key, folder: place } of runs) console.log(`${key}: ${place}`);

  const format = run('format_run');
  if (format) {
    const rows = changeByInstruction(format.summary.cells as FormatCell[]);
    writeAnalysis(folder, 'per_instruction', {
      what: 'Share that obeys each instruction, steered less unsteered.',
      fields: {
        n: 'prompts of the instruction',
        without: 'without the instruction in the prompt; null where the run has no such cells',
        with: 'with it',
        change: 'steered less unsteered',
        change_interval: '95 % of a paired bootstrap',
      },
      from: { run: format.folder },
      instructions: rows,
    });
    console.log('\nSteered less unsteered, in points, by instruction');
    console.log(showTable(changesTable(rows), { wide }));
  }

  const validation = run('validation_run');
  if (validation) {
    const { points, from } = scatterOf(validation, config, made);
    writeAnalysis(folder, 'scatter', {
      what: 'Keyword validation: obeying against degenerate answers, over layers and weights.',
      fields: {
        accuracy: 'share that obeys',
        low_perplexity: 'share of answers of perplexity below the threshold, or of none',
        median_perplexity: 'of the answers that have one',
      },
      from,
      points,
    });
    console.log('\nKeyword validation: obeyed against answers of low perplexity');
    console.log(showTable(scatterTable(points), { wide }));
  }

  const [subtraction, addition] = [run('forbidden_run'), run('exclusion_run')];
  if (subtraction && addition) {
    const cells = compareExclusion(subtraction, addition);
    writeAnalysis(folder, 'exclusion', {
      what: 'Words to avoid: the inclusion vector subtracted against the exclusion vector added.',
      fields: {
        cell: 'instruction in the prompt or not, steered or not',
        subtraction: 'share that obeys, away from the inclusion vector',
        addition: 'share that obeys, towards the exclusion vector',
        ...TEST_FIELDS,
      },
      from: { subtraction: subtraction.folder, addition: addition.folder },
      cells,
    });
    console.log('\nWords to avoid: inclusion vector subtracted, exclusion vector added');
    console.log(showTable(exclusionTable(cells), { wide }));
  }

  const tests = runs.flatMap(cellTests);
  writeAnalysis(folder, 'mcnemar', {
    what: "McNemar's exact two-sided tests between the cells of each table, paired by query.",
    fields: {
      table: 'of the paper',
      steered_by: 'the steering of its steered cells',
      ...TEST_FIELDS,
    },
    from: Object.fromEntries(runs.map((one) => [one.key, one.folder])),
    tests,
  });
  console.log("\nMcNemar's exact test, two-sided: p of no difference between two cells");
  console.log(showTable(testsTable(tests, wide), { wide }));
  await endWithAnalyses(context, folder);
  wrote(folder);
});

/** @throws InputError where nobody judged the run */
function scatterOf(run: AnalysedRun, config: Config, made: readonly string[]) {
  const judge = config.perplexity_model ?? judgedBy(run.folder, made);
  const perplexities = judge && readPerplexities(run.folder, judge);
  if (!perplexities) {
    throw new InputError(
      `The answers in ${run.folder} have no perplexities${judge ? ` by ${judge}` : ''}. Run first: ` +
        'npx ts-node experiments/keywords/compute_response_perplexity.ts ' +
        `model_name=${config.model_name}`,
    );
  }
  const usual = usualSettings('keywords/compute_response_perplexity', config.model_name);
  const threshold = config.perplexity_threshold ?? Number(usual.perplexity_threshold);
  const from = { run: run.folder, judge, perplexity_threshold: threshold };
  return { points: scatter(run, perplexities, threshold), from };
}
