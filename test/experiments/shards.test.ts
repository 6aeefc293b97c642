/** An evaluation in parts ends with the files of a whole one; what the launcher would submit. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as formatSearch } from '../../experiments/format/find_best_layer';
import { run as formatRun } from '../../experiments/format/run';
import { script } from '../../experiments/length/evaluate';
import { ShardEnd } from '../../experiments/shared/answers/oneShard';
import { attempt } from '../../experiments/shared/command/attempt';
import { type Act, readCommandLine } from '../../experiments/shared/command/commandLine';
import { launch } from '../../experiments/shared/command/launcher/launch';
import { splitWords } from '../../experiments/shared/command/launcher/words';
import { contextOf, runScript, type Script } from '../../experiments/shared/command/script';
import { listRuns } from '../../src/runs/listRuns';
import { RunFolder } from '../../src/runs/runFolder';
import { makeModel, printedBy } from './helpers';

process.env.TILLER_BACKEND = 'wasm';
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-shards-'));
test.after(() => fs.rmSync(temp, { recursive: true }));
const model = makeModel(path.join(temp, 'chars'));
const output = path.join(temp, 'runs');
const data = path.join(temp, 'questions.jsonl');
fs.writeFileSync(
  data,
  Array.from({ length: 6 }, (_, i) => JSON.stringify({ prompt: `Why thing ${i}?` })).join('\n'),
);
const SETTINGS = [
  ...[`model_name=${model}`, `data_path=${data}`, `output_path=${output}`, 'backend=wasm'],
  ...['length_rep_examples=3', 'n_examples=3', 'n_sent_max=2', 'positions=last', 'batch_size=2'],
  ...['steering=add_vector_conciseness', 'steering_weights=1x', 'source_layer_idx=1'],
  ...[`perplexity_model=${model}`, 'max_generation_length=6'],
];
const actOf =
  (step: Script): Act =>
  (command) =>
    runScript(step, [], command.overrides, contextOf(command));
const run = (...words: string[]) => {
  const command = readCommandLine([...SETTINGS, ...words]);
  return printedBy(() => actOf(script)(command));
};

const runs = path.join(output, 'length/chars');
/** Every file of the run, with its content. */
function files(): [string, string][] {
  const names = fs.readdirSync(runs, { recursive: true, encoding: 'utf8' }).sort();
  return names
    .filter((name) => fs.statSync(path.join(runs, name)).isFile())
    .map((name) => [name, fs.readFileSync(path.join(runs, name), 'base64')]);
}
function removeRun(): string {
  const [name] = fs.readdirSync(runs).filter((one) => one !== 'representations');
  fs.rmSync(path.join(runs, name), { recursive: true });
  return path.join(runs, name);
}
async function runShard(part: string) {
  try {
    await run('--shard', part);
  } catch (error) {
    assert.instance(error, ShardEnd);
    return;
  }
  throw new Error('a shard went on');
}

test('shards, of whatever number, and the run after them write the files of one run', async () => {
  await run();
  const expected = files();
  const folder = removeRun();

  for (const part of ['3/3', '1/3']) await runShard(part);
  const [listed] = listRuns(output).filter((one) => one.folder === folder);
  assert.not.ok(listed.finished);
  assert.ok(listed.rows > 0 && listed.rows < listed.planned!, 'what shards have done is counted');
  const rows = () => fs.readdirSync(folder).filter((name) => name.startsWith('out.'));
  assert.equal(rows().sort(), ['out.shard-1-of-3.jsonl', 'out.shard-3-of-3.jsonl']);
  // Split otherwise, a shard leaves what the others have done.
  const before = fs.readFileSync(path.join(folder, 'out.shard-1-of-3.jsonl'), 'utf8');
  await runShard('1/2');
  const again = fs.readFileSync(path.join(folder, 'out.shard-1-of-2.jsonl'), 'utf8');
  assert.ok(again.split('\n').every((line) => !line || !before.includes(line)));
  // The batches that are missing still are worked on by the run itself.
  await run();
  assert.equal(files(), expected);
});

