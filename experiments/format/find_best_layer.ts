// npx ts-node experiments/format/find_best_layer.ts
// npx ts-node experiments/format/find_best_layer.ts layers=[0,2,4] n_examples_per_instruction=4
import '../shared/command/help';
import * as path from 'node:path';
import { POSITIONS } from '../../src/engine/steering';
import { findModel } from '../../src/hub/fingerprint';
import { integer, layer, listOf, nullable, oneOf, text } from '../../src/runs/config';
import { makeFolder } from '../../src/util/files';
import { hashFile } from '../../src/util/hashFile';
import { showTable } from '../../src/util/table';
import { answeringSchema, openRun } from '../shared/answers/answering';
import { defineScript } from '../shared/command/script';
import { dataFile } from '../shared/data/dataFolder';
import { layerCount } from '../shared/layers';
import { shortRows } from '../shared/prompts';
import { endWithReport } from '../shared/report/finish';
import { openSession } from '../shared/session';
import { steeringWeight } from '../shared/vectors/weight';
import { computeCells, type FormatRow } from './parts/cells';
import { describeLayerSearch } from './parts/figures';
import {
  answerFormatRows,
  countFormatAnswers,
  planFormatRows,
  steeringActs,
  tellFormatAnswers,
} from './parts/plan';
import {
  answerLength,
  drawSearchRows,
  loadFormatRows,
  searchLayers,
  trainingRows,
} from './parts/rows';
import { layersFromSchema, needsNoSearch } from './parts/search';
import { cellsTable } from './parts/tables';
import {
  checkVectorsFor,
  findFormatVectors,
  foreseeVectors,
  formatFolders,
  formatVectorData,
  usedRows,
} from './parts/vectors';

const schema = {
  ...answeringSchema,
  ...layersFromSchema,
  vectors_data_path: nullable(text()),
  vectors_model: nullable(text()),
  vectors_file: nullable(text()),
  n_examples_per_instruction: integer({ min: 1 }),
  layers: nullable(listOf(layer())),
  steering: oneOf(['adjust_rs', 'add_vector']),
  steering_weight: steeringWeight(),
  positions: oneOf(POSITIONS),
  include_instructions: oneOf([true, false, 'both']),
  max_generation_length_long: integer({ min: 1 }),
  seed: integer(),
};

export const script = defineScript(__filename, schema, async (config, context) => {
  const { runName, made, wrote, wide } = context;
  if (needsNoSearch(config)) return;
  const model = findModel(config.model_name);
  const layers = searchLayers(config.layers, layerCount(model));
  const acts = steeringActs([config.steering], layers, [config.steering_weight]);
  const data_path = dataFile(config.data_path, 'format_training');
  const vectors_data_path = formatVectorData(config);
  // Before some are drawn: which those are, the vectors have a say in.
  const training = trainingRows(loadFormatRows(data_path, { checked: true }), data_path);
  const { rows: all, skipped } = shortRows(model, config, training, {
    file: data_path,
    promptsOf: (row) => planFormatRows([row], config, acts.slice(0, 1)).map(({ prompt }) => prompt),
    newTokensOf: ({ id }) => answerLength(id, config),
  });
  const planFor = (used: ReadonlySet<string>) => {
    const rows = drawSearchRows(all, config.n_examples_per_instruction, config.seed, used);
    const plan = planFormatRows(rows, config, acts);
    console.log(
      `${rows.length} rows × (unsteered, layers ${layers.join(', ')}): ${countFormatAnswers(plan, config)} different answers`,
    );
    const known = rows.filter(({ key }) => used.has(key)).length;
    if (known)
      console.log(`${known} of these rows gave the vectors too: there are too few others.`);
    return { rows, plan };
  };
  const { search } = formatFolders({ ...config, model: model.name });
  const wanted = { ...config, vectors_data_path };
  const source = { chosen: config.vectors_file, made, layers };
  const folderFor = (mark: string[]) => path.join(search, config.name ?? runName(mark));
  if (config.dry_run) {
    const { plan } = planFor(new Set());
    const folder = folderFor(foreseeVectors(wanted, source));
    console.log(`Would write to ${folder}`);
    tellFormatAnswers(context, config, folder, plan);
    wrote(folder);
    return;
  }

  makeFolder(search);
  const session = await openSession(config);
  console.log(`${model.name} on ${session.backend.name} (${session.backend.detail})`);
  const found = findFormatVectors(wanted, source, session);
  console.log(`Vectors: ${found.file}`);
  const folder = folderFor(found.mark);
  const { rows, plan } = planFor(usedRows(found, data_path));
  checkVectorsFor(rows, found);
  const { layers_from: _, ...settings } = config;
  const run = openRun<FormatRow>(session, folder, plan, context, {
    ...settings,
    step: 'find_best_layer',
    data_path,
    vectors_data_path,
    vectors_data_sha256: hashFile(vectors_data_path),
    vectors_file: found.file,
    vectors_sha256: found.sha256,
  });
  const answers = await answerFormatRows(session, run, plan, found.vectors, config);
  const cells = computeCells(answers);
  run.writeSummary({ cells, ...skipped });
  run.close();
  const table = cellsTable(cells, wide);
  console.log(`\n${showTable(table, { wide })}`);
  await endWithReport(context, folder, describeLayerSearch);
  wrote(folder);
  return table;
});
