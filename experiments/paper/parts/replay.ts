/** From published outputs to what was published: verdicts, layers, cells; all without a model. */
import { chooseLayers } from '../../format/parts/layerChoice';
import { DEGENERATE_BELOW } from '../../shared/answers/broken';
import { type CheckedRow, checkOutput, checkSearched } from './checks';
import { CELLS, type Outputs, SEARCHES, type Search, type SearchRow } from './outputs';

/** By instruction id; null: no layer beats no steering. */
export type Layers = Record<string, number | null>;

export interface CellReplay {
  n: number;
  /** Shares that obey, from 0 to 1; recorded: null where a row has no verdict. */
  ours: number;
  recorded: number | null;
}

export interface Replay {
  /** Of all responses, and of those whose recorded verdict can be compared with ours. */
  responses: number;
  compared: number;
  agree: number;
  differing: CheckedRow[];
  /** Recorded verdicts about arguments that were drawn. */
  drawn: number;
  /** Responses that can't be checked. */
  unchecked: CheckedRow[];
  /** Every instruction of either search; empty for a search whose file is missing. */
  layers: Record<Search, Layers>;
  /** The same by our verdicts alone. */
  ourLayers: Record<Search, Layers>;
  /** In the order none, steered, instruction, both; null: the file is missing. */
  cells: (CellReplay | null)[];
  /** Instructions that the evaluation is about: the only ones whose layers were used. */
  evaluated: string[];
  missing: string[];
}

export function replay({ searches, cells, missing }: Outputs): Replay {
  const searched = mapValues(SEARCHES, (search) => searches[search]?.map(checkSearched));
  const evaluated = mapValues(CELLS, (cell) => cells[cell]?.map(checkOutput));
  const all = [...together(searched), ...together(evaluated)];
  const comparable = all.filter(
    ({ row, ours, drawn }) => row.recorded !== undefined && ours !== undefined && !drawn,
  );
  const differing = comparable.filter(({ row, ours }) => row.recorded !== ours);
  const ids = idsOf(together(searched));
  const layersBy = (verdict: VerdictOf) =>
    mapValues(SEARCHES, (search) => layersOf(searched[search], ids, verdict));
  return {
    responses: all.length,
    compared: comparable.length,
    agree: comparable.length - differing.length,
    differing,
    drawn: all.filter(({ row, drawn }) => row.recorded !== undefined && drawn).length,
    unchecked: all.filter(({ ours }) => ours === undefined),
    layers: layersBy(({ row, ours }) => row.recorded ?? ours),
    ourLayers: layersBy(({ ours }) => ours),
    cells: Object.values(evaluated).map(cellOf),
    evaluated: idsOf(together(evaluated)),
    missing,
  };
}

type VerdictOf = (row: CheckedRow) => boolean | undefined;

const together = (files: Record<string, CheckedRow[] | undefined>): CheckedRow[] =>
  Object.values(files).flatMap((rows) => rows ?? []);

const idsOf = (rows: CheckedRow[]) =>
  [...new Set(rows.map(({ row }) => row.instruction_id))].sort();

/**
 * The published choice: the layer whose answers obey most, of equal ones the first, no steering before
 * all; 0 for a layer with a degenerate answer, and (a fault of the authors' script) for no steering, too.
 * @param ids every instruction that is to be in the result
 */
function layersOf(
  rows: CheckedRow<SearchRow>[] | undefined,
  ids: string[],
  verdict: VerdictOf,
): Layers {
  if (!rows) return {};
  const tried = rows.flatMap((checked) => {
    const { id, instruction_id, layer } = checked.row;
    const ok = verdict(checked);
    return ok === undefined ? [] : [{ id, instruction_id, layer, ok, instructed: true }];
  });
  const choices = chooseLayers(tried, {
    inPrompt: 'both',
    // NaN < 2.5 does not hold: where there is no perplexity, an answer counts as sound.
    perplexities: new Map(rows.map(({ row }) => [row.id, row.perplexity ?? Infinity])),
    threshold: DEGENERATE_BELOW,
    unsteeredBaseline: false,
    filterBaseline: true,
  });
  const chosen = new Map(choices.map((choice) => [choice.instruction_id, choice.selected]));
  return Object.fromEntries(ids.map((id) => [id, chosen.get(id) ?? null]));
}

function cellOf(rows: CheckedRow[] | undefined): CellReplay | null {
  const checked = rows?.filter(({ ours }) => ours !== undefined);
  if (!rows || !checked?.length) return null;
  const share = (some: CheckedRow[], holds: (row: CheckedRow) => boolean | undefined) =>
    some.filter(holds).length / some.length;
  const recorded = rows.every(({ row }) => row.recorded !== undefined);
  return {
    n: checked.length,
    ours: share(checked, ({ ours }) => ours),
    recorded: recorded ? share(rows, ({ row }) => row.recorded) : null,
  };
}

function mapValues<K extends string, V>(keys: Record<K, unknown>, make: (key: K) => V) {
  const entries = (Object.keys(keys) as K[]).map((key) => [key, make(key)] as const);
  return Object.fromEntries(entries) as Record<K, V>;
}
