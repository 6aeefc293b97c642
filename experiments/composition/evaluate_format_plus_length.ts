// npx ts-node experiments/composition/evaluate_format_plus_length.ts
// npx ts-node experiments/composition/evaluate_format_plus_length.ts length_steering=verbosity constraint_type=at_least
import '../shared/command/help';
import * as path from 'node:path';
import { POSITIONS } from '../../src/engine/steering';
import { integer, layer, listOf, nameText, nullable, oneOf, text } from '../../src/runs/config';
import { makeFolder } from '../../src/util/files';
import { showTable } from '../../src/util/table';
import { foreseeIvs, loadFormatVectors } from '../format/parts/ivs';
import { evaluationRows, loadFormatRows } from '../format/parts/rows';
import { checkVectorsFor, formatVectorData } from '../format/parts/vectors';
import { directionNames, loadPhrasings } from '../length/parts/phrasings';
import { splitQuestions } from '../length/parts/plan';
import { lengthVectorFile, needLengthVectors } from '../length/parts/vectors';
import {
  answerAndJudge,
  answeringSchema,
  countAnswers,
  openRun,
} from '../shared/answers/answering';
import { checkJudges, judgeSchema } from '../shared/answers/judging';
import { isOn } from '../shared/command/compat';
import { vectorSettings } from '../shared/command/names';
import { defineScript } from '../shared/command/script';
import { dataFile, dataFileBeside } from '../shared/data/dataFolder';
import { loadQuestions } from '../shared/data/questions';
import { findModel, hashFile, hashOf } from '../shared/provenance';
import { openSession } from '../shared/session';
import { steeringWeight } from '../shared/vectors/weight';
import { type CompositionRow, computeCells, STEERINGS } from './parts/cells';
import { checkAnswer, planComposition } from './parts/plan';
import { cellsTable } from './parts/tables';

const schema = {
  ...answeringSchema,
  ...judgeSchema,
  n_examples: nullable(integer({ min: 1 })),
  include_format_instructions: oneOf([true, false, 'both']),
  include_length_instructions: oneOf([true, false, 'both']),
  steering: listOf(oneOf(STEERINGS)),
  vectors_data_path: nullable(text()),
  vectors_model: nullable(text()),
  ivs_name: nullable(nameText()),
  format_positions: oneOf(POSITIONS),
  length_steering: oneOf(['conciseness', 'verbosity']),
  length_source_layer_idx: layer(),
  length_weight: steeringWeight(),
  length_positions: oneOf(POSITIONS),
  length_data_path: nullable(text()),
  length_rep_examples: integer({ min: 1 }),
  length_vectors_folder: nullable(text()),
  phrasings_path: text(),
  constraint_type: oneOf(['at_most', 'at_least', 'exactly']),
  n_sent_max: integer({ min: 1, max: 100 }),
  seed: integer(),
};

export const script = defineScript(__filename, schema, async (config, context) => {
  const { runName, made, wrote, wide, resultsFollow } = context;
  // The rows: formats from data_path, a number of sentences for each drawn with the seed.
  const model = findModel(config.model_name);
  checkJudges(config);
  const data_path = dataFile(config.data_path, 'format_evaluation');
  const formats = evaluationRows(loadFormatRows(data_path, { checked: true }), data_path);
  const rows = formats.slice(0, config.n_examples ?? formats.length);
  const phrasings = loadPhrasings(config.phrasings_path);

  // The vectors: of every format at its selected layer, of length at length_source_layer_idx.
  const vectors_data_path = formatVectorData(config);
  const results = (experiment: string) => path.join(config.output_path, experiment, model.name);
  const length = {
    ...vectorSettings(config),
    constraint_type: 'high-level' as const,
    n_sent_max: config.n_sent_max,
    n_examples: config.length_rep_examples,
    num_final_tokens: 1,
    seed: config.seed,
    data_path: config.length_data_path
      ? dataFile(config.length_data_path, 'questions', 'length_data_path')
      : dataFileBeside(config.data_path, 'questions', 'length_data_path'),
    phrasings,
  };
  const lengthFolder =
    config.length_vectors_folder ?? path.join(results('length'), 'representations');
  const lengthFile = lengthVectorFile(lengthFolder, length);
  const lengthNames = directionNames(phrasings, 'high-level', config.n_sent_max);
  const { first } = splitQuestions(loadQuestions(length.data_path), config.length_rep_examples, 0);
  const source = { chosen: config.ivs_name, made, layers: [] };
  const folderFor = (mark: string[]) =>
    path.join(results('composition'), config.name ?? runName(mark));
  if (config.dry_run) {
    const folder = folderFor(foreseeIvs({ ...config, model: model.name }, source));
    console.log(`${rows.length} prompts, length vectors: ${lengthFile}\nWould write to ${folder}`);
    wrote(folder);
    return;
  }
  makeFolder(results('composition'));
  const session = await openSession(config);
  const format = loadFormatVectors(
    { ...config, vectors_data_path },
    source,
    { positions: config.format_positions, steering: ['adjust_rs'] },
    session,
  );
  const folder = folderFor(format.mark);
  checkVectorsFor(rows, format);
  const { vectors: formatVectors, selectedFor } = format;
  console.log(`Format vectors: ${format.file}, layers by ${format.chosenBy}`);
  console.log(`Length vectors: ${lengthFile}`);
  const lengthVectors = await needLengthVectors(
    session,
    first,
    length,
    lengthFile,
    config.batch_size,
  );

  // Fault 6 of the authors' scripts: the length vector of the format's layer (none: the last one).
  const lastLayer = session.model.config.nLayers - 1;
  const sourceLayer = isOn('length_at_format_layer', config.compat)
    ? (id: string, instructed: boolean) => selectedFor(instructed).get(id) ?? lastLayer
    : undefined;
  const plan = planComposition(rows, config, { selectedFor, lengthNames, sourceLayer }, phrasings);
  console.log(`${plan.length} rows, ${countAnswers(plan)} different answers`);

  const run = openRun<CompositionRow>(session, folder, plan, {
    ...config,
    data_path,
    vectors_data_path,
    length_data_path: length.data_path,
    phrasings: hashOf(phrasings),
    format_vectors_sha256: format.sha256,
    length_vectors_sha256: hashFile(lengthFile),
  });
  const answered = await answerAndJudge(session, run, plan, config, {
    vectors: [formatVectors, lengthVectors],
    toRow: (planned, answer) => checkAnswer(planned, answer, config.constraint_type),
    queryOf: ({ row }) => row.withoutInstruction,
  });
  const cells = computeCells(answered.rows, answered.judged);
  run.writeSummary({ cells });
  run.close();
  const table = cellsTable(cells);
  if (!resultsFollow) console.log(`\n${showTable(table, { wide })}`);
  console.log(`\nAll answers and figures: ${folder}`);
  wrote(folder);
  return table;
});
