/** The words of a command line that are the launcher's: `slurm.partition=gpu`, `shards=4`. */
import { InputError } from '../../../../src/util/errors';

const OF_SLURM = /^slurm\./;
const SHARDS = /^shards=(.*)$/;
/** What one of Hydra's launchers would be told. */
const OF_HYDRA = /^\+?hydra[./]/;

export interface LauncherWords {
  /** For Slurm. */
  slurm: string[];
  /** Into how many parts the rows of an evaluation are split. */
  shards: number;
  /** The settings of the script. */
  others: string[];
}

/** @throws InputError for a number of shards that can't be, and for Hydra's own words */
export function splitWords(overrides: string[]): LauncherWords {
  refuseHydra(overrides);
  const given = overrides.filter((word) => SHARDS.test(word));
  const [, text] = SHARDS.exec(given.at(-1) ?? 'shards=1') ?? [];
  if (given.length > 1) throw new InputError('shards is given twice.');
  if (!/^[1-9]\d*$/.test(text)) {
    throw new InputError(`shards is "${text}", not a whole number from 1.`);
  }
  return {
    slurm: overrides.filter((word) => OF_SLURM.test(word)),
    shards: Number(text),
    others: overrides.filter((word) => !OF_SLURM.test(word) && !SHARDS.test(word)),
  };
}

/** @throws InputError for words of the launcher where there is none */
export function refuseLauncherWords(overrides: string[]): void {
  refuseHydra(overrides);
  const word = overrides.find((one) => OF_SLURM.test(one) || SHARDS.test(one));
  if (word === undefined) return;
  throw new InputError(
    `${word} goes with --launcher slurm.${SHARDS.test(word) ? ' A part of the rows here and now: --shard 1/4.' : ''}`,
  );
}

function refuseHydra(overrides: string[]) {
  const word = overrides.find((one) => OF_HYDRA.test(one));
  if (word === undefined) return;
  throw new InputError(
    `${word} is Hydra's. Here: --launcher slurm, with slurm.partition=…, slurm.gpus=1, ` +
      'slurm.time=4:00:00 (docs/jobs.md).',
  );
}
