/** The runs of the four experiments that the paper's tables and analyses are about. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { modelName } from '../../../src/hub/modelFolder';
import { isMap } from '../../../src/runs/config';
import { type Row, readRun } from '../../../src/runs/runFolder';
import { InputError } from '../../../src/util/errors';
import { findRun, foreseen, runItself } from '../../shared/earlierSteps';

export const EXPERIMENTS = ['format', 'length', 'keywords', 'composition'] as const;
export type Experiment = (typeof EXPERIMENTS)[number];

interface RunKind {
  experiment: Experiment;
  /** What the run's config says. */
  says: Record<string, unknown>;
  /** Its usual name. */
  usual: string;
  /** The step that makes it. */
  step: string;
}

const keywords = (specific_instruction: string): RunKind => ({
  experiment: 'keywords',
  says: { specific_instruction },
  usual: `${specific_instruction}_default`,
  step: `keywords/evaluate.ts specific_instruction=${specific_instruction}`,
});

/** By the config key that chooses one. */
export const RUN_KINDS = {
  format_run: {
    experiment: 'format',
    says: { step: 'evaluate' },
    usual: 'default',
    step: 'format/evaluate.ts',
  },
  length_run: { experiment: 'length', says: {}, usual: 'default', step: 'length/evaluate.ts' },
  validation_run: keywords('existence_validation'),
  existence_run: keywords('existence'),
  forbidden_run: keywords('forbidden'),
  exclusion_run: keywords('forbidden_w_forbidden_rep'),
  composition_run: {
    experiment: 'composition',
    says: {},
    usual: 'default',
    step: 'composition/evaluate_format_plus_length.ts',
  },
} satisfies Record<string, RunKind>;
export type RunKey = keyof typeof RUN_KINDS;
export const RUN_KEYS = Object.keys(RUN_KINDS) as RunKey[];

/** Which runs are wanted. */
export interface RunsWanted {
  model_name: string;
  output_path: string;
  of: Experiment[];
}

/** A finished run, with its rows. */
export interface AnalysedRun {
  key: RunKey;
  experiment: Experiment;
  folder: string;
  config: Record<string, unknown>;
  summary: { cells: unknown[] };
  rows: Row[];
}

const folderOf = ({ model_name, output_path }: RunsWanted, experiment: Experiment) =>
  path.join(output_path, experiment, modelName(model_name));

/**
 * The finished runs of the experiments asked for: those chosen, those of this command, else those
 * that alone fit.
 * @param chosen folders or names, by key
 * @throws InputError as `findRun`, naming the command that makes a run
 */
export function findRuns(
  wanted: RunsWanted,
  chosen: Record<RunKey, string | null>,
  made: readonly string[],
): AnalysedRun[] {
  return keysFor(wanted.of).map((key) => {
    const { experiment, says, usual, step } = RUN_KINDS[key];
    const folder = findRun(folderOf(wanted, experiment), {
      expected: says,
      same: runItself,
      usual,
      chosen: chosen[key],
      key,
      made,
      how: `npx ts-node experiments/${step} model_name=${wanted.model_name}`,
    });
    return { key, experiment, folder, ...readRun(folder), summary: readSummary(folder) };
  });
}

/** Where a dry run says that the runs would be. */
export function foreseeRuns(
  wanted: RunsWanted,
  chosen: Record<RunKey, string | null>,
  made: readonly string[],
): string[] {
  return keysFor(wanted.of).map((key) => {
    const { experiment, usual } = RUN_KINDS[key];
    const isOne = (name: string) => experiment !== 'keywords' || isOfKind(name, usual);
    const source = { chosen: chosen[key], made, usual };
    return foreseen(folderOf(wanted, experiment), source, '', isOne);
  });
}

const keysFor = (of: Experiment[]) =>
  RUN_KEYS.filter((key) => of.includes(RUN_KINDS[key].experiment));

/** `forbidden_3f2a` is of the kind of `forbidden_default`, `forbidden_w_forbidden_rep_…` is not. */
const isOfKind = (name: string, usual: string) =>
  name.replace(/_[^_]*$/, '') === usual.replace(/_default$/, '');

function readSummary(folder: string): { cells: unknown[] } {
  const file = path.join(folder, 'summary.json');
  try {
    const summary: unknown = JSON.parse(fs.readFileSync(file, 'utf8'));
    if (isMap(summary) && Array.isArray(summary.cells)) return { cells: summary.cells };
  } catch {
    // reported below
  }
  throw new InputError(`${file} is damaged: the run's command again writes it anew.`);
}
