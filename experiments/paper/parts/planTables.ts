/** A plan as text. */
import { type ColumnOf, showTable, type Table, tableOf, wrap } from '../../../src/util/table';
import { duration, formatBytes } from '../../../src/util/units';
import { type Figures, type PlanMemory, type PlannedPart, sum } from './plan';

/** A row per step. */
export function planTable(parts: PlannedPart[], figures: Figures[]): Table {
  const items = parts.map((part, i) => ({ ...part, ...figures[i], number: i + 1 }));
  const some = (count: number) => count || null;
  const columns: ColumnOf<(typeof items)[number]>[] = [
    { name: 'step', label: true, cell: ({ number, step }) => `${number} ${step}` },
    { name: 'prompts', cell: ({ read, answers }) => some(read + answers) },
    { name: 'answers', cell: ({ answers }) => some(answers) },
    { name: 'tokens in', cell: ({ promptTokens }) => some(promptTokens) },
    { name: 'out ≤', cell: ({ newTokens }) => some(newTokens) },
    { name: 'judged', extra: true, cell: ({ judged }) => some(judged) },
    { name: 'about', cell: ({ seconds }) => (seconds ? duration(seconds) : null) },
    { name: 'at most', extra: true, cell: ({ mostSeconds: s }) => (s ? duration(s) : null) },
  ];
  return tableOf(columns, items, ({ experiment }) => experiment);
}

/**
 * All that is said of a plan.
 * @param on the backend in use, in words
 * @param free bytes of the machine; null where they are not known
 */
export function describePlan(
  parts: PlannedPart[],
  figures: Figures[],
  memory: PlanMemory | undefined,
  { on, free, wide }: { on: string; free: number | null; wide: boolean },
): string {
  const all = sum(figures);
  const n = (count: number) => count.toLocaleString('en');
  const lines = [
    `In all: ${n(all.answers)} answers; ${n(all.promptTokens)} tokens of prompts, ` +
      `at most ${n(all.newTokens)} of answers.`,
    `Time on ${on}: about ${duration(all.seconds)}; at most ${duration(all.mostSeconds)}.`,
    ...(memory ? [memoryLine(memory, free)] : []),
    "Times and memory are estimates: from the model's size and a short probe of the backend, with " +
      'answers a fifth as long as they may be on average and half as long in the longest of each ' +
      'batch (as the published ones); at most: all as long as they may be. Steps without a time have ' +
      'nothing left to compute.',
  ];
  return [
    showTable(planTable(parts, figures), { wide }),
    '',
    ...lines.flatMap((one) => wrap(one)),
  ].join('\n');
}

/** Beside weights, keys and values: activations and the like. */
const ROOM = 5e8;

function memoryLine(memory: PlanMemory, free: number | null): string {
  const { weights, dtype, cache, rows, columns, judge } = memory;
  const parts = [
    `weights in ${dtype} ${formatBytes(weights)}`,
    `keys and values ${formatBytes(cache)} (${rows} rows of ${columns} tokens)`,
    ...(judge ? [`the perplexity judge ${formatBytes(judge)}`] : []),
    `room to work ${formatBytes(ROOM)}`,
  ];
  const total = weights + cache + judge + ROOM;
  const there = free === null ? '' : `; there are ${formatBytes(free)}`;
  const tight =
    free !== null && total > free ? ' Too much: lower batch_size, or dtype=bfloat16.' : '';
  return `Memory: about ${formatBytes(total)} (${parts.join(', ')})${there}.${tight}`;
}
