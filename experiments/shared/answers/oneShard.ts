import type { Row, RunFolder } from '../../../src/runs/runFolder';
import { shardText } from '../../../src/runs/shard';

/** Thrown where a shard has finished its rows: what follows needs those of all shards. */
export class ShardEnd extends Error {
  override name = 'ShardEnd';
}

/** To be called when the rows of a run are answered. @throws ShardEnd for a shard of it */
export function endShard<R extends Row>(run: RunFolder<R>): void {
  if (!run.shard) return;
  run.close();
  throw new ShardEnd(`The rows of shard ${shardText(run.shard)} are finished: ${run.folder}`);
}
