// npx ts-node experiments/keywords/compute_representations.ts
// npx ts-node experiments/keywords/compute_representations.ts keyword_type=exclude word_set=ifeval_exclude
import '../shared/command/help';
import * as path from 'node:path';
import { findModel } from '../../src/hub/fingerprint';
import { integer, listOf, nullable, oneOf, text } from '../../src/runs/config';
import { makeFolder } from '../../src/util/files';
import { defineScript } from '../shared/command/script';
import { dataFile } from '../shared/data/dataFolder';
import type { Question } from '../shared/data/questions';
import { shortRows } from '../shared/prompts';
import { openSession } from '../shared/session';
import { representationsSchema } from '../shared/vectors/compute';
import { KEYWORD_TYPES, keywordQueries, loadWords, WORD_SETS } from './parts/data';
import {
  computeKeywordVectors,
  keywordVectorFile,
  loadKeywordPhrasings,
  withKeyword,
} from './parts/vectors';

const schema = {
  ...representationsSchema,
  keyword_type: oneOf(KEYWORD_TYPES),
  word_set: listOf(oneOf(WORD_SETS)),
  words_path: nullable(text()),
  n_examples: integer({ min: 1 }),
  phrasings_path: nullable(text()),
  representations_folder: nullable(text()),
};

export const script = defineScript(__filename, schema, async (config, { wrote, plans }) => {
  const model = findModel(config.model_name);
  const words = loadWords(config.data_path, config.word_set, config.words_path);
  const settings = {
    ...config,
    queries_file: dataFile(config.data_path, 'questions'),
    phrasings: loadKeywordPhrasings(config.phrasings_path, config.data_path),
  };
  const { queries_file, phrasings } = settings;
  const wordings = phrasings[config.keyword_type];
  const promptsOf = (query: Question) => [
    query.prompt,
    ...words.map((word) => withKeyword(query, word, wordings, config.seed)),
  ];
  const all = keywordQueries(queries_file, config.n_examples);
  const { rows: queries } = shortRows(model, config, all, { file: queries_file, promptsOf });
  const folder =
    config.representations_folder ??
    path.join(config.output_path, 'keywords', model.name, 'representations');
  const file = keywordVectorFile(folder, settings);
  const shown = words.length > 8 ? `${words.slice(0, 6).join(', ')}, …` : words.join(', ');
  console.log(
    `${words.length} words (${shown}): ${queries.length} queries of ${settings.queries_file} ` +
      `with an instruction to ${config.keyword_type} the word, and without → ${file}`,
  );
  if (config.dry_run) {
    const prompts = [...new Set(queries.flatMap(promptsOf))];
    plans({ kind: 'vectors', place: file, model: config, prompts });
    return wrote(file);
  }

  makeFolder(folder);
  const session = await openSession(config);
  await computeKeywordVectors(session, queries, words, settings, file, {
    finalTokens: config.num_final_tokens,
    batchSize: config.batch_size,
    layers: config.layers,
    keepActivations: config.keep_activations,
  });
  console.log(`Done: ${file}`);
  wrote(file);
});
