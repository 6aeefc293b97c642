// npx ts-node experiments/format/evaluate.ts
// npx ts-node experiments/format/evaluate.ts steering=add_vector steering_weights=[0.5x,1x]
import '../shared/command/help';
import * as path from 'node:path';
import { POSITIONS } from '../../src/engine/steering';
import { findModel } from '../../src/hub/fingerprint';
import { integer, layer, listOf, nameText, nullable, oneOf, text } from '../../src/runs/config';
import { makeFolder } from '../../src/util/files';
import { answeringSchema, openRun } from '../shared/answers/answering';
import { checkJudges, judgeAnswers, judgeSchema } from '../shared/answers/judging';
import { defineScript } from '../shared/command/script';
import { dataFile } from '../shared/data/dataFolder';
import { layerCount } from '../shared/layers';
import { shortRows } from '../shared/prompts';
import { endWithReport } from '../shared/report/finish';
import { openSession } from '../shared/session';
import { steeringWeight } from '../shared/vectors/weight';
import { computeCells, type FormatRow } from './parts/cells';
import { describeFormat } from './parts/figures';
import { type FormatVectors, foreseeIvs, loadFormatVectors } from './parts/ivs';
import {
  answerFormatRows,
  countFormatAnswers,
  FORMAT_STEERINGS,
  planFormatRows,
  steeringActs,
  tellFormatAnswers,
} from './parts/plan';
import {
  answerLength,
  evaluationRows,
  firstOfEach,
  loadFormatRows,
  searchLayers,
} from './parts/rows';
import { cellsTable, describeCells } from './parts/tables';
import { formatFolders, formatVectorData, steerable, usedRows } from './parts/vectors';

const schema = {
  ...answeringSchema,
  ...judgeSchema,
  vectors_data_path: nullable(text()),
  vectors_model: nullable(text()),
  ivs_name: nullable(nameText()),
  n_examples_per_instruction: nullable(integer({ min: 1 })),
  include_instructions: oneOf([true, false, 'both']),
  steering: listOf(oneOf(FORMAT_STEERINGS)),
  steering_weights: listOf(steeringWeight()),
  compare_layers: nullable(listOf(layer())),
  positions: oneOf(POSITIONS),
  max_generation_length_long: integer({ min: 1 }),
};

export const script = defineScript(__filename, schema, async (config, context) => {
  const { runName, made, wrote, wide, resultsFollow } = context;
  const model = findModel(config.model_name);
  checkJudges(config);
  const data_path = dataFile(config.data_path, 'format_evaluation');
  const vectors_data_path = formatVectorData(config);
  const all = evaluationRows(loadFormatRows(data_path, { checked: true }), data_path);
  const chosen = firstOfEach(all, config.n_examples_per_instruction);
  const acts = steeringActs(config.steering, ['selected'], config.steering_weights);
  const compared = config.compare_layers && searchLayers(config.compare_layers, layerCount(model));
  const [, ...atFixed] = steeringActs(config.steering, compared ?? [], config.steering_weights);
  const { rows, skipped } = shortRows(model, config, chosen, {
    file: data_path,
    promptsOf: (row) => planFormatRows([row], config, acts.slice(0, 1)).map(({ prompt }) => prompt),
    newTokensOf: ({ id }) => answerLength(id, config),
  });
  // At the layers compared, only without the instruction where there is a choice.
  const withoutIfBoth = { ...config, include_instructions: config.include_instructions === true };
  const planFor = (
    selectedFor?: FormatVectors['selectedFor'],
    hasVector?: (id: string) => boolean,
  ) => [
    ...planFormatRows(rows, config, acts, selectedFor, hasVector),
    ...planFormatRows(rows, withoutIfBoth, atFixed, undefined, hasVector),
  ];
  const { base } = formatFolders({ ...config, model: model.name });
  const source = { chosen: config.ivs_name, made, layers: compared ?? [] };
  const folderFor = (mark: string[]) => path.join(base, config.name ?? runName(mark));
  if (config.dry_run) {
    const plan = planFor();
    console.log(
      `${rows.length} rows, steering ${config.steering.join(', ')}: ${plan.length} answers`,
    );
    const folder = folderFor(foreseeIvs({ ...config, model: model.name }, source));
    console.log(`For example: "${plan[plan.length - 1].prompt}"\nWould write to ${folder}`);
    // Each instruction at some layer: the most that there may be.
    const layers = new Map(rows.map(({ id }) => [id, 0]));
    tellFormatAnswers(
      context,
      config,
      folder,
      planFor(() => layers),
    );
    wrote(folder);
    return;
  }

  makeFolder(base);
  const session = await openSession(config);
  console.log(`${model.name} on ${session.backend.name} (${session.backend.detail})`);
  const found = loadFormatVectors({ ...config, vectors_data_path }, source, config, session);
  const folder = folderFor(found.mark);
  console.log(`Vectors: ${found.file}, layers by ${found.chosenBy}`);
  const withVector = steerable(rows, found);
  const used = usedRows(found, data_path);
  const known = rows.filter(({ key }) => used.has(key)).length;
  if (known) {
    console.log(
      `Careful: ${known} of the ${rows.length} rows evaluated gave the vectors too; what follows is ` +
        'no test on unseen rows. Split the file (split: train | eval), or set vectors_data_path.',
    );
  }
  const plan = planFor(found.selectedFor, (id) => withVector.has(id));
  console.log(`${plan.length} rows, ${countFormatAnswers(plan, config)} different answers`);
  const run = openRun<FormatRow>(session, folder, plan, context, {
    ...config,
    step: 'evaluate',
    data_path,
    vectors_data_path,
    ivs_name: path.basename(found.file, '.safetensors'),
    vectors_sha256: found.sha256,
  });
  const answers = await answerFormatRows(session, run, plan, found.vectors, config);
  const queries = answers.map(({ id, response }, i) => {
    return { id, query: plan[i].row.withoutInstruction, response };
  });
  const cells = computeCells(answers, await judgeAnswers(folder, queries, config));
  run.writeSummary({
    cells,
    selected_layers: found.selectedLayers,
    rows_that_gave_the_vectors: known,
    rows_without_vector: rows.filter(({ id }) => !withVector.has(id)).length,
    ...skipped,
  });
  run.close();
  if (!resultsFollow) console.log(`\n${describeCells(cells, wide)}`);
  await endWithReport(context, folder, describeFormat);
  wrote(folder);
  return cellsTable(cells, wide);
});
