/** The ways to choose the layers that `precompute_ivs` stores with the vectors. */
import { modelName } from '../../../src/hub/modelFolder';
import { InputError } from '../../../src/util/errors';
import { checkPerplexities, judgedBy, readPerplexities } from '../../shared/answers/judge';
import { type Compat, isOn } from '../../shared/command/compat';
import { usualSettings } from '../../shared/command/names';
import { type ChoiceOf, chooseLayers } from './layerChoice';
import { type PublishedWanted, publishedLayers } from './publishedLayers';
import {
  findSearchRun,
  foreseeSearch,
  type SearchRun,
  type SearchWanted,
  searchSettings,
  searchVectors,
} from './search';
import { type SelectedLayers, selectLayers } from './selectedLayers';
import { type FoundVectors, findFormatVectors, foreseeVectors, formatVectorData } from './vectors';

export interface LayersWanted extends SearchWanted, PublishedWanted {
  layers_from: 'search' | 'published';
  fixed_layer: number | null;
  vectors_file: string | null;
  search_name: string | null;
  perplexity_model: string | null;
  perplexity_threshold: number | null;
  compat: (Compat | 'paper')[] | null;
}

/** Vectors with their layers, and how these were found. */
export interface ChosenLayers extends Pick<FoundVectors, 'vectors' | 'sha256' | 'mark'> {
  selected: SelectedLayers;
  /** In words. */
  chosenBy: string;
  /** What the choice depends on, beside the config. */
  settings: Record<string, unknown>;
  /** Of a search: the choice for all prompts, or for those without the instruction and with it. */
  choices: ChoiceOf[];
}

/**
 * @param made by earlier steps of the same `run.ts`
 * @throws InputError where there are no such vectors, layers or search
 */
export function findLayers(config: LayersWanted, made: readonly string[]): ChosenLayers {
  if (isSearched(config)) return searchedLayers(config, made);
  const { layers, choices, chosenBy } = knownLayers(config);
  const found = findFormatVectors(...vectorsOf(config, layers, made));
  const ids = [...found.vectors.directions.keys()];
  const selected = selectLayers(ids, choices);
  return { ...found, selected, chosenBy, settings: {}, choices: [] };
}

/** What a dry run says that the name of the result would tell of its inputs. Throws as far as it can. */
export function foreseeLayers(config: LayersWanted, made: readonly string[]): string[] {
  if (!isSearched(config)) {
    return foreseeVectors(...vectorsOf(config, knownLayers(config).layers, made));
  }
  const { folder, mark } = foreseeSearch(config, searchSource(config, made));
  return [...mark, ...judgeMark(judgeOf(folder, config, made), config)];
}

function isSearched({ fixed_layer, layers_from }: LayersWanted): boolean {
  if (fixed_layer !== null && layers_from === 'published') {
    throw new InputError('fixed_layer is another choice than layers_from=published: give one.');
  }
  return fixed_layer === null && layers_from === 'search';
}

/** Layers that no search has to find: of all instructions, and what each choice has for one. */
function knownLayers(config: LayersWanted) {
  const { fixed_layer: fixed } = config;
  if (fixed !== null) {
    return { layers: [fixed], choices: [() => fixed], chosenBy: `fixed_layer=${fixed}` };
  }
  const published = publishedLayers(config);
  return {
    layers: [...new Set(published.flatMap((choice) => Object.values(choice)))],
    choices: published.map((choice) => (id: string) => choice[id]),
    chosenBy: 'the paper (layers_from=published)',
  };
}

const vectorsOf = (config: LayersWanted, layers: number[], made: readonly string[]) =>
  [
    { ...config, vectors_data_path: formatVectorData(config) },
    { chosen: config.vectors_file, made, layers },
  ] as const;

const searchSource = ({ search_name: chosen }: LayersWanted, made: readonly string[]) =>
  ({ key: 'search_name', chosen, made }) as const;

function searchedLayers(config: LayersWanted, made: readonly string[]): ChosenLayers {
  const search = findSearchRun(config, searchSource(config, made));
  const { vectors, sha256 } = searchVectors(config, search);
  const judge = judgeOf(search.folder, config, made);
  const choices = chooseBySearch(search, config, judge);
  const ids = [...vectors.directions.keys()];
  const { steering, positions } = search.config;
  return {
    vectors,
    sha256,
    mark: [...search.mark, ...judgeMark(judge, config)],
    selected: selectLayers(
      ids,
      choices.map(({ layers }) => (id: string) => {
        return layers.find((choice) => choice.instruction_id === id)?.selected;
      }),
    ),
    chosenBy: `the search ${search.folder} (${steering}, positions ${positions})`,
    settings: { judge, ...searchSettings(search) },
    choices,
  };
}

/** The judge whose figures decide: the one asked for, or of this `run.ts`; else the only one. */
function judgeOf(
  folder: string,
  { perplexity_model, perplexity_threshold }: LayersWanted,
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
  { include_instructions, perplexity_threshold: threshold, compat }: LayersWanted,
  judge: string | undefined,
): ChoiceOf[] {
  const perplexities = judge === undefined ? undefined : readPerplexities(folder, judge);
  if (threshold !== null && !perplexities) {
    throw new InputError(
      `The answers in ${folder} have no perplexities. Run compute_response_perplexity first, or ` +
        'do without the filter for degenerate answers: perplexity_threshold=null.',
    );
  }
  if (judge !== undefined) checkPerplexities(folder, judge, rows, compat);
  const options = {
    perplexities,
    threshold,
    unsteeredBaseline: searched.prompt_style === 'qa',
    filterBaseline: isOn('filter_baseline', compat),
  };
  const prompts = include_instructions === 'each' ? [false, true] : [include_instructions];
  return prompts.map((inPrompt) => {
    const layers = chooseLayers(rows, { ...options, inPrompt });
    if (layers.length) return { inPrompt, layers };
    throw new InputError(
      `${folder} has no answers ${inPrompt ? 'with' : 'without'} the instruction in the prompt. ` +
        `Search with include_instructions=both, or choose by the others: include_instructions=${!inPrompt}.`,
    );
  });
}
