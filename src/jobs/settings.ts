/** What jobs ask of Slurm: options of its `sbatch`, by their own names. */
import { didYouMean, InputError } from '../util/errors';

export interface JobSettings {
  /** `partition` → `gpu`: options of sbatch, without dashes. */
  sbatch: Record<string, string>;
  /** Jobs of the array that may run at a time; default: as many as Slurm lets. */
  parallel?: number;
  /** A line of bash before the program, e.g. `module load cuda`. */
  setup?: string;
}

/** sbatch's options that may be set, with what values it takes where we can tell. */
const OPTIONS: Record<string, { form?: RegExp; what?: string }> = {
  partition: {},
  gpus: { form: /^([a-z][\w.-]*:)?[1-9]\d*$/i, what: 'a number of GPUs: 1, or a100:1' },
  time: {
    form: /^(\d+(:\d\d?){0,2}|\d+-\d\d?(:\d\d?){0,2})$/,
    what: 'a time: 30 (minutes), 4:00:00 (hours), 2-12 (days and hours)',
  },
  gres: {},
  mem: { form: /^\d+[KMGT]?$/i, what: 'an amount of memory: 32G' },
  'cpus-per-task': { form: /^[1-9]\d*$/, what: 'a whole number from 1' },
  account: {},
  qos: {},
  constraint: {},
  exclude: {},
  nodelist: {},
  reservation: {},
  licenses: {},
  nice: { form: /^-?\d+$/, what: 'a whole number' },
  begin: {},
  'mail-type': {},
  'mail-user': {},
};

/** What people who know Hydra's submitit launcher may write, and how it is called here. */
const SUBMITIT: Record<string, string> = {
  timeout_min: 'time',
  gpus_per_node: 'gpus',
  mem_gb: 'mem',
  array_parallelism: 'parallel',
};

export const JOB_KEYS = [...Object.keys(OPTIONS), 'parallel', 'setup'];

/**
 * Reads `slurm.partition=gpu`, `slurm.time=4:00:00`, …; `slurm.cpus_per_task` is `--cpus-per-task`.
 * @throws InputError for a setting that there isn't, is given twice, or can't be
 */
export function readJobSettings(words: string[]): JobSettings {
  const settings: JobSettings = { sbatch: {} };
  const seen = new Set<string>();
  for (const word of words) {
    const [, given, value] = /^slurm\.([^=]+)=(.*)$/s.exec(word) ?? [];
    if (given === undefined)
      throw new InputError(`"${word}" is no setting such as slurm.time=4:00:00.`);
    const key = given.replaceAll('_', '-');
    if (seen.has(key)) throw new InputError(`slurm.${given} is given twice.`);
    seen.add(key);
    if (key === 'setup') settings.setup = value;
    else if (key === 'parallel') {
      if (!/^[1-9]\d*$/.test(value)) throw refusedValue(given, value, 'a whole number from 1');
      settings.parallel = Number(value);
    } else settings.sbatch[key] = checked(given, key, value);
  }
  return settings;
}

function checked(given: string, key: string, value: string): string {
  if (!Object.hasOwn(OPTIONS, key)) {
    const ours = SUBMITIT[given]
      ? ` Here it is slurm.${SUBMITIT[given]}.`
      : didYouMean(key, JOB_KEYS);
    throw new InputError(
      `Unknown setting slurm.${given}.${ours} There are: ${JOB_KEYS.map((one) => `slurm.${one}`).join(', ')}.`,
    );
  }
  const { form = /^[^\s"'\\]+$/, what = 'one word' } = OPTIONS[key];
  if (!form.test(value)) throw refusedValue(given, value, what);
  return value;
}

const refusedValue = (key: string, value: string, what: string) =>
  new InputError(`slurm.${key} is "${value}", not ${what}.`);

/** As words of a command line: `--partition=gpu`. */
export const sbatchWords = ({ sbatch }: JobSettings): string[] =>
  Object.entries(sbatch).map(([key, value]) => `--${key}=${value}`);
