/** Which cells of our runs are those of the paper's tables, one place for each experiment. */
import { howSteered } from '../../../src/runs/listRuns';
import type { CompositionCell } from '../../composition/parts/cells';
import type { FormatCell } from '../../format/parts/cells';
import type { KeywordCell } from '../../keywords/parts/cells';
import type { LengthCell } from '../../length/parts/cells';
import type { CellStats } from '../../shared/answers/cells';
import type { Published, PublishedCells } from '../../shared/command/presets';
import type { AnalysedRun } from './runs';

/** {instruction in the prompt or not} × {steered or not}, in the order of the paper's tables. */
export const CELL_NAMES = ['none', 'steered', 'instruction', 'instruction + steered'] as const;
export type CellName = (typeof CELL_NAMES)[number];

/** What a cell is compared by. */
export type OurCell = Pick<CellStats, 'n' | 'accuracy' | 'accuracy_interval'>;

/** One cell, ours and the paper's. */
export interface ComparedCell {
  cell: string;
  /** Undefined where the run has no such cell. */
  ours: OurCell | undefined;
  /** In percent; null where it was not published. */
  paper: number | null;
  /** What its rows have in common; undefined for parts of a cell. */
  where?: Record<string, unknown>;
}

/** A table of the paper: `format`, `keywords, inclusion`, … */
export interface ComparedTable {
  name: string;
  /** Which of the run's ways to steer is the steered one; null where the run steers nowhere. */
  steered_by: string | null;
  /** Which column of its rows counts. */
  score: 'ok' | 'format_ok' | 'length_ok';
  /** Queries that the paper's numbers are of; null where it has none. */
  paper_n: number | null;
  cells: ComparedCell[];
}

/** The tables that a run has a part in; none for one that is not in the paper. */
export function comparedTables(
  { experiment, config, summary }: Pick<AnalysedRun, 'experiment' | 'config' | 'summary'>,
  published?: Published,
): ComparedTable[] {
  const cells = summary.cells as never[];
  if (experiment === 'format') return [formatTable(cells, published)];
  if (experiment === 'length')
    return lengthTables(String(config.constraint_type), cells, published);
  if (experiment === 'composition') return compositionTables(cells, published);
  return keywordTables(String(config.specific_instruction), cells, published);
}

/** Each instruction at its selected layer; by adjust_rs in the paper, so by the first way here. */
function formatTable(cells: FormatCell[], published?: Published): ComparedTable {
  const own = cells.filter(({ layers }) => typeof layers !== 'number');
  return fourCells('format', own, published?.format, 'instructed');
}

const KEYWORDS = {
  existence: { name: 'keywords, inclusion', of: 'existence' },
  forbidden: { name: 'keywords, exclusion', of: 'forbidden' },
  forbidden_w_forbidden_rep: { name: 'keywords, exclusion by its own vectors', of: null },
} as const;

function keywordTables(
  specific: string,
  cells: KeywordCell[],
  published?: Published,
): ComparedTable[] {
  if (!Object.hasOwn(KEYWORDS, specific)) return [];
  const { name, of } = KEYWORDS[specific as keyof typeof KEYWORDS];
  return [fourCells(name, cells, of ? published?.keywords?.[of] : undefined, 'instructed')];
}

/** "At most" is steered by conciseness, "at least" by verbosity; of several weights by the first. */
function lengthTables(
  constraint: string,
  cells: LengthCell[],
  published?: Published,
): ComparedTable[] {
  const aim = constraint === 'at_least' ? 'verbosity' : 'conciseness';
  const own = cells.filter(({ steering }) => steering === 'none' || steering.endsWith(aim));
  const found = constraint === 'at_most' ? published?.length?.at_most : undefined;
  const name = `length, ${constraint.replace('_', ' ')}`;
  const all = fourCells(name, own.length ? own : cells, found, 'instructed');
  const [, , instruction, both] = CELL_NAMES.map((cell) => cellOf(own, cell, 'instructed'));
  const byNumber = (instruction?.by_n_sent ?? []).flatMap(({ n_sent }) => {
    const at = n_sent - 1;
    const of = (cell: LengthCell | undefined) =>
      cell?.by_n_sent.find((one) => one.n_sent === n_sent);
    const paper = found?.by_sentences;
    return [
      { cell: `instruction, n=${n_sent}`, ours: of(instruction), paper: paper?.instruction[at] },
      { cell: `instruction + steered, n=${n_sent}`, ours: of(both), paper: paper?.both[at] },
    ].map((one) => ({ ...one, paper: one.paper ?? null }));
  });
  return [{ ...all, cells: [...all.cells, ...byNumber] }];
}

/** Both vectors or none, with both instructions in the prompt or none. */
function compositionTables(cells: CompositionCell[], published?: Published): ComparedTable[] {
  const own = cells
    .filter((cell) => cell.format_instruction === cell.length_instruction)
    .filter(({ steering }) => steering === 'none' || steering === 'format + length');
  return (['format', 'length', 'both'] as const).map((score) => {
    const scored = own.map((cell) => ({ ...cell, ...cell[score] }));
    const found = published?.composition;
    const table = found && { n: found.n, cells: found[score] };
    const compared = fourCells(`composition, ${score}`, scored, table, 'format_instruction');
    return { ...compared, score: score === 'both' ? 'ok' : `${score}_ok` };
  });
}

type Prompt<K extends string> = { [key in K]: boolean } & { steering: string };

function fourCells<K extends string, C extends Prompt<K> & OurCell>(
  name: string,
  cells: C[],
  found: { n: number; cells: PublishedCells } | undefined,
  instructed: K,
): ComparedTable {
  const steered = cells.find(({ steering }) => steering !== 'none');
  return {
    name,
    // At the layers that were selected, where each instruction has its own.
    steered_by: steered ? howSteered({ ...steered, layers: null }) : null,
    score: 'ok',
    paper_n: found?.n ?? null,
    cells: CELL_NAMES.map((cell, at) => {
      const ours = cellOf(cells, cell, instructed);
      return { cell, ours, paper: found?.cells[at] ?? null, where: ours && whereOf(ours) };
    }),
  };
}

/** The columns that make the cells of one experiment or another. */
const COLUMNS = [
  ...['instructed', 'format_instruction', 'length_instruction', 'steering'],
  ...['layers', 'layer', 'weight', 'weight_unit'],
];

const whereOf = (cell: object) =>
  Object.fromEntries(Object.entries(cell).filter(([name]) => COLUMNS.includes(name)));

/** The first of a name: runs have the ways to steer in the order in which they were asked for. */
function cellOf<K extends string, C extends Prompt<K>>(
  cells: C[],
  name: CellName,
  instructed: K,
): C | undefined {
  return cells.find(
    (cell) =>
      cell[instructed] === name.startsWith('instruction') &&
      (cell.steering !== 'none') === name.endsWith('steered'),
  );
}
