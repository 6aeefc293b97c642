import type { Row, RunFolder } from '../../../src/runs/runFolder';
import { Progress } from '../../../src/util/progress';

/**
 * Works through groups of rows in batches and adds the finished rows to the run. The batches follow
 * from the groups alone, and a batch whose rows are there already is skipped: a run that was killed
 * ends with the same files as one that was not.
 * @param groups rows that share one piece of work (the same answer, the same text)
 * @param work the finished rows of a batch
 */
export async function finishRows<P extends Row, R extends Row>(
  run: RunFolder<R>,
  groups: P[][],
  { unit, batchSize }: { unit: string; batchSize: number },
  work: (batch: P[][]) => Promise<R[]>,
): Promise<void> {
  const batches: P[][][] = [];
  for (let i = 0; i < groups.length; i += batchSize) batches.push(groups.slice(i, i + batchSize));
  const finished = (batch: P[][]) => batch.flat().every(({ id }) => run.rows.has(id));
  const todo = batches.filter((batch) => !finished(batch));
  if (!todo.length) return;
  const left = todo.flat().length;
  const progress = new Progress(unit, groups.length, { already: groups.length - left });
  for (const batch of todo) {
    const rows = await work(batch);
    run.append(rows.filter(({ id }) => !run.rows.has(id)));
    progress.add(batch.length);
  }
  progress.end();
}
