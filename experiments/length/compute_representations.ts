// npx ts-node experiments/length/compute_representations.ts
// npx ts-node experiments/length/compute_representations.ts constraint_type=sentences n_sent_max=8
import '../shared/command/help';
import * as path from 'node:path';
import { findModel } from '../../src/hub/fingerprint';
import { integer, nullable, oneOf, text } from '../../src/runs/config';
import { InputError } from '../../src/util/errors';
import { makeFolder } from '../../src/util/files';
import { defineScript } from '../shared/command/script';
import { dataFile } from '../shared/data/dataFolder';
import { loadQuestions } from '../shared/data/questions';
import { shortRows } from '../shared/prompts';
import { openSession } from '../shared/session';
import { representationsSchema } from '../shared/vectors/compute';
import { directionNames, loadPhrasings } from './parts/phrasings';
import { computeLengthVectors, lengthPrompts, lengthVectorFile } from './parts/vectors';

const schema = {
  ...representationsSchema,
  constraint_type: oneOf(['high-level', 'sentences']),
  n_sent_max: integer({ min: 1, max: 100 }),
  n_examples: integer({ min: 1 }),
  phrasings_path: nullable(text()),
  representations_folder: nullable(text()),
};

export const script = defineScript(__filename, schema, async (config, { wrote, plans }) => {
  const model = findModel(config.model_name);
  const data_path = dataFile(config.data_path, 'questions');
  const phrasings = loadPhrasings(config.phrasings_path, config.data_path);
  const settings = { ...config, data_path, phrasings };
  const questions = loadQuestions(data_path).filter(({ split }) => split !== 'eval');
  if (questions.length < config.n_examples) {
    throw new InputError(
      `${data_path} has ${questions.length} queries for representations; n_examples asks for ${config.n_examples}.`,
    );
  }
  const { rows: queries } = shortRows(model, config, questions.slice(0, config.n_examples), {
    file: data_path,
    promptsOf: (query) => lengthPrompts(query, settings),
  });
  const folder =
    config.representations_folder ??
    path.join(config.output_path, 'length', model.name, 'representations');
  const file = lengthVectorFile(folder, settings);
  const names = directionNames(phrasings, config.constraint_type, config.n_sent_max);
  console.log(`${queries.length} queries × (${names.join(', ')}, no instruction) → ${file}`);
  if (config.dry_run) {
    const prompts = queries.flatMap((query) => lengthPrompts(query, settings));
    plans({ kind: 'vectors', place: file, model: config, prompts: [...new Set(prompts)] });
    return wrote(file);
  }

  makeFolder(folder);
  const session = await openSession(config);
  await computeLengthVectors(session, queries, settings, file, {
    batchSize: config.batch_size,
    layers: config.layers,
    keepActivations: config.keep_activations,
  });
  console.log(`Done: ${file}`);
  wrote(file);
});
