import { Locked, untilFree } from '../../../src/util/lock';
import type { Table } from '../../../src/util/table';
import { ShardEnd } from '../answers/oneShard';
import type { Command } from './commandLine';

/**
 * Runs a command to its end; of a shard, to that of its rows. With `--wait`, what another process is
 * writing (vectors that several runs need) is waited for: then the command begins anew, and finds it.
 */
export async function attempt(
  act: () => Promise<Table | undefined>,
  { wait }: Pick<Command, 'wait'>,
): Promise<Table | undefined> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (error instanceof ShardEnd) {
        console.log(error.message);
        return undefined;
      }
      if (!wait || !(error instanceof Locked)) throw error;
      console.log(`Waiting for the process that is writing to ${error.what}.`);
      await untilFree(error);
    }
  }
}
