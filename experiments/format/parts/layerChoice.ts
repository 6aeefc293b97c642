import { isDegenerate } from '../../../src/language/degenerate';
import { InputError } from '../../../src/util/errors';
import type { Cell, Column, Table } from '../../../src/util/table';
import type { Perplexities } from '../../shared/answers/judge';
import { mean, median } from '../../shared/answers/statistics';
import { promptSection, shortPercent } from '../../shared/answers/tables';
import { groupBy } from '../../shared/groupBy';
import type { FormatRow } from './cells';
import { shortIds } from './tables';

/**
 * What a choice is made by: an answer at a layer that was tried, or unsteered. The response is looked
 * at where there is no perplexity.
 */
export type TriedRow = Pick<FormatRow, 'id' | 'instruction_id' | 'instructed' | 'layer' | 'ok'> &
  Partial<Pick<FormatRow, 'response'>>;

export interface LayerChoiceOptions {
  /** The rows that decide: with the instruction in the prompt, without, or both. */
  inPrompt: boolean | 'both';
  /** By row id; needed with a threshold. */
  perplexities?: Perplexities;
  /** A response is degenerate below it (see `isDegenerate`); null: none is. */
  threshold: number | null;
  /** Base models: the share of degenerate responses is held against the unsteered share, not 0. */
  unsteeredBaseline: boolean;
  /** A fault of the authors' script, see compat.ts. */
  filterBaseline?: boolean;
}

/** How the responses at one layer did. */
export interface LayerScore {
  /** null: unsteered. */
  layer: number | null;
  n: number;
  accuracy: number;
  degenerate: number;
  /** What counts for the choice: the accuracy, or 0 for a layer with too many degenerate responses. */
  score: number;
}

export interface LayerChoice {
  instruction_id: string;
  selected: number | null;
  /** Accuracy at the selected layer. */
  accuracy: number;
  /** Median of the steered layers' accuracies. */
  median: number;
  layers: LayerScore[];
}

/** The layers that the answers to some prompts choose. */
export interface ChoiceOf {
  /** Whether those prompts have the instruction; `both`: all prompts. */
  inPrompt: boolean | 'both';
  layers: LayerChoice[];
}

/**
 * Each instruction's layer by the paper's rule: the best accuracy, once layers that make responses
 * degenerate are out; of equal ones the first, no steering before all.
 * @throws InputError with a threshold, for a row that has no entry in the perplexities
 */
export function chooseLayers(rows: TriedRow[], options: LayerChoiceOptions): LayerChoice[] {
  const { inPrompt } = options;
  const deciding = rows.filter((row) => inPrompt === 'both' || row.instructed === inPrompt);
  return groupBy(deciding, (row) => row.instruction_id).map((group) => {
    const layers = scoreLayers(group, options);
    const best = layers.reduce((a, b) => (b.score > a.score ? b : a));
    const steered = layers.filter(({ layer }) => layer !== null).map(({ accuracy }) => accuracy);
    return {
      instruction_id: group[0].instruction_id,
      selected: best.layer,
      accuracy: best.accuracy,
      median: median(steered),
      layers,
    };
  });
}

function scoreLayers(rows: TriedRow[], options: LayerChoiceOptions): LayerScore[] {
  const { threshold, perplexities, filterBaseline } = options;
  const degenerate = ({ id, response = '' }: TriedRow) => {
    if (threshold === null) return false;
    const perplexity = perplexities?.get(id);
    if (perplexity !== undefined) return isDegenerate(response, perplexity, threshold);
    throw new InputError(`The answer ${id} was not judged. Run compute_response_perplexity again.`);
  };
  const share = (some: TriedRow[], holds: (row: TriedRow) => boolean) =>
    some.filter(holds).length / some.length;
  const groups = groupBy(rows, ({ layer }) => String(layer)).sort(
    ([a], [b]) => order(a) - order(b),
  );
  const unsteered = groups.find(([{ layer }]) => layer === null) ?? [];
  const allowed = options.unsteeredBaseline ? share(unsteered, degenerate) : 0;
  return groups.map((group) => {
    const { layer } = group[0];
    const [accuracy, bad] = [share(group, ({ ok }) => ok), share(group, degenerate)];
    const filtered = (layer !== null || filterBaseline) && bad > allowed;
    return { layer, n: group.length, accuracy, degenerate: bad, score: filtered ? 0 : accuracy };
  });
}

const order = ({ layer }: TriedRow) => layer ?? -1;

/**
 * A row per instruction: the layer picked, the median, and the share that obeys at each layer; where
 * there are choices by several kinds of prompts, one below the other.
 */
export function layersTable(choices: ChoiceOf[], wide: boolean): Table {
  const all = choices.flatMap((one) => one.layers);
  const tried = [...new Set(all.flatMap(({ layers }) => layers.map(({ layer }) => layer)))];
  const columns: Column[] = [
    { name: 'instruction', label: true },
    ...['n', 'picked', 'obeyed', 'median', ...tried.map(layerName)].map((name) => ({ name })),
  ];
  const rows = choices.flatMap((choice) => {
    const section =
      choices.length > 1 ? promptSection({ instructed: choice.inPrompt === true }) : undefined;
    return choiceRows(choice.layers, tried, wide).map((cells) => ({ cells, section }));
  });
  return { columns, rows };
}

function choiceRows(choices: LayerChoice[], tried: (number | null)[], wide: boolean): Cell[][] {
  const nameOf = shortIds(choices.map(({ instruction_id }) => instruction_id));
  const at = ({ layers: own }: LayerChoice, layer: number | null) =>
    own.find((one) => one.layer === layer);
  const meanOf = (value: (choice: LayerChoice) => number | undefined) =>
    mean(choices.flatMap((choice) => value(choice) ?? []));
  const rows = choices.map((choice) => [
    wide ? choice.instruction_id : nameOf(choice.instruction_id),
    choice.layers[0].n,
    layerName(choice.selected),
    shortPercent(choice.accuracy, wide),
    shortPercent(choice.median, wide),
    ...tried.map((layer) => {
      const score = at(choice, layer);
      return score && `${isOut(score) ? '†' : ''}${shortPercent(score.accuracy, wide)}`;
    }),
  ]);
  const means = [
    meanOf(({ accuracy }) => accuracy),
    meanOf((choice) => choice.median),
    ...tried.map((layer) => meanOf((choice) => at(choice, layer)?.accuracy)),
  ].map((share) => shortPercent(share, wide));
  return [...rows, ['mean over instructions', null, null, ...means]];
}

/** Whether a layer's accuracy does not count. */
export const isOut = ({ score, accuracy }: LayerScore) => score < accuracy;

const layerName = (layer: number | null) => (layer === null ? 'none' : String(layer));
