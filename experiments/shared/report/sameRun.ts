/** The command that gives a run once more, and what its reader must know. */
import * as path from 'node:path';
import type { ReportedRun } from '../../../src/report/types';
import { isMap } from '../../../src/runs/config';
import { shellWord } from '../../../src/util/shell';
import { judgesOf } from '../answers/judge';
import type { Results } from '../answers/readRun';
import { effective, usualSettings } from '../command/names';
import type { Described } from './described';

/** The settings of a run, how to get it again, and its notices. */
export function reportedRun(
  run: Results<never>,
  { script, notices }: Pick<Described, 'script' | 'notices'>,
  name: string,
): ReportedRun {
  const { folder, config } = run;
  return {
    name,
    folder,
    command: sameRunCommand(script, folder, config),
    settings: config,
    notices: [...stateOf(run), ...notices],
  };
}

/** Settings that a run of the usual name may have otherwise, without another name. */
const BESIDE_THE_NAME = ['model_name', 'preset', 'output_path', 'judge', 'skip_long'];
/** What was found by the run itself, where its name is the usual one. */
const PICKED = ['vectors_file', 'length_vectors_file'];
/** Recorded as they turned out to be. */
const RESOLVED: Record<string, unknown> = { device: 'cpu', dtype: 'float32' };

/** A line for a shell. */
export function sameRunCommand(
  script: string,
  folder: string,
  config: Record<string, unknown>,
): string {
  const usual = usualSettings(script, String(config.model_name));
  const plain = usualSettings(script);
  const usualName = /(^|_)default$/.test(path.basename(folder));
  const spelled = (settings: Record<string, unknown>) =>
    new Map(effective(settings).map(([key, value]) => [key, JSON.stringify(value)]));
  const [own, others] = [spelled(config), spelled(usual)];
  const differs = (key: string) => {
    const value = config[key] ?? null;
    if (key === 'name') return !usualName;
    if (key === 'model_name' || BESIDE_THE_NAME.includes(key)) {
      return JSON.stringify(value) !== JSON.stringify(plain[key] ?? null);
    }
    // Follows from the usual name, or differs from what is usual for the model.
    const asked = script.startsWith('keywords/') && key === 'specific_instruction';
    if (usualName && !asked) return false;
    if (PICKED.includes(key))
      return !String(value).startsWith(path.dirname(folder)) && value !== null;
    if (key in RESOLVED && usual[key] === null && value === RESOLVED[key]) return false;
    if (!own.has(key)) return value !== null && value !== 'default' && key.endsWith('_name');
    return own.get(key) !== others.get(key);
  };
  const keys = [...Object.keys(usual), 'preset'].filter((key) => key !== 'dry_run');
  const words = keys
    .filter((key) => key in config && differs(key))
    .map((key) => settingWord(key, key === 'name' ? path.basename(folder) : config[key]));
  return [`npx ts-node experiments/${script}.ts`, ...words].join(' ');
}

/** `key=value`, in quotes where a shell would take it apart. */
const settingWord = (key: string, value: unknown): string =>
  shellWord(`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);

function stateOf({ folder, config, rows, unfinished, judged, summary }: Results<never>): string[] {
  const { planned_rows: planned, perplexity_model: judge } = config;
  const notices: string[] = [];
  if (unfinished) {
    const of = typeof planned === 'number' ? ` of ${planned}` : '';
    notices.push(
      `Unfinished: ${rows.length}${of} answers are there. The same command goes on; cells that miss ` +
        'answers are not to be compared.',
    );
  }
  const skipped = isMap(summary?.skipped_long) ? summary.skipped_long.rows : undefined;
  if (skipped) {
    notices.push(`${skipped} rows were left out: their prompts leave no room for an answer.`);
  }
  if (!judged.perplexities) {
    const judges = judgesOf(folder);
    const why = judge ? `: ${judge} has not judged them yet` : ' (perplexity_model=null)';
    notices.push(
      judges.length
        ? `Judged by ${judges.join(' and ')}: whose perplexities are meant, the run does not say. None are shown.`
        : `The answers have no perplexities${why}. Fluency is not measured.`,
    );
  }
  return notices;
}
