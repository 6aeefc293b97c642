// npx ts-node experiments/format/precompute_ivs.ts
// npx ts-node experiments/format/precompute_ivs.ts fixed_layer=2 name=layer2
import '../shared/command/help';
import * as path from 'node:path';
import {
  type ConfigOf,
  flag,
  integer,
  nameText,
  nullable,
  number,
  oneOf,
  text,
} from '../../src/runs/config';
import { InputError } from '../../src/util/errors';
import { writeAtomic } from '../../src/util/files';
import { showTable } from '../../src/util/table';
import { readPerplexities } from '../shared/answers/judge';
import { compatCheck, isOn } from '../shared/command/compat';
import { defineScript } from '../shared/command/script';
import { inputPath } from '../shared/data/questions';
import { findModel } from '../shared/provenance';
import { chooseLayers, isOut, type LayerChoice, layersTable } from './parts/layerChoice';
import { findSearchRun, type SearchRun, searchSchema, searchVectors } from './parts/search';
import { findFormatVectors, formatFolders, saveFormatVectors } from './parts/vectors';

const schema = {
  ...searchSchema,
  vectors_data_path: nullable(text()),
  search_name: nullable(nameText()),
  name: nullable(nameText()),
  fixed_layer: nullable(integer({ min: 0 })),
  include_instructions: oneOf([true, false, 'both']),
  perplexity_threshold: nullable(number({ min: 0 })),
  compat: compatCheck,
  dry_run: flag(),
};

export const script = defineScript(__filename, schema, async (config, { runName, wide }) => {
  const model = findModel(config.model_name);
  const { ivs } = formatFolders({ ...config, model: model.name });
  const file = path.join(ivs, `${config.name ?? runName}.safetensors`);
  if (config.dry_run) return console.log(`Would write to ${file}`);

  const { fixed_layer } = config;
  const vectors_data_path = inputPath(config.vectors_data_path ?? config.data_path);
  const search = fixed_layer === null ? findSearchRun(config, config.search_name) : undefined;
  const found = search
    ? searchVectors(config, search)
    : findFormatVectors({ ...config, vectors_data_path });
  const choices = search ? chooseBySearch(search, config) : [];
  const ids = [...found.vectors.directions.keys()];
  const choiceOf = (id: string) => choices.find((choice) => choice.instruction_id === id);
  const selected = new Map(ids.map((id) => [id, fixed_layer ?? choiceOf(id)?.selected ?? null]));
  const chosenBy = search
    ? `the search ${search.folder} (${search.config.steering}, positions ${search.config.positions})`
    : `fixed_layer=${fixed_layer}`;
  saveFormatVectors(file, found, { selected, chosenBy, steeredFingerprint: model.fingerprint });
  const summary = { chosen_by: chosenBy, selected_layers: Object.fromEntries(selected), choices };
  writeAtomic(file.replace(/\.\w+$/, '.summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  if (search) report(choices, ids, wide);
  console.log(`\nVectors with their layers: ${file}`);
});

function chooseBySearch(
  { folder, config: searched, rows }: SearchRun,
  config: ConfigOf<typeof schema>,
): LayerChoice[] {
  const { include_instructions: inPrompt, perplexity_threshold: threshold } = config;
  const perplexities = readPerplexities(folder);
  if (threshold !== null && !perplexities) {
    throw new InputError(
      `The answers in ${folder} have no perplexities. Run compute_response_perplexity first, or ` +
        'do without the filter for degenerate answers: perplexity_threshold=null.',
    );
  }
  const choices = chooseLayers(rows, {
    inPrompt,
    perplexities,
    threshold,
    unsteeredBaseline: searched.prompt_style === 'qa',
    filterBaseline: isOn('filter_baseline', config.compat),
    perplexityOne: isOn('perplexity_one', config.compat),
  });
  if (choices.length) return choices;
  throw new InputError(
    `${folder} has no answers ${inPrompt ? 'with' : 'without'} the instruction in the prompt. ` +
      'Search with include_instructions=both, or choose by the others.',
  );
}

function report(choices: LayerChoice[], ids: string[], wide: boolean) {
  console.log(`\nObeyed at each layer${wide ? '' : ', in percent'}`);
  console.log(showTable(layersTable(choices, wide), { wide }));
  const out = choices.flatMap(({ layers }) => layers.filter(isOut)).length;
  if (out) console.log(`† does not count: too many degenerate answers (${out} in all)`);
  const missing = ids.filter((id) => !choices.some((choice) => choice.instruction_id === id));
  if (missing.length) console.log(`Not searched, so not steered: ${missing.join(', ')}`);
}