test('a run is not put together while a shard is written; a shard that was cut off goes on', async () => {
  const expected = files();
  const folder = removeRun();
  await runShard('2/2');
  const file = path.join(folder, 'out.shard-2-of-2.jsonl');
  const whole = fs.readFileSync(file);
  fs.truncateSync(file, whole.length - 5);
  await runShard('2/2');
  assert.ok(fs.readFileSync(file).equals(whole));
  const lockFile = `${folder}/.lock.out.shard-2-of-2.jsonl`;
  fs.writeFileSync(lockFile, JSON.stringify({ pid: 1, host: 'elsewhere', boot: '', started: '' }));
  assert.throws(() => RunFolder.open(folder, {}), /Process 1 on elsewhere .*shard-2-of-2/);
  assert.not.ok(fs.existsSync(path.join(folder, '.lock')), 'nothing stays locked');
  // One that waits begins anew when the other has ended.
  setTimeout(() => fs.rmSync(lockFile), 100);
  await printedBy(() => attempt(() => actOf(script)(readCommandLine(SETTINGS)), { wait: true }));
  assert.equal(files(), expected);
});

const launched = (step: { file: string }, act: Act, ...words: string[]) =>
  printedBy(() => launch(step.file, act, readCommandLine([...words, '--launcher', 'slurm'])));

test('a dry run of the launcher shows a task for each combination and shard', async () => {
  const words = ['--multirun', 'seed=1,2', 'shards=2', 'slurm.partition=a,b', '--dry-run'];
  const before = files();
  const text = await launched(script, actOf(script), ...SETTINGS, ...words);
  const tasks = text.match(/^ {2}\w+\) words=.*$/gm)!.map((line) => line.replace(/\S+=\/\S+/g, ''));
  const tail = (task: string) => task.replace(/.* (seed=\S+.*)\) ;;/, '$1');
  assert.equal(tasks.map(tail), [
    'seed=1 --shard 1/2 --wait',
    'seed=1 --shard 2/2 --wait',
    'seed=2 --shard 1/2 --wait',
    'seed=2 --shard 2/2 --wait',
    'seed=1,2 --multirun --wait',
  ]);
  assert.match(text, '#SBATCH --partition=a,b');
  assert.match(text, /sbatch --array=1-4 .*\n +sbatch '--dependency=afterok:<job>'/);
  assert.equal(files(), before);
  assert.not.ok(fs.existsSync(path.join(output, 'jobs')), 'nothing is written');
  const one = await launched(script, actOf(script), ...SETTINGS, '--dry-run');
  assert.not.match(one, 'afterok', 'a single task needs no step after it');
});

test('what can not be split, or launched, is refused before anything is submitted', async () => {
  const refusal = async (promise: Promise<unknown>) =>
    promise.then(
      () => 'not refused',
      (error: Error) => error.message,
    );
  const length = (...words: string[]) =>
    refusal(launched(script, actOf(script), ...SETTINGS, ...words));
  assert.match(await length('shards=99'), /99 shards are more than .*: \d+ at most/);
  assert.match(await length('shards=x'), 'shards is "x"');
  assert.match(await length('--shard', '1/2'), '--shard is for one task');
  assert.match(await length('hydra.launcher.partition=x'), "is Hydra's. Here: --launcher slurm");
  assert.match(await length('n_exmples=2'), 'Did you mean "n_examples"');
  assert.match(
    await refusal(launched(formatRun, formatRun, 'shards=2', '--dry-run')),
    /2 evaluations, and one is split/,
  );
  // Its rows are answers too, and the script stops after its part of them.
  const search = await launched(formatSearch, actOf(formatSearch), 'shards=2', '--dry-run');
  assert.match(search, '--shard 2/2');
  assert.equal(splitWords(['a=1', 'slurm.time=1', 'shards=3']), {
    ...{ slurm: ['slurm.time=1'], shards: 3, others: ['a=1'] },
  });
  assert.throws(() => readCommandLine(['--shard', '3/2']), /not a part such as 2\/4/);
});

test.run();
