/** The analyses of vectors, as tables. */
import { type ColumnOf, fixed, percent, type Table, tableOf } from '../../../src/util/table';
import type { TokenScore } from '../../../src/vectors/vocabulary';
import { shortIds } from '../../format/parts/tables';
import { mean } from '../../shared/answers/statistics';
import { groupBy } from '../../shared/groupBy';
import type { DifferencePca, PromptCosines } from './vectorAnalyses';
import type { ProjectedVector } from './vocabulary';

/** Pairs that are shown at either end. */
const SHOWN = 5;

/** The pairs of vectors with the greatest and the least cosines. */
export function similarTable(names: string[], cosines: number[][]): Table {
  const nameOf = shortIds(names);
  const pairs = names.flatMap((first, i) =>
    names.slice(i + 1).map((second, j) => ({ first, second, cosine: cosines[i][i + 1 + j] })),
  );
  const sorted = pairs.sort((a, b) => b.cosine - a.cosine);
  const ends = sorted.length > 2 * SHOWN ? sorted.slice(-SHOWN) : [];
  const shown = [...sorted.slice(0, ends.length ? SHOWN : sorted.length), ...ends];
  return tableOf<(typeof pairs)[number]>(
    [
      { name: 'vector', label: true, cell: ({ first }) => nameOf(first) },
      { name: 'and', label: true, cell: ({ second }) => nameOf(second) },
      { name: 'cosine', cell: ({ cosine }) => fixed(cosine) },
    ],
    shown,
  );
}

/** Each vector with the prompts of its own instruction, and with all others. */
export function promptsTable(
  names: string[],
  instructions: string[],
  cosines: PromptCosines,
): Table {
  const nameOf = shortIds(names);
  const own = (row: number[], name: string) => row[instructions.indexOf(name)] ?? null;
  const others = (row: number[], name: string) => {
    const rest = row.filter((_, i) => instructions[i] !== name);
    return rest.length ? mean(rest) : null;
  };
  const items = names.map((name, i) => ({
    name,
    withIt: cosines.with[i],
    without: cosines.without[i],
  }));
  const columns: ColumnOf<(typeof items)[number]>[] = [
    { name: 'vector', label: true, cell: ({ name }) => nameOf(name) },
    { name: 'with it', cell: ({ name, withIt }) => fixed(own(withIt, name)) },
    { name: 'without', cell: ({ name, without }) => fixed(own(without, name)) },
    { name: 'others, with theirs', cell: ({ name, withIt }) => fixed(others(withIt, name)) },
    { name: 'others, without', cell: ({ name, without }) => fixed(others(without, name)) },
  ];
  return tableOf(columns, items);
}

/** The mean of each instruction's differences; what the components explain heads the columns. */
export function pcaTable({ explained, points }: DifferencePca): Table {
  const ids = points.map(({ instruction_id }) => instruction_id);
  const nameOf = shortIds(ids);
  const groups = groupBy(points, ({ instruction_id }) => instruction_id);
  const mean = (group: typeof points, of: 'x' | 'y') =>
    group.reduce((sum, point) => sum + point[of], 0) / group.length;
  const columns: ColumnOf<typeof points>[] = [
    { name: 'instruction', label: true, cell: ([{ instruction_id }]) => nameOf(instruction_id) },
    { name: 'n', cell: ({ length }) => length },
    { name: `first (${percent(explained[0] ?? 0)})`, cell: (group) => fixed(mean(group, 'x')) },
    { name: `second (${percent(explained[1] ?? 0)})`, cell: (group) => fixed(mean(group, 'y')) },
  ];
  return tableOf(columns, groups);
}

/** The first tokens at either end; of hundreds of words, the first few unless all is asked for. */
export function vocabularyTable(vectors: ProjectedVector[], wide: boolean): Table {
  const shown = groupBy(vectors, ({ of }) => of).flatMap((group) =>
    group.slice(0, wide ? group.length : 15),
  );
  const nameOf = shortIds(shown.map(({ name }) => name));
  const tokens = (scores: TokenScore[]) =>
    scores
      .slice(0, wide ? scores.length : 3)
      .map(({ text }) => JSON.stringify(text).slice(1, -1))
      .join(' | ');
  const columns: ColumnOf<ProjectedVector>[] = [
    { name: 'vector', label: true, cell: ({ name }) => nameOf(name) },
    { name: 'layer', cell: ({ layer }) => layer },
    { name: 'top', cell: ({ top }) => tokens(top) },
    { name: 'bottom', cell: ({ bottom }) => tokens(bottom) },
  ];
  return tableOf(columns, shown, ({ of }) => of);
}
