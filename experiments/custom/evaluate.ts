// npx ts-node experiments/custom/evaluate.ts
// npx ts-node experiments/custom/evaluate.ts data_path=my.jsonl steering=[v.safetensors@4*1x:last] check=startend:quotation
import '../shared/command/help';
import * as path from 'node:path';
import { findModel } from '../../src/hub/fingerprint';
import { flag, integer, listOf, nullable, oneOf, text } from '../../src/runs/config';
import { makeFolder } from '../../src/util/files';
import { showTable } from '../../src/util/table';
import {
  answerAndJudge,
  answeringSchema,
  checkRun,
  countAnswers,
  openRun,
  tellAnswers,
} from '../shared/answers/answering';
import { checkJudges, judgeSchema } from '../shared/answers/judging';
import { defineScript } from '../shared/command/script';
import { shortRows } from '../shared/prompts';
import { endWithReport } from '../shared/report/finish';
import { type Answer, openSession } from '../shared/session';
import { type CustomRow, computeCells, isChecked } from './parts/cells';
import { describeCustom } from './parts/figures';
import { type CustomPlan, planRows } from './parts/plan';
import { loadPrompts, promptFile } from './parts/prompts';
import { markOf, openVectors, PAIRS, resolveWays, steeringCheck, waysOf } from './parts/steering';
import { cellsTable, highlights } from './parts/tables';
import { findPairsVector, needPairsVector, tellPairsVector } from './parts/vectors';

const schema = {
  ...answeringSchema,
  ...judgeSchema,
  data_path: nullable(text()),
  prompts: nullable(listOf(text())),
  n_examples: nullable(integer({ min: 1 })),
  instruction: nullable(text()),
  system: nullable(text()),
  include_instructions: oneOf([true, false, 'both']),
  steering: steeringCheck,
  pairs_path: nullable(text()),
  any_model: flag(),
  check: nullable(listOf(text())),
  regex: nullable(listOf(text())),
  regex_flags: nullable(text()),
  contains: nullable(listOf(text())),
  not_contains: nullable(listOf(text())),
};

export const script = defineScript(__filename, schema, async (config, context) => {
  const { runName, wrote, wide, resultsFollow } = context;
  const model = findModel(config.model_name);
  checkJudges(config);
  const { rows: prompts, skipped } = shortRows(model, config, loadPrompts(model, config), {
    file: config.data_path ?? 'prompts',
    promptsOf: ({ prompt, withIt }) => (withIt === null ? [prompt] : [prompt, withIt]),
    systemOf: ({ system }) => system,
    newTokensOf: () => config.max_generation_length,
  });
  const ways = waysOf(config.steering);
  const plan = planRows(prompts, ways, config.include_instructions);
  const pairs = findPairsVector(model, config, ways);
  const open = openVectors(ways, model, config.any_model);
  const known = resolveWays(ways, open);
  const base = path.join(config.output_path, 'custom', model.name);
  const folder = path.join(base, config.name ?? runName(known.size ? [markOf(known)] : []));
  console.log(
    `${prompts.length} prompts, ${plan.length} rows, ${countAnswers(plan)} different answers`,
  );
  if (prompts[0].withIt === null) {
    console.log('No prompt has an instruction: the cells with it in the prompt are left out.');
  }
  if (config.dry_run) {
    console.log([...new Set(plan.map(cellName))].join('\n'));
    console.log(`For example: "${plan[plan.length - 1].prompt}"\nWould write to ${folder}`);
    if (pairs) tellPairsVector(context, config, pairs);
    tellAnswers(context, config, folder, [{ plan, newTokens: config.max_generation_length }]);
    wrote(folder);
    return;
  }

  makeFolder(base);
  const session = await openSession(config);
  console.log(`${model.name} on ${session.backend.name} (${session.backend.detail})`);
  const settings = { ...config, data_path: promptFile(config.data_path) };
  checkRun(session, folder, settings, ['vectors_sha256']);
  if (pairs) open.set(PAIRS, await needPairsVector(session, pairs, config.batch_size));
  const edits = resolveWays(ways, open);
  const run = openRun<CustomRow>(session, folder, plan, context, {
    ...settings,
    vectors_sha256: markOf(edits),
  });
  const { rows, judged } = await answerAndJudge(session, run, plan, config, {
    editOf: (spec) => edits.get(spec)!,
    toRow,
    queryOf: ({ asked }) => asked.prompt,
  });
  const cells = computeCells(rows, judged);
  run.writeSummary({ cells, ...skipped });
  run.close();
  const table = cellsTable(cells, wide);
  if (!resultsFollow) {
    console.log(`\n${showTable(table, { wide })}\n\n${highlights(cells, rows)}`);
  }
  if (cells.every(isChecked)) await endWithReport(context, folder, describeCustom);
  else console.log(`\nAll answers and figures: ${folder}`);
  wrote(folder);
  return table;
});

function toRow({ edits: _, asked, ...row }: CustomPlan, answer: Answer): CustomRow {
  return { ...row, ...answer, ok: asked.check?.(answer.response) ?? null };
}

function cellName({ instructed, steering }: CustomPlan) {
  return `  ${instructed ? 'with' : 'without'} the instruction, steering ${steering}`;
}
