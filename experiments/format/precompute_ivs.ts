// npx ts-node experiments/format/precompute_ivs.ts
// npx ts-node experiments/format/precompute_ivs.ts fixed_layer=2 name=layer2
import '../shared/command/help';
import * as path from 'node:path';
import { modelName } from '../../src/hub/modelFolder';
import {
  type ConfigOf,
  flag,
  layer,
  nameText,
  nullable,
  number,
  oneOf,
  text,
} from '../../src/runs/config';
import { InputError } from '../../src/util/errors';
import { makeFolder, writeAtomic } from '../../src/util/files';
import { showTable } from '../../src/util/table';
import { judgedBy, readPerplexities } from '../shared/answers/judge';
import { compatCheck, isOn } from '../shared/command/compat';
import { usualSettings } from '../shared/command/names';
import { defineScript } from '../shared/command/script';
import { findModel } from '../shared/provenance';
import { chooseLayers, isOut, type LayerChoice, layersTable } from './parts/layerChoice';
import {
  findSearchRun,
  foreseeSearch,
  type SearchRun,
  searchSchema,
  searchSettings,
  searchVectors,
} from './parts/search';
import {
  findFormatVectors,
  foreseeVectors,
  formatFolders,
  formatVectorData,
  saveFormatVectors,
} from './parts/vectors';

const schema = {
  ...searchSchema,
  vectors_data_path: nullable(text()),
  vectors_file: nullable(text()),
  search_name: nullable(nameText()),
  perplexity_model: nullable(text()),
  name: nullable(nameText()),
  fixed_layer: nullable(layer()),
  include_instructions: oneOf([true, false, 'both']),
  perplexity_threshold: nullable(number({ min: 0 })),
  compat: compatCheck,
  dry_run: flag(),
};

export const script = defineScript(
  __filename,
  schema,
  async (config, { runName, made, wrote, wide }) => {
    const model = findModel(config.model_name);
    const { ivs } = formatFolders({ ...config, model: model.name });
    const { fixed_layer } = config;
    const vectors_data_path = formatVectorData(config);
    const wanted = { ...config, vectors_data_path };
    const vectorsSource = {
      chosen: config.vectors_file,
      made,
      layers: fixed_layer === null ? [] : [fixed_layer],
    };
    const searchSource = { key: 'search_name', chosen: config.search_name, made } as const;
    const fileFor = (mark: string[]) =>
      path.join(ivs, `${config.name ?? runName(mark)}.safetensors`);
    if (config.dry_run) {
      const { folder, mark } = foreseeSearch(config, searchSource);
      const file = fileFor(
        fixed_layer === null
          ? [...mark, ...judgeMark(judgeOf(folder, config, made), config)]
          : foreseeVectors(wanted, vectorsSource),
      );
      console.log(`Would write to ${file}`);
      return wrote(file);
    }

    const search = fixed_layer === null ? findSearchRun(config, searchSource) : undefined;
    const found = search
      ? { ...searchVectors(config, search), mark: search.mark }
      : findFormatVectors(wanted, vectorsSource);
    const judge = search && judgeOf(search.folder, config, made);
    const file = fileFor([...found.mark, ...judgeMark(judge, config)]);
    makeFolder(ivs);
    const choices = search ? chooseBySearch(search, config, judge) : [];
    const ids = [...found.vectors.directions.keys()];
    const choiceOf = (id: string) => choices.find((choice) => choice.instruction_id === id);
    const selected = new Map(ids.map((id) => [id, fixed_layer ?? choiceOf(id)?.selected ?? null]));
    const chosenBy = search
      ? `the search ${search.folder} (${search.config.steering}, positions ${search.config.positions})`
      : `fixed_layer=${fixed_layer}`;
    const saved = saveFormatVectors(file, found, {
      selected,
      chosenBy,
      steeredFingerprint: model.fingerprint,
      settings: {
        fixed_layer,
        include_instructions: config.include_instructions,
        perplexity_threshold: config.perplexity_threshold,
        filter_baseline: isOn('filter_baseline', config.compat),
        perplexity_one: isOn('perplexity_one', config.compat),
        judge,
        ...(search ? searchSettings(search) : {}),
      },
    });
    const summary = { chosen_by: chosenBy, selected_layers: Object.fromEntries(selected), choices };
    writeAtomic(file.replace(/\.\w+$/, '.summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
    if (search) report(choices, ids, wide);
    console.log(`\nVectors with their layers: ${file}${saved ? '' : ' (there already)'}`);
    wrote(file);
  },
);

/** The judge whose figures decide: the one asked for, or of this `run.ts`; else the only one. */
function judgeOf(
  folder: string,
  { perplexity_model, perplexity_threshold }: ConfigOf<typeof schema>,
  made: readonly string[],
): string | undefined {
  if (perplexity_threshold === null) return undefined;
  if (perplexity_model !== null) return modelName(perplexity_model);
  return judgedBy(folder, made);
}

/** For the name of the result, where the judge is not the usual one. */
function judgeMark(judge: string | undefined, { model_name }: { model_name: string }): string[] {
  const { perplexity_model: usual } = usualSettings(
    'format/compute_response_perplexity',
    model_name,
  );
  return judge === undefined || judge === modelName(String(usual)) ? [] : [judge];
}

function chooseBySearch(
  { folder, config: searched, rows }: SearchRun,
  config: ConfigOf<typeof schema>,
  judge: string | undefined,
): LayerChoice[] {
  const { include_instructions: inPrompt, perplexity_threshold: threshold } = config;
  const perplexities = judge === undefined ? undefined : readPerplexities(folder, judge);
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
