// npx ts-node experiments/composition/evaluate_format_plus_length.ts
// npx ts-node experiments/composition/evaluate_format_plus_length.ts length_steering=verbosity constraint_type=at_least
import '../shared/command/help';
import * as path from 'node:path';
import { POSITIONS } from '../../src/engine/steering';
import { findModel } from '../../src/hub/fingerprint';
import { integer, layer, listOf, nameText, nullable, oneOf, text } from '../../src/runs/config';
import { makeFolder } from '../../src/util/files';
import { hashOf } from '../../src/util/hash';
import { hashFile } from '../../src/util/hashFile';
import { showTable } from '../../src/util/table';
import { FORMAT_STEERINGS } from '../format/parts/plan';
import { evaluationRows, loadFormatRows } from '../format/parts/rows';
import { formatVectorData } from '../format/parts/vectors';
import { directionNames, loadPhrasings } from '../length/parts/phrasings';
import { splitQuestions } from '../length/parts/plan';
import { findLengthVectors, needLengthVectors, tellLengthVectors } from '../length/parts/vectors';
import {
  answerAndJudge,
  answeringSchema,
  countAnswers,
  openRun,
  tellAnswers,
} from '../shared/answers/answering';
import { checkJudges, judgeSchema } from '../shared/answers/judging';
import { isOn } from '../shared/command/compat';
import { vectorSettings } from '../shared/command/names';
import { defineScript } from '../shared/command/script';
import { dataFile, dataFileBeside } from '../shared/data/dataFolder';
import { loadQuestions } from '../shared/data/questions';
import { layerCount } from '../shared/layers';
import { shortRows } from '../shared/prompts';
import { endWithReport } from '../shared/report/finish';
import { openSession } from '../shared/session';
import { resolveEdit } from '../shared/vectors/edits';
import { steeringWeight } from '../shared/vectors/weight';
import { type CompositionRow, computeCells, STEERINGS } from './parts/cells';
import { describeComposition } from './parts/figures';
import { checkAnswer, planComposition, steeringsOf } from './parts/plan';
import { cellsTable } from './parts/tables';
import { findFormat, foreseeFormat } from './parts/vectors';

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
  format_steering: oneOf(FORMAT_STEERINGS),
  format_weight: steeringWeight(),
  format_layer: nullable(layer()),
  vectors_file: nullable(text()),
  format_positions: oneOf(POSITIONS),
  length_steering: oneOf(['none', 'conciseness', 'verbosity']),
  length_source_layer_idx: layer(),
  length_weight: steeringWeight(),
  length_positions: oneOf(POSITIONS),
  length_data_path: nullable(text()),
  length_rep_examples: integer({ min: 1 }),
  length_vectors_file: nullable(text()),
  length_vectors_folder: nullable(text()),
  phrasings_path: nullable(text()),
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
  const chosen = formats.slice(0, config.n_examples ?? formats.length);
  const phrasings = loadPhrasings(config.phrasings_path, config.data_path);
  const lengthNames = directionNames(phrasings, 'high-level', config.n_sent_max);
  const unsteered = { formatLayer: () => null, lengthNames };
  const { rows, skipped } = shortRows(model, config, chosen, {
    file: data_path,
    promptsOf: (row) =>
      planComposition([row], config, unsteered, phrasings).map(({ prompt }) => prompt),
    newTokensOf: () => config.max_generation_length,
  });

  // The vectors: of every format at its layer, of length at length_source_layer_idx.
  const steerings = steeringsOf(config);
  const steers = (part: string) => steerings.some((one) => one.includes(part));
  const vectors_data_path = formatVectorData(config);
  const { length_source_layer_idx, output_path, vectors_model } = config;
  // Fault 6 of the authors' scripts.
  const lengthSource = isOn('length_from_last_layer', config.compat)
    ? (config.format_layer ?? layerCount(model) - 1)
    : length_source_layer_idx;
  const lengthSettings = {
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
  const findLength = () => {
    const questions = loadQuestions(lengthSettings.data_path);
    const { first } = splitQuestions(questions, config.length_rep_examples, 0);
    return findLengthVectors(model, config, first, {
      ...{ output_path, vectors_model, made, settings: lengthSettings },
      layers: [lengthSource],
      folder: config.length_vectors_folder,
      chosen: config.length_vectors_file,
      key: 'length_vectors_file',
    });
  };
  const length = steers('length') ? findLength() : undefined;
  const lengthMark = (length?.mark ?? []).map((mark) => `length: ${mark}`);
  const base = path.join(output_path, 'composition', model.name);
  const folderFor = (mark: string[]) =>
    path.join(base, config.name ?? runName([...mark, ...lengthMark]));
  const formatWanted = { ...config, vectors_data_path, seed: undefined };
  if (config.dry_run) {
    const mark = steers('format')
      ? foreseeFormat({ ...formatWanted, model: model.name }, made)
      : [];
    const folder = folderFor(mark);
    console.log(`${rows.length} prompts, steering ${steerings.join(', ')}`);
    if (length) console.log(`Length vectors: ${length.file}`);
    console.log(`Would write to ${folder}`);
    if (length) tellLengthVectors(context, config, length);
    const acting = { formatLayer: () => 0, lengthNames, lengthSource };
    const plan = planComposition(rows, config, acting, phrasings);
    tellAnswers(context, config, folder, [{ plan, newTokens: config.max_generation_length }]);
    wrote(folder);
    return;
  }
  makeFolder(base);
  const session = await openSession(config);
  const format = steers('format') ? findFormat(formatWanted, made, session, rows) : undefined;
  const folder = folderFor(format?.mark ?? []);
  if (format) console.log(`Format vectors: ${format.described}`);
  if (length) console.log(`Length vectors: ${length.file}`);
  const lengthVectors = length && (await needLengthVectors(session, length, config.batch_size));
  const plan = planComposition(
    rows,
    config,
    { formatLayer: format?.formatLayer ?? (() => null), lengthNames, lengthSource },
    phrasings,
  );
  console.log(`${plan.length} rows, ${countAnswers(plan)} different answers`);

  const run = openRun<CompositionRow>(session, folder, plan, context, {
    ...config,
    data_path,
    vectors_data_path,
    length_data_path: lengthSettings.data_path,
    phrasings: hashOf(phrasings),
    ivs_name: format?.ivs?.name ?? null,
    format_vectors_sha256: format?.sha256,
    length_vectors_sha256: length && hashFile(length.file),
  });
  const files = [format?.vectors ?? [], lengthVectors ?? []].flat();
  const answered = await answerAndJudge(session, run, plan, config, {
    editOf: (edit) => resolveEdit(edit, files),
    toRow: (planned, answer) => checkAnswer(planned, answer, config.constraint_type),
    queryOf: ({ row }) => row.withoutInstruction,
  });
  const cells = computeCells(answered.rows, answered.judged);
  run.writeSummary({ cells, selected_layers: format?.ivs?.selectedLayers, ...skipped });
  run.close();
  const table = cellsTable(cells);
  if (!resultsFollow) console.log(`\n${showTable(table, { wide })}`);
  await endWithReport(context, folder, describeComposition);
  wrote(folder);
  return table;
});
