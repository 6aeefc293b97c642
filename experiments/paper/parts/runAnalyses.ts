/** The paper's analyses of answers: what follows from the rows and cells of finished runs. */
import type { FormatCell } from '../../format/parts/cells';
import { computeGrid, type GridCell, type KeywordRow } from '../../keywords/parts/cells';
import type { Perplexities } from '../../shared/answers/judge';
import type { Interval } from '../../shared/answers/statistics';
import { type McNemar, mcnemar } from './mcnemar';
import { type ComparedTable, comparedTables } from './paperCells';
import type { AnalysedRun } from './runs';

/** McNemar's test of two cells of a table. */
export interface CellTest extends McNemar {
  table: string;
  steered_by: string | null;
  first: string;
  second: string;
}

/** Every two of the four cells of each table of a run, paired by query. */
export function cellTests(run: AnalysedRun): CellTest[] {
  return comparedTables(run).flatMap((table) => {
    const cells = table.cells.flatMap(({ cell, where }) =>
      where ? [{ cell, obeys: obeysIn(run, where, table.score) }] : [],
    );
    const { name, steered_by } = table;
    return cells.flatMap((first, at) =>
      cells.slice(at + 1).map((second) => ({
        table: name,
        steered_by,
        first: first.cell,
        second: second.cell,
        ...mcnemar(first.obeys, second.obeys),
      })),
    );
  });
}

/** Whether each query obeys, in the cell whose rows have these values. */
export function obeysIn(
  { rows }: Pick<AnalysedRun, 'rows'>,
  where: Record<string, unknown>,
  score: ComparedTable['score'] = 'ok',
): Map<string, boolean> {
  const all = rows as object[] as Record<string, unknown>[];
  const wanted = Object.entries(where);
  const own = all.filter((row) => wanted.every(([name, value]) => (row[name] ?? null) === value));
  return new Map(own.map((row) => [queryOf(row), Boolean(row[score])]));
}

/** What one answer of every cell is about: the query, with its words or number of sentences. */
const queryOf = ({ key, words, n_sent }: Record<string, unknown>) =>
  JSON.stringify([key, words, n_sent]);

/** What steering changes for one instruction. Shares; null where the run has no such cell. */
export interface InstructionChange {
  instruction_id: string;
  n: number;
  without: Change | null;
  with: Change | null;
}
export interface Change {
  unsteered: number;
  steered: number;
  /** Steered less unsteered, with the 95 % interval of a paired bootstrap. */
  change: number;
  change_interval: Interval;
}

/** Of the first way to steer at the selected layers, by instruction, in the order of the ids. */
export function changeByInstruction(cells: FormatCell[]): InstructionChange[] {
  const own = cells.filter(({ layers }) => typeof layers !== 'number');
  const ids = own.flatMap((cell) => cell.by_instruction.map(({ instruction_id: id }) => id));
  return [...new Set(ids)].sort().map((id) => {
    const of = (instructed: boolean, steered: boolean) =>
      own
        .find((one) => one.instructed === instructed && (one.steering !== 'none') === steered)
        ?.by_instruction.find(({ instruction_id }) => instruction_id === id);
    const change = (instructed: boolean): Change | null => {
      const [base, cell] = [of(instructed, false), of(instructed, true)];
      if (!base || cell?.gain_interval == null) return null;
      return {
        unsteered: base.accuracy,
        steered: cell.accuracy,
        change: cell.accuracy - base.accuracy,
        change_interval: cell.gain_interval,
      };
    };
    const n = (of(false, false) ?? of(true, false))?.n ?? 0;
    return { instruction_id: id, n, without: change(false), with: change(true) };
  });
}

/** A layer and weight of the validation grid. */
export type ScatterPoint = Pick<
  GridCell,
  'instructed' | 'steering' | 'layer' | 'weight' | 'n' | 'accuracy'
> & {
  /** Share of answers of low perplexity, or of none. */
  low_perplexity: number;
  median_perplexity: number | null;
};

/** Adherence against the share of degenerate answers, over layers × weights. */
export function scatter(
  { rows }: Pick<AnalysedRun, 'rows'>,
  perplexities: Perplexities,
  threshold: number,
): ScatterPoint[] {
  return computeGrid(rows as KeywordRow[], perplexities, threshold).map((cell) => {
    const { instructed, steering, layer, weight, n, accuracy, median_perplexity } = cell;
    return {
      ...{ instructed, steering, layer, weight, n, accuracy },
      low_perplexity: cell.degenerate,
      median_perplexity,
    };
  });
}

/** The same rows, steered towards their exclusion vectors and away from their inclusion vectors. */
export interface ExclusionComparison {
  cell: string;
  subtraction: number | null;
  addition: number | null;
  /** Of the queries that both have: first subtraction, second addition. */
  test: McNemar | null;
}

/**
 * @param subtraction the run `forbidden`
 * @param addition the run `forbidden_w_forbidden_rep`
 */
export function compareExclusion(
  subtraction: AnalysedRun,
  addition: AnalysedRun,
): ExclusionComparison[] {
  const [one, other] = [subtraction, addition].map((run) => comparedTables(run)[0]);
  return one.cells.map(({ cell, ours, where }, at) => {
    const second = other.cells[at];
    return {
      cell,
      subtraction: ours?.accuracy ?? null,
      addition: second.ours?.accuracy ?? null,
      test:
        where && second.where
          ? mcnemar(obeysIn(subtraction, where), obeysIn(addition, second.where))
          : null,
    };
  });
}
