// npx ts-node experiments/paper/analyse_vectors.ts
// npx ts-node experiments/paper/analyse_vectors.ts model_name=phi-3 layers=[12,20,28]
import '../shared/command/help';
import * as path from 'node:path';
import { findModel } from '../../src/hub/fingerprint';
import { flag, integer, layer, listOf, nameText, nullable, text } from '../../src/runs/config';
import { hashFile } from '../../src/util/hashFile';
import { showTable } from '../../src/util/table';
import { evaluationRows, firstOfEach, loadFormatRows } from '../format/parts/rows';
import { defineScript } from '../shared/command/script';
import { dataFile } from '../shared/data/dataFolder';
import { groupBy } from '../shared/groupBy';
import { longPromptsSchema, shortRows } from '../shared/prompts';
import { openSession, type Session, sessionSchema } from '../shared/session';
import { endWithAnalyses } from './parts/figures';
import { pairActivations, promptsOf } from './parts/pairs';
import { writeAnalysis } from './parts/report';
import { cosinesBetween, cosinesWithPrompts, pcaOfDifferences } from './parts/vectorAnalyses';
import { type AnalysedVectors, findAnalysedVectors, vectorsSchema } from './parts/vectorFiles';
import { pcaTable, promptsTable, similarTable, vocabularyTable } from './parts/vectorTables';
import { projectAll } from './parts/vocabulary';

const schema = {
  ...sessionSchema,
  ...longPromptsSchema,
  ...vectorsSchema,
  data_path: text(),
  output_path: text(),
  name: nullable(nameText()),
  layers: nullable(listOf(layer())),
  n_examples_per_instruction: nullable(integer({ min: 1 })),
  top_tokens: integer({ min: 1 }),
  batch_size: integer({ min: 1 }),
  dry_run: flag(),
};

export const script = defineScript(__filename, schema, async (config, context) => {
  const { made, wrote, plans, wide, runName } = context;
  const model = findModel(config.model_name);
  const data_path = dataFile(config.data_path, 'format_evaluation');
  const all = evaluationRows(loadFormatRows(data_path, { checked: false }), data_path);
  const chosen = firstOfEach(all, config.n_examples_per_instruction);
  const { rows } = shortRows(model, config, chosen, {
    file: data_path,
    promptsOf: ({ prompt, withoutInstruction }) => [prompt, withoutInstruction],
  });
  const folder = path.join(config.output_path, 'paper', model.name, config.name ?? runName());
  if (config.dry_run) {
    console.log(`Vectors of ${config.of.join(', ')}, ${rows.length} pairs of prompts → ${folder}`);
    const prompts = config.of.includes('format') ? promptsOf(rows) : [];
    plans({ kind: 'vectors', place: path.join(folder, 'pca.json'), model: config, prompts });
    return wrote(folder);
  }

  const session = await openSession(config);
  console.log(`${model.name} on ${session.backend.name} (${session.backend.detail})`);
  const sets = findAnalysedVectors(config, session, made);
  for (const { of, file } of sets) console.log(`Vectors of ${of}: ${file}`);
  const layersOf = ({ vectors }: AnalysedVectors) => config.layers ?? vectors.layers;
  const shown = (layers: number[]) => layers[layers.length >> 1];

  const between = sets
    // Of hundreds of words, at their own layer alone.
    .map((set) => ({ set, layers: set.of === 'keywords' ? [set.layerOf('') ?? 0] : layersOf(set) }))
    .map(({ set: { of, vectors }, layers }) => {
      return { of, names: [...vectors.directions.keys()], layers: cosinesBetween(vectors, layers) };
    });
  writeAnalysis(folder, 'cosines', {
    what: 'Cosine similarities between instruction vectors, layer by layer.',
    fields: { names: 'of rows and columns', cosines: 'of each vector with each' },
    from: fromOf(sets, session),
    sets: between,
  });
  for (const { of, names, layers } of between) {
    const one = layers[layers.length >> 1];
    console.log(`\nVectors of ${of} at layer ${one.layer}: the most and least similar`);
    console.log(showTable(similarTable(names, one.cosines), { wide }));
  }

  const format = sets.find(({ of }) => of === 'format');
  if (format) {
    const layers = layersOf(format);
    const pairs = await pairActivations(session, rows, layers, config.batch_size);
    const instructions = groupBy(rows, ({ id }) => id).map(([{ id }]) => id);
    const from = { ...fromOf([format], session), data_path, data_sha256: hashFile(data_path) };
    const names = [...format.vectors.directions.keys()];
    const prompts = cosinesWithPrompts(format.vectors, pairs, instructions, layers);
    writeAnalysis(folder, 'prompt_cosines', {
      what: 'Mean cosines of instruction vectors with the residual stream at the last prompt token.',
      fields: {
        names: 'of the vectors: rows',
        instructions: 'whose prompts the columns are of',
        with: 'prompts with their instruction',
        without: 'the same prompts without it',
      },
      from,
      ...{ names, instructions, layers: prompts },
    });
    const at = prompts.findIndex((one) => one.layer === shown(layers));
    console.log(`\nVectors against prompts at layer ${shown(layers)}, mean cosines`);
    console.log(showTable(promptsTable(names, instructions, prompts[at]), { wide }));
    const pca = pcaOfDifferences(pairs, layers);
    writeAnalysis(folder, 'pca', {
      what: 'Differences (with - without the instruction) along their two principal components.',
      fields: {
        explained: 'share of the variance along each component',
        points: 'a prompt each; x and y from the mean of all',
      },
      from,
      layers: pca,
    });
    console.log(`\nDifferences at layer ${shown(layers)} along two principal components, means`);
    console.log(showTable(pcaTable(pca[at]), { wide }));
  }

  const projections = await projectAll(session, sets, config.top_tokens);
  writeAnalysis(folder, 'vocabulary', {
    what: 'Each vector at the layer it acts at, through the output layer: tokens at either end.',
    fields: {
      score: 'unit vector · the column of the output layer; no final norm, bias or cap',
      tied: 'whether the output layer is the embedding',
      layer: "the instruction's own; the middle one where steering it was found not to help",
      top: 'the farthest tokens first',
      bottom: 'the farthest tokens at the other end',
    },
    from: fromOf(sets, session),
    ...projections,
  });
  console.log('\nTokens at the ends of each vector');
  console.log(showTable(vocabularyTable(projections.vectors, wide), { wide }));
  await endWithAnalyses(context, folder);
  wrote(folder);
});

const fromOf = (sets: AnalysedVectors[], { files, backend, dtype }: Session) => ({
  ...{ model: files.name, model_fingerprint: files.fingerprint, backend: backend.name, dtype },
  vectors: sets.map(({ of, file }) => ({ of, file, sha256: hashFile(file) })),
});
