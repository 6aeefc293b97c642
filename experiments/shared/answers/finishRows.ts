import type { Row, RunFolder } from '../../../src/runs/runFolder';
import { itemsOf } from '../../../src/runs/shard';
import { Progress } from '../../../src/util/progress';

/**
 * Works through groups of rows in batches and adds the finished rows to the run. The batches follow
 * from the groups alone, and a batch whose rows are there already is skipped: a run that was killed
 * ends with the same files as one that was not. A shard works on its own share of the batches; a run
 * takes what its shards have finished in place of the work.
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
  const own = run.shard ? itemsOf(run.shard, batches) : batches;
  const finished = (batch: P[][]) => batch.flat().every(({ id }) => run.rows.has(id));
  const todo = own.filter((batch) => !finished(batch));
  if (!todo.length) return;
  const total = own.flat().length;
  const progress = new Progress(unit, total, { already: total - todo.flat().length });
  for (const batch of todo) {
    const rows = shardRows(run, batch.flat()) ?? (await work(batch));
    run.append(rows.filter(({ id }) => !run.rows.has(id)));
    progress.add(batch.length);
  }
  progress.end();
}

/** The rows of a batch, where shards have finished all that the run lacks. */
function shardRows<R extends Row>({ rows, fromShards }: RunFolder<R>, batch: Row[]) {
  const found = batch.map(({ id }) => rows.get(id) ?? fromShards.get(id));
  return found.some((row) => row === undefined) ? undefined : (found as R[]);
}
