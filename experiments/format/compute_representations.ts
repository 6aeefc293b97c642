// npx ts-node experiments/format/compute_representations.ts
// npx ts-node experiments/format/compute_representations.ts subset_ratio=1 n_generations=2
import '../shared/command/help';
import { findModel } from '../../src/hub/fingerprint';
import { integer, number } from '../../src/runs/config';
import { makeFolder } from '../../src/util/files';
import { defineScript } from '../shared/command/script';
import { dataFile } from '../shared/data/dataFolder';
import { groupBy } from '../shared/groupBy';
import { layerCount } from '../shared/layers';
import { shortRows } from '../shared/prompts';
import { openSession } from '../shared/session';
import { representationsSchema } from '../shared/vectors/compute';
import { writeGenerations } from './parts/previews';
import { drawSubset, loadFormatRows, searchLayers, trainingRows } from './parts/rows';
import { computeFormatVectors, formatFolders, formatVectorFile } from './parts/vectors';

const schema = {
  ...representationsSchema,
  subset_ratio: number({ min: 0.001, max: 1 }),
  n_generations: integer({ min: 0 }),
  generation_length: integer({ min: 1 }),
};

export const script = defineScript(__filename, schema, async (config, { wrote, plans }) => {
  const model = findModel(config.model_name);
  const layers = config.layers && searchLayers(config.layers, layerCount(model));
  const data_path = dataFile(config.data_path, 'format_training');
  const all = trainingRows(loadFormatRows(data_path, { checked: false }), data_path);
  const { rows } = shortRows(model, config, drawSubset(all, config.subset_ratio, config.seed), {
    file: data_path,
    promptsOf: ({ prompt, withoutInstruction }) => [prompt, withoutInstruction],
  });
  const { representations } = formatFolders({ ...config, model: model.name });
  const file = formatVectorFile(representations, { ...config, data_path });
  const groups = groupBy(rows, ({ id }) => id);
  console.log(`${rows.length} of ${all.length} rows → ${file}`);
  console.log(groups.map((group) => `  ${group[0].id}: ${group.length}`).join('\n'));
  if (config.dry_run) {
    const prompts = rows.flatMap(({ prompt, withoutInstruction }) => [prompt, withoutInstruction]);
    plans({ kind: 'vectors', place: file, model: config, prompts: [...new Set(prompts)] });
    return wrote(file);
  }

  makeFolder(representations);
  const session = await openSession(config);
  await computeFormatVectors(session, rows, { ...config, data_path }, file, {
    finalTokens: config.num_final_tokens,
    batchSize: config.batch_size,
    keepActivations: config.keep_activations,
    layers,
  });
  if (config.n_generations) {
    const some = groups.flatMap((group) => group.slice(0, config.n_generations));
    const { n_generations, generation_length } = config;
    const beside = `.generations_${n_generations}x${generation_length}.jsonl`;
    await writeGenerations(session, some, file.replace(/\.safetensors$/, beside), config);
  }
  console.log(`Done: ${file}`);
  wrote(file);
});
