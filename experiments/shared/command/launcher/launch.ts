import * as path from 'node:path';
import { type BatchPlan, batchScript } from '../../../../src/jobs/batchScript';
import { readJobSettings } from '../../../../src/jobs/settings';
import { arrayWords, requireSlurm, resultWords } from '../../../../src/jobs/slurm';
import { jobsFolder, submit, type Task } from '../../../../src/jobs/submission';
import { parseOverride, readYaml } from '../../../../src/runs/config';
import { shardText } from '../../../../src/runs/shard';
import { didYouMean, InputError } from '../../../../src/util/errors';
import { TILLER } from '../../../../src/util/invocation';
import { shellWord } from '../../../../src/util/shell';
import { type Act, type Command, sweep } from '../commandLine';
import { defaultsFile, scriptName } from '../help';
import { rehearse } from '../rehearse';
import { refuseShards } from './shards';
import { splitWords } from './words';

const DRY = /^dry_run=true$/;

/**
 * Hands a command to Slurm: every combination of `--multirun`, and every shard, is a task of one job
 * array. The same command follows once they have ended well: it finds what they wrote, puts shards
 * together, and ends with what it would have shown here. A dry run shows what would be submitted.
 * @param file the script that is started
 * @throws InputError for settings that the script or Slurm refuses; nothing is submitted then
 */
export async function launch(file: string, act: Act, command: Command): Promise<void> {
  refuseOther(command);
  const { slurm, shards, others } = splitWords(command.overrides);
  const settings = readJobSettings(slurm);
  const overrides = others.filter((word) => !DRY.test(word));
  const runs = command.multirun ? sweep(overrides) : [overrides];
  const tasks: Task[] = [];
  for (const words of runs) {
    const planned = await rehearse(act, { ...command, overrides: words });
    if (shards > 1) refuseShards(planned, shards);
    const answers = planned.filter(({ kind }) => kind === 'answers');
    const places = [...new Set(answers.map(({ place }) => path.resolve(place)))];
    for (let index = 1; index <= shards; index++) {
      const shard = shards > 1 ? { shard: shardText({ index, count: shards }) } : {};
      tasks.push({ words, ...shard, runs: places });
    }
  }
  const name = scriptName(file);
  const folder = path.resolve(
    jobsFolder(outputPath(file, command, overrides)),
    `${timeName()}-${name.replaceAll('/', '-')}`,
  );
  const always = [
    ...(command.extraFile === undefined ? [] : ['--config', command.extraFile]),
    ...(command.wide ? ['--wide'] : []),
    ...(command.report === false ? ['--no-report'] : []),
    '--wait',
  ];
  const plan: BatchPlan = {
    ...{ name, folder, settings, cwd: process.cwd() },
    program: [process.execPath, require.resolve('ts-node/dist/bin'), file],
    tasks: tasks.map(({ words, shard }) => [
      ...words,
      ...(shard ? ['--shard', shard] : []),
      ...always,
    ]),
    ...(tasks.length > 1 && {
      result: [...overrides, ...(command.multirun ? ['--multirun'] : []), ...always],
    }),
  };
  if (others.some((word) => DRY.test(word))) return showPlan(plan);
  requireSlurm();
  const { submitted } = submit(plan, tasks);
  const [{ job, result }] = submitted;
  const joined = result ? `, and job ${result} joins their results` : '';
  const shown = path.relative('', folder);
  console.log(
    `Submitted ${tasks.length} ${tasks.length > 1 ? 'tasks' : 'task'} as job ${job}${joined}.\n` +
      `How far they are: ${TILLER} jobs ${shellWord(shown)}`,
  );
}

function refuseOther({ launcher, shard }: Command) {
  if (launcher !== 'slurm') {
    const hint = didYouMean(String(launcher), ['slurm']);
    throw new InputError(`--launcher is "${launcher}"; there is slurm.${hint}`);
  }
  if (shard) throw new InputError('--shard is for one task; of the launcher, ask shards=N.');
}

function showPlan(plan: BatchPlan) {
  const { folder, tasks, settings, result } = plan;
  const all = tasks.map((_, i) => i + 1);
  const show = (words: string[]) => ['sbatch', ...words].map(shellWord).join(' ');
  const lines = [show(arrayWords(folder, all, settings))];
  if (result) lines.push(show(resultWords(folder, ['<job>'])));
  console.log(`${batchScript(plan)}\nWould submit it with:\n  ${lines.join('\n  ')}`);
}

/** Where the results of a script go, as far as its settings say so before a model is known. */
function outputPath(file: string, { extraFile }: Command, overrides: string[]): string {
  const files = [defaultsFile(file), ...(extraFile ? [extraFile] : [])];
  const given = overrides.map(parseOverride).filter(({ key }) => key === 'output_path');
  const values = [...files.map((one) => readYaml(one).content.output_path), given.at(-1)?.value];
  return String(values.findLast((value) => value !== undefined) ?? 'runs');
}

/** Local time, as the first part of a folder's name: `2026-11-25_16.50.03`. */
const timeName = () => new Date().toLocaleString('sv').replace(' ', '_').replaceAll(':', '.');
