// npx ts-node experiments/keywords/evaluate.ts
// npx ts-node experiments/keywords/evaluate.ts specific_instruction=forbidden steering_weights=40
import '../shared/command/help';
import * as path from 'node:path';
import { POSITIONS } from '../../src/engine/steering';
import { findModel } from '../../src/hub/fingerprint';
import { integer, layer, listOf, nullable, oneOf, text } from '../../src/runs/config';
import { makeFolder } from '../../src/util/files';
import { hashFile } from '../../src/util/hashFile';
import { showTable } from '../../src/util/table';
import { checkWidth } from '../../src/vectors/vectorFile';
import {
  answerAndJudge,
  answeringSchema,
  countAnswers,
  openRun,
  tellAnswers,
} from '../shared/answers/answering';
import { checkJudges, judgeSchema } from '../shared/answers/judging';
import { defineScript } from '../shared/command/script';
import { dataFile } from '../shared/data/dataFolder';
import { follows } from '../shared/data/instructionRows';
import { shortRows } from '../shared/prompts';
import { endWithReport } from '../shared/report/finish';
import { type Answer, openSession } from '../shared/session';
import { expectedProvenance } from '../shared/vectors/compute';
import { resolveEdit } from '../shared/vectors/edits';
import { loadDirections } from '../shared/vectors/load';
import { steeringWeight } from '../shared/vectors/weight';
import { computeCells, type KeywordRow } from './parts/cells';
import {
  describeInstruction,
  loadKeywordRows,
  rowsRole,
  SPECIFIC_INSTRUCTIONS,
} from './parts/data';
import { describeKeywords } from './parts/figures';
import { KEYWORD_STEERINGS, type KeywordPlan, planKeywordRows } from './parts/plan';
import { cellsTable, example } from './parts/tables';
import { findKeywordVectors, foreseeKeywordVectors, representationsCommand } from './parts/vectors';

const schema = {
  ...answeringSchema,
  ...judgeSchema,
  specific_instruction: oneOf(SPECIFIC_INSTRUCTIONS),
  n_examples: nullable(integer({ min: 1 })),
  include_instructions: oneOf([true, false, 'both']),
  steering: listOf(oneOf(KEYWORD_STEERINGS)),
  steering_weights: listOf(steeringWeight()),
  source_layer_idx: listOf(layer()),
  positions: oneOf(POSITIONS),
  representations_folder: nullable(text()),
  vectors_model: nullable(text()),
  vectors_file: nullable(text()),
};

export const script = defineScript(__filename, schema, async (config, context) => {
  const { runName, made, wrote, wide, resultsFollow } = context;
  const model = findModel(config.model_name);
  checkJudges(config);
  const { specific_instruction } = config;
  const data_path = dataFile(config.data_path, rowsRole(specific_instruction));
  const rows = loadKeywordRows(data_path, specific_instruction);
  const chosen = rows.slice(0, config.n_examples ?? rows.length);
  const { rows: queries, skipped } = shortRows(model, config, chosen, {
    file: data_path,
    promptsOf: (row) => planKeywordRows([row], config).map(({ prompt }) => prompt),
    nameOf: ({ key, words }) => `${key} (${words.join(', ')})`,
    newTokensOf: () => config.max_generation_length,
  });
  const plan = planKeywordRows(queries, config);
  const words = [...new Set(queries.flatMap((query) => query.words))];
  const base = path.join(config.output_path, 'keywords', model.name);
  const folderFor = (mark: string[]) =>
    path.join(base, config.name ?? `${specific_instruction}_${runName(mark)}`);
  console.log(
    `${specific_instruction}: ${queries.length} rows of ${data_path}, ${words.length} words, ` +
      `${countAnswers(plan)} different answers`,
  );
  const provider = config.vectors_model === null ? model : findModel(config.vectors_model);
  const source = {
    folder:
      config.representations_folder ??
      path.join(config.output_path, 'keywords', provider.name, 'representations'),
    type: describeInstruction(specific_instruction).vectors,
    config,
    chosen: config.vectors_file,
    made,
  };
  if (config.dry_run) {
    console.log([...new Set(plan.map(cellName))].join('\n'));
    const folder = folderFor(foreseeKeywordVectors(source));
    console.log(`For example: "${plan[plan.length - 1].prompt}"\nWould write to ${folder}`);
    tellAnswers(context, config, folder, [{ plan, newTokens: config.max_generation_length }]);
    wrote(folder);
    return;
  }

  makeFolder(base);
  const session = await openSession(config);
  const provenance = expectedProvenance(session, config.vectors_model);
  const { file: vectorFile, mark } = findKeywordVectors(
    source,
    { words, layers: config.source_layer_idx, provenance, backend: session.backend.name },
    representationsCommand(config),
  );
  const folder = folderFor(mark);
  const vectors = loadDirections(vectorFile, provenance);
  checkWidth(vectors, session.model.config.dModel, model.name);
  console.log(`${model.name} on ${session.backend.name} (${session.backend.detail})`);
  console.log(`Vectors: ${vectorFile}`);
  const run = openRun<KeywordRow>(session, folder, plan, context, {
    ...config,
    data_path,
    vectors_file: vectorFile,
    vectors_sha256: hashFile(vectorFile),
  });
  const { rows: answered, judged } = await answerAndJudge(session, run, plan, config, {
    editOf: (edit) => resolveEdit(edit, [vectors]),
    toRow,
    queryOf: ({ query }) => query.withoutInstruction,
  });
  const cells = computeCells(answered, judged);
  run.writeSummary({ specific_instruction, cells, ...skipped });
  run.close();
  const table = cellsTable(cells, wide);
  if (!resultsFollow) {
    console.log(`\n${showTable(table, { wide })}\n\n${example(cells, answered)}`);
  }
  await endWithReport(context, folder, describeKeywords);
  wrote(folder);
  return table;
});

function toRow({ edits: _, query, ...row }: KeywordPlan, answer: Answer): KeywordRow {
  return { ...row, ...answer, ok: follows(query, answer.response, 'strict') };
}

function cellName({ instructed, steering, weight, layer }: KeywordPlan) {
  const how = layer === null ? '' : ` at layer ${layer}`;
  const much = weight === null ? '' : `, weight ${weight}`;
  return `  ${instructed ? 'with' : 'without'} the instruction, steering ${steering}${how}${much}`;
}
