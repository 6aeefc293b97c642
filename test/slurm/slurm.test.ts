/** A real Slurm: a node is lost, a task is cancelled, and the files are those of a run without it. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { jobsCommand } from '../../src/commands/jobs';
import { submit } from '../../src/jobs/submission';
import { makeModel, printedBy, runScript, stopScripts } from '../experiments/helpers';
import { testWhere } from '../where';
import { type Cluster, startCluster, whyNoSlurm } from './cluster';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-slurm-'));
const missing = whyNoSlurm();
const testSlurm = testWhere(!missing, missing);
let cluster: Cluster | undefined;
test.after(() => {
  stopScripts();
  cluster?.stop();
  fs.rmSync(temp, { recursive: true, maxRetries: 5 });
});

const output = path.join(temp, 'runs');
const model = missing ? '' : makeModel(path.join(temp, 'chars'));
const data = path.join(temp, 'questions.jsonl');
fs.writeFileSync(
  data,
  Array.from({ length: 12 }, (_, i) => JSON.stringify({ prompt: `Why thing ${i}?` })).join('\n'),
);
const SETTINGS = [
  ...[`model_name=${model}`, `data_path=${data}`, `output_path=${output}`, 'backend=wasm'],
  ...['length_rep_examples=3', 'n_examples=6', 'n_sent_max=2', 'positions=last', 'batch_size=1'],
  ...['steering=add_vector_conciseness', 'steering_weights=[1x,2x]', 'source_layer_idx=1'],
  ...[`perplexity_model=${model}`, 'max_generation_length=60'],
];
const start = (...words: string[]) => runScript('length/evaluate', ...SETTINGS, ...words).done;

/** Every file below a folder, with its content. */
function files(folder: string): [string, string][] {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const own = names.filter((name) => !name.startsWith('jobs'));
  return own
    .filter((name) => fs.statSync(path.join(folder, name)).isFile())
    .map((name) => [name, fs.readFileSync(path.join(folder, name), 'base64')]);
}

async function until(what: string, holds: () => boolean | Promise<boolean>) {
  const end = Date.now() + 240_000;
  while (!(await holds())) {
    if (Date.now() > end)
      throw new Error(`In vain waited for: ${what}\n${await jobs()}\n${logs()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const jobs = (...words: string[]) => printedBy(async () => jobsCommand.run([output, ...words], {}));
const statusOf = async () =>
  JSON.parse(await printedBy(async () => jobsCommand.run([output], { json: true }))).jobs[0];
const logs = () =>
  fs
    .readdirSync(path.join(output, 'jobs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.log'))
    .map((name) => `${name}:\n${fs.readFileSync(path.join(output, 'jobs', name), 'utf8')}`)
    .join('\n');

testSlurm('a lost node and a cancelled task change no byte of the results', async () => {
  const alone = await start();
  assert.is(alone.code, 0, alone.text);
  const expected = files(output);
  for (const name of fs.readdirSync(path.join(output, 'length/chars'))) {
    if (name !== 'representations')
      fs.rmSync(path.join(output, 'length/chars', name), { recursive: true });
  }

  cluster = await startCluster(path.join(temp, 'slurm'));
  Object.assign(process.env, cluster.env);
  const partition = { settings: { sbatch: { partition: 'nowhere' } }, folder: `${temp}/refused` };
  const plan = { name: 'x', cwd: temp, program: ['true'], tasks: [[]], ...partition };
  assert.throws(
    () => submit(plan, [{ words: [], runs: [] }]),
    /partition.* Partitions here .*small/i,
  );
  assert.not.ok(fs.existsSync(plan.folder), 'nothing is left of it');

  const sent = await start('--launcher', 'slurm', 'slurm.time=10', 'shards=2');
  assert.is(sent.code, 0, sent.text);
  assert.match(sent.text, 'Submitted 2 tasks as job ');
  // Each is struck when it has its first rows: one node is lost, on the other the task is cancelled.
  const struck: Record<string, number> = {};
  await until('rows of both shards', async () => {
    for (const index of [1, 2]) {
      if (!hasRows(index) || Object.values(struck).includes(index)) continue;
      const { state, node, job } = (await statusOf()).tasks[index - 1];
      assert.is(state, 'running');
      struck[node] = index;
      if (node === 'two') cluster?.killNode('two');
      else spawnSync('scancel', [job]);
    }
    return Object.keys(struck).length === 2;
  });
  assert.equal(Object.keys(struck).sort(), ['one', 'two']);
  const [lost, cancelled] = [struck.two - 1, struck.one - 1];
  await until('the end of the cancelled task', async () => {
    return (await statusOf()).tasks[cancelled].state === 'failed';
  });
  assert.match(await jobs(), 'failed: cancelled');
  const retried = await printedBy(async () => jobsCommand.run([output], { retry: true }));
  assert.match(retried, `Submitted again: tasks ${cancelled + 1}.`);
  await until('the lost task in the queue again', async () => {
    return (await statusOf()).tasks[lost].why === 'until Slurm starts it again';
  });
  // In two minutes, by itself.
  const { job } = (await statusOf()).tasks[lost];
  assert.is(spawnSync('scontrol', ['update', `JobId=${job}`, 'StartTime=now']).status, 0);
  await until('the result', async () => (await statusOf()).tasks[2].state === 'done');

  const after = (await statusOf()).tasks;
  assert.equal(
    after.map(({ state }: { state: string }) => state),
    ['done', 'done', 'done'],
    logs(),
  );
  assert.is(after[lost].starts, 2, 'Slurm started it again');
  assert.is(after[lost].node, 'one');
  assert.is(after[cancelled].starts, 2, 'submitted again');
  assert.equal(files(output), expected);
});

/** Whether a shard has finished rows, wherever the run is. */
function hasRows(index: number): boolean {
  const base = path.join(output, 'length/chars');
  if (!fs.existsSync(base)) return false;
  return fs
    .readdirSync(base, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(`out.shard-${index}-of-2.jsonl`))
    .some((name) => fs.statSync(path.join(base, name)).size > 0);
}

test.run();
