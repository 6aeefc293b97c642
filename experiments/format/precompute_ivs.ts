// npx ts-node experiments/format/precompute_ivs.ts
// npx ts-node experiments/format/precompute_ivs.ts fixed_layer=2 name=layer2
// npx ts-node experiments/format/precompute_ivs.ts model_name=phi-3 layers_from=published
import '../shared/command/help';
import * as path from 'node:path';
import { findModel } from '../../src/hub/fingerprint';
import { flag, layer, nameText, nullable, number, oneOf, text } from '../../src/runs/config';
import { makeFolder, writeAtomic } from '../../src/util/files';
import { showTable } from '../../src/util/table';
import { compatCheck, isOn } from '../shared/command/compat';
import { defineScript } from '../shared/command/script';
import { findLayers, foreseeLayers } from './parts/chosenLayers';
import { saveFormatVectors } from './parts/ivs';
import { type ChoiceOf, isOut, layersTable } from './parts/layerChoice';
import { searchSchema } from './parts/search';
import { selectedToJson } from './parts/selectedLayers';
import { formatFolders } from './parts/vectors';

const schema = {
  ...searchSchema,
  vectors_data_path: nullable(text()),
  vectors_file: nullable(text()),
  search_name: nullable(nameText()),
  perplexity_model: nullable(text()),
  name: nullable(nameText()),
  fixed_layer: nullable(layer()),
  include_instructions: oneOf(['each', true, false, 'both']),
  perplexity_threshold: nullable(number({ min: 0 })),
  compat: compatCheck,
  dry_run: flag(),
};

export const script = defineScript(__filename, schema, async (config, context) => {
  const { runName, made, wrote, wide } = context;
  const model = findModel(config.model_name);
  const { ivs } = formatFolders({ ...config, model: model.name });
  const fileFor = (mark: string[]) => path.join(ivs, `${config.name ?? runName(mark)}.safetensors`);
  if (config.dry_run) {
    const file = fileFor(foreseeLayers(config, made));
    console.log(`Would write to ${file}`);
    return wrote(file);
  }

  const chosen = findLayers(config, made);
  const { vectors, selected, chosenBy, choices } = chosen;
  const file = fileFor(chosen.mark);
  makeFolder(ivs);
  const saved = saveFormatVectors(file, chosen, {
    selected,
    chosenBy,
    steeredFingerprint: model.fingerprint,
    settings: {
      layers_from: config.layers_from,
      fixed_layer: config.fixed_layer,
      include_instructions: config.include_instructions,
      perplexity_threshold: config.perplexity_threshold,
      filter_baseline: isOn('filter_baseline', config.compat),
      ...chosen.settings,
    },
  });
  const summary = {
    vectors: file,
    chosen_by: chosenBy,
    selected_layers: selectedToJson(selected),
    choices: choicesToJson(choices),
  };
  writeAtomic(file.replace(/\.\w+$/, '.summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  if (choices.length) report(choices, [...vectors.directions.keys()], wide);
  console.log(`\nVectors with their layers: ${file}${saved ? '' : ' (there already)'}`);
  wrote(file);
});

/** As `selected_layers`: one choice for all prompts, or `{without, with}`. */
function choicesToJson(choices: ChoiceOf[]) {
  const [first, second] = choices.map(({ layers }) => layers);
  return second ? { without: first, with: second } : (first ?? []);
}

function report(choices: ChoiceOf[], ids: string[], wide: boolean) {
  console.log(`\nObeyed at each layer${wide ? '' : ', in percent'}`);
  console.log(showTable(layersTable(choices, wide), { wide }));
  const all = choices.flatMap(({ layers }) => layers);
  const out = all.flatMap(({ layers }) => layers.filter(isOut)).length;
  if (out) console.log(`† does not count: too many degenerate answers (${out} in all)`);
  const missing = ids.filter((id) => !all.some((choice) => choice.instruction_id === id));
  if (missing.length) console.log(`Not searched, so not steered: ${missing.join(', ')}`);
}
