// npx ts-node experiments/length/evaluate.ts
// npx ts-node experiments/length/evaluate.ts steering=adjust_rs_length_specific constraint_type=exactly
import '../shared/command/help';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { countSentences } from '../../ifeval';
import { POSITIONS } from '../../src/engine/steering';
import { findModel } from '../../src/hub/fingerprint';
import { integer, layer, listOf, nullable, oneOf, text } from '../../src/runs/config';
import { makeFolder } from '../../src/util/files';
import { hashOf } from '../../src/util/hash';
import { hashFile } from '../../src/util/hashFile';
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
import { vectorSettings } from '../shared/command/names';
import { defineScript } from '../shared/command/script';
import { dataFile } from '../shared/data/dataFolder';
import { loadQuestions } from '../shared/data/questions';
import { shortRows } from '../shared/prompts';
import { endWithReport } from '../shared/report/finish';
import { type Answer, openSession } from '../shared/session';
import { resolveEdit } from '../shared/vectors/edits';
import { steeringWeight } from '../shared/vectors/weight';
import { computeCells, type LengthRow, satisfies, weightText } from './parts/cells';
import { describeLength } from './parts/figures';
import { loadPhrasings } from './parts/phrasings';
import { LENGTH_STEERINGS, type LengthPlan, planLengthRows, splitQuestions } from './parts/plan';
import { cellsTable, highlights } from './parts/tables';
import { findLengthVectors, needLengthVectors, tellLengthVectors } from './parts/vectors';

const schema = {
  ...answeringSchema,
  ...judgeSchema,
  constraint_type: oneOf(['at_most', 'at_least', 'exactly']),
  n_sent_max: integer({ min: 1, max: 100 }),
  n_examples: integer({ min: 1 }),
  include_instructions: oneOf([true, false, 'both']),
  steering: listOf(oneOf(LENGTH_STEERINGS)),
  steering_weights: listOf(steeringWeight()),
  source_layer_idx: listOf(layer()),
  positions: oneOf(POSITIONS),
  length_rep_type: oneOf(['high-level', 'sentences']),
  length_rep_examples: integer({ min: 1 }),
  vectors_model: nullable(text()),
  vectors_file: nullable(text()),
  representations_folder: nullable(text()),
  phrasings_path: nullable(text()),
  seed: integer(),
};

export const script = defineScript(__filename, schema, async (config, context) => {
  const { runName, made, wrote, wide, resultsFollow } = context;
  // The last queries are for evaluation; the first give the vectors.
  const model = findModel(config.model_name);
  checkJudges(config);
  const data_path = dataFile(config.data_path, 'questions');
  const phrasings = loadPhrasings(config.phrasings_path, config.data_path);
  const { first, last } = splitQuestions(
    loadQuestions(data_path),
    config.length_rep_examples,
    config.n_examples,
  );
  const { rows: queries, skipped } = shortRows(model, config, last, {
    file: data_path,
    promptsOf: (query) => planLengthRows([query], config, phrasings).map(({ prompt }) => prompt),
    newTokensOf: () => config.max_generation_length,
  });
  const plan = planLengthRows(queries, config, phrasings);
  const representations = {
    ...vectorSettings(config),
    constraint_type: config.length_rep_type,
    n_sent_max: config.n_sent_max,
    n_examples: config.length_rep_examples,
    num_final_tokens: 1,
    seed: config.seed,
    data_path,
    phrasings,
  };
  const { output_path, vectors_model } = config;
  const source = findLengthVectors(model, config, first, {
    ...{ output_path, vectors_model, made, settings: representations },
    layers: config.source_layer_idx,
    folder: config.representations_folder,
    chosen: config.vectors_file,
    key: 'vectors_file',
  });
  const { file: vectorFile } = source;
  const base = path.join(config.output_path, 'length', model.name);
  const folder = path.join(base, config.name ?? runName(source.mark));
  console.log(
    `${queries.length} queries, ${plan.length} rows, ${countAnswers(plan)} different answers, ` +
      `vectors ${fs.existsSync(vectorFile) ? 'from' : 'to be computed into'} ${vectorFile}`,
  );
  if (config.dry_run) {
    console.log([...new Set(plan.map(cellName))].join('\n'));
    console.log(`For example: "${plan[plan.length - 1].prompt}"\nWould write to ${folder}`);
    tellLengthVectors(context, config, source);
    tellAnswers(context, config, folder, [{ plan, newTokens: config.max_generation_length }]);
    wrote(folder);
    return;
  }

  makeFolder(base);
  const session = await openSession(config);
  console.log(`${model.name} on ${session.backend.name} (${session.backend.detail})`);
  const settings = {
    ...config,
    data_path,
    phrasings: hashOf(phrasings),
    vectors_file: vectorFile,
  };
  checkRun(session, folder, settings, ['vectors_sha256']);
  const vectors = await needLengthVectors(session, source, config.batch_size);
  const run = openRun<LengthRow>(session, folder, plan, context, {
    ...settings,
    vectors_sha256: hashFile(vectorFile),
  });
  const asked = new Map(queries.map(({ key, prompt }) => [key, prompt]));
  const { rows, judged } = await answerAndJudge(session, run, plan, config, {
    editOf: (edit) => resolveEdit(edit, [vectors]),
    toRow,
    queryOf: ({ key }) => asked.get(key)!,
  });
  const cells = computeCells(rows, judged);
  run.writeSummary({ cells, ...skipped });
  run.close();
  const table = cellsTable(cells, wide);
  if (!resultsFollow) {
    console.log(`\n${showTable(table, { wide })}\n\n${highlights(cells, rows)}`);
  }
  await endWithReport(context, folder, describeLength);
  wrote(folder);
  return table;

  function toRow(planned: LengthPlan, answer: Answer): LengthRow {
    const { edits: _, ...row } = planned;
    const sentences = countSentences(answer.response.trim());
    const ok = satisfies(config.constraint_type, row.n_sent, sentences);
    return { ...row, ...answer, sentences, ok };
  }
});

function cellName({ instructed, steering, weight, weight_unit, layer }: LengthPlan) {
  const how = layer === null ? '' : ` at layer ${layer}`;
  const much = weight === null ? '' : `, weight ${weightText({ weight, weight_unit })}`;
  return `  ${instructed ? 'with' : 'without'} the instruction, steering ${steering}${how}${much}`;
}
