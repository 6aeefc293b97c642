/** The script that Slurm runs: every task of a submission, and the step that joins their results. */
import { shellWord } from '../util/shell';
import { type JobSettings, sbatchWords } from './settings';

export interface BatchPlan {
  /** `length/evaluate`. */
  name: string;
  /** Of the submission: the script, the tasks' logs and marks. */
  folder: string;
  /** Where the program starts. */
  cwd: string;
  /** Words that start the program; a task's own follow. */
  program: string[];
  /** Words of each task. */
  tasks: string[][];
  /** Words of the step that follows when all tasks have ended well; none where there is one task. */
  result?: string[];
  settings: JobSettings;
}

/** The name of the last step, beside the numbers of the tasks. */
export const RESULT = 'result';

/** The script's file, in the folder of the submission. */
export const SCRIPT = 'job.sh';

/**
 * The script as text. Which task it is to be, SLURM_ARRAY_TASK_ID says; each leaves marks of its start
 * and its end, since not every Slurm keeps accounts.
 */
export function batchScript(plan: BatchPlan): string {
  const { name, folder, cwd, program, tasks, result, settings } = plan;
  const directives = [`--job-name=${name}`, ...sbatchWords(settings), `--chdir=${quoted(cwd)}`];
  // A log goes on where it was when Slurm starts a task again (a node was lost, or taken away).
  directives.push('--open-mode=append', '--requeue');
  const cases = tasks.map((words, i) => [String(i + 1), words] as const);
  const all = result ? [...cases, [RESULT, result] as const] : cases;
  return `#!/bin/bash
${directives.map((option) => `#SBATCH ${option}`).join('\n')}

task=\${SLURM_ARRAY_TASK_ID:-${RESULT}}
case $task in
${all.map(([label, words]) => `  ${label}) words=(${words.map(shellWord).join(' ')}) ;;`).join('\n')}
esac
mark() { echo "$(date +%s) $*" >> ${shellWord(folder)}/$task.marks; }
trap : TERM # the program ends by itself then, and its end is marked
mark start "$SLURM_JOB_ID" "$SLURMD_NODENAME"
${settings.setup ? `${settings.setup}\n` : ''}${program.map(shellWord).join(' ')} "\${words[@]}"
status=$?
mark end $status
exit $status
`;
}

/** sbatch reads its own lines of a script, where quotes hold words together. */
const quoted = (text: string) => (/\s/.test(text) ? `"${text}"` : text);
