/** What Slurm is told, and what is read from it, without one. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { batchScript } from '../../../src/jobs/batchScript';
import { readJobSettings, sbatchWords } from '../../../src/jobs/settings';
import { arrayWords, ranges, readAccounts, readQueued, resultWords } from '../../../src/jobs/slurm';
import { stateOf } from '../../../src/jobs/states';
import { type Mark, readMarks } from '../../../src/jobs/submission';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller jobs '));
test.after(() => fs.rmSync(temp, { recursive: true }));

test('settings are sbatch options by their own names; what can not be is refused in words', () => {
  const words = [
    'slurm.partition=a,b',
    'slurm.cpus_per_task=4',
    'slurm.parallel=2',
    'slurm.setup=x y',
  ];
  const settings = readJobSettings(words);
  assert.equal(sbatchWords(settings), ['--partition=a,b', '--cpus-per-task=4']);
  assert.is(settings.parallel, 2);
  assert.is(settings.setup, 'x y');
  const refused: [string, RegExp][] = [
    ['slurm.time=4h', /slurm\.time is "4h", not a time: 30 \(minutes\), 4:00:00/],
    ['slurm.gpus=0', /number of GPUs/],
    ['slurm.partion=x', /Unknown setting slurm\.partion\. Did you mean "partition"\?/],
    ['slurm.timeout_min=5', /Here it is slurm\.time\./],
    ['slurm.array=1-9', /Unknown setting slurm\.array/],
    ['slurm.partition=a b', /not one word/],
    ['slurm.parallel=0', /whole number from 1/],
  ];
  for (const [word, message] of refused) assert.throws(() => readJobSettings([word]), message);
  assert.throws(() => readJobSettings(['slurm.mem=1', 'slurm.mem=2']), /given twice/);
});

test('every form of time that sbatch takes', () => {
  // Those of its manual page.
  for (const time of ['30', '30:00', '4:00:00', '2-12', '2-12:30', '2-12:30:15']) {
    assert.equal(readJobSettings([`slurm.time=${time}`]).sbatch, { time });
  }
  for (const time of ['', '-1', '1:2:3:4', '2 h', '1-', 'never']) {
    assert.throws(() => readJobSettings([`slurm.time=${time}`]), /not a time/);
  }
});

/** Runs the script as Slurm would; its program prints the words that it gets. */
function runTask(script: string, task?: number) {
  const env = { PATH: process.env.PATH, SLURM_JOB_ID: '12', SLURMD_NODENAME: 'n1' };
  const index = task === undefined ? {} : { SLURM_ARRAY_TASK_ID: String(task) };
  return spawnSync('bash', ['-c', script], { env: { ...env, ...index }, encoding: 'utf8' });
}

test('the script starts each task with its own words, as they are, and marks its end', () => {
  const print =
    'console.log(JSON.stringify(process.argv.slice(1))); process.exit(process.argv.length - 3)';
  const script = batchScript({
    name: 'length/evaluate',
    folder: temp,
    cwd: '/work place',
    program: [process.execPath, '-e', print, '--'],
    tasks: [['a=1', 'b'], ["it's=$HOME `x`"]],
    result: ['--multirun'],
    settings: readJobSettings(['slurm.gpus=1', 'slurm.setup=export GREETING=1']),
  });
  const directives = script.match(/^#SBATCH .*$/gm);
  assert.equal(directives, [
    '#SBATCH --job-name=length/evaluate',
    '#SBATCH --gpus=1',
    '#SBATCH --chdir="/work place"',
    '#SBATCH --open-mode=append',
    '#SBATCH --requeue',
  ]);
  assert.match(script, '\nexport GREETING=1\n');
  const [first, second, result] = [1, 2, undefined].map((task) => runTask(script, task));
  assert.equal(JSON.parse(second.stdout), ["it's=$HOME `x`"]);
  assert.equal(JSON.parse(first.stdout), ['a=1', 'b']);
  assert.equal(JSON.parse(result.stdout), ['--multirun']);
  assert.equal([first.status, second.status], [0, 255], 'the code of the program');
  const shown = (mark: Mark) =>
    mark.kind === 'start' ? `${mark.job} on ${mark.node}` : mark.status;
  assert.equal(readMarks(temp, 1).map(shown), ['12 on n1', 0]);
  assert.equal(readMarks(temp, 2).map(shown), ['12 on n1', 255]);
  assert.is(readMarks(temp, 'result').length, 2);
  assert.equal(readMarks(temp, 3), []);
});

test('a task that is told to end is marked when its program has ended', () => {
  const folder = fs.mkdtempSync(path.join(temp, 'told'));
  const ends =
    "process.on('SIGTERM', () => process.exit(7)); setInterval(() => 0, 99); process.kill(process.ppid, 'SIGTERM'); setTimeout(() => process.kill(process.pid, 'SIGTERM'), 50)";
  const script = batchScript({
    ...{ name: 'x', folder, cwd: temp, settings: { sbatch: {} } },
    ...{ program: [process.execPath, '-e', ends], tasks: [[]] },
  });
  const file = path.join(folder, 'job.sh');
  fs.writeFileSync(file, script);
  const env = { PATH: process.env.PATH, SLURM_ARRAY_TASK_ID: '1', SLURM_JOB_ID: '1' };
  assert.is(spawnSync('bash', [file], { env }).status, 7);
  assert.is(readMarks(folder, 1).length, 2);
});

test('the words of sbatch', () => {
  assert.is(ranges([7, 1, 2, 3, 9, 10]), '1-3,7,9-10');
  assert.equal(arrayWords('/a%b', [1, 2], { parallel: 4, options: ['--time=9'] }), [
    ...['--array=1-2%4', '--output=/a%%b/%a.log', '--time=9', '/a%b/job.sh'],
  ]);
  assert.equal(resultWords('/a', ['12', '9_4']), [
    ...['--dependency=afterok:12:9_4', '--kill-on-invalid-dep=yes', '--output=/a/result.log'],
    '/a/job.sh',
  ]);
});

test('states: of the marks, and of what Slurm says where they say nothing', () => {
  const start: Mark = { kind: 'start', time: 0, job: '1', node: 'n' };
  const end = (status: number): Mark => ({ kind: 'end', time: 0, status });
  const queued = (state: string, reason = '') => ({ state, reason });
  const said = (...of: Parameters<typeof stateOf>) => {
    const { state, why } = stateOf(...of);
    return why ? `${state}: ${why}` : state;
  };
  assert.is(said([], queued('PENDING', 'Resources')), 'waiting: for a free node');
  assert.is(said([start], queued('RUNNING')), 'running');
  assert.is(said([start], queued('PENDING', 'BeginTime')), 'waiting: until Slurm starts it again');
  assert.is(said([start, end(0)], null), 'done');
  assert.is(said([start, end(0)], undefined), 'done', 'without Slurm too');
  assert.is(said([start, end(2)], queued('FAILED')), 'failed: exit code 2');
  assert.is(said([start, end(143)], queued('TIMEOUT')), 'failed: time is up (slurm.time)');
  assert.is(said([start], queued('OUT_OF_MEMORY')), 'failed: out of memory (slurm.mem)');
  assert.is(said([start], null), 'failed: killed');
  assert.is(said([start], undefined), 'unknown');
  assert.is(said([start, end(1)], queued('PENDING', 'None')), 'waiting: None', 'submitted again');
  assert.is(said([start, end(1), start, end(0)], null), 'done');
  assert.is(said([], null), 'failed: not in the queue any more');
});

test('what squeue and sacct print', () => {
  // As Slurm 22.05 printed it.
  assert.equal(readQueued('4|2|PENDING|BeginTime\n4|1|RUNNING|None\n7|N/A|PENDING|Dependency\n'), [
    ['4_2', { state: 'PENDING', reason: 'BeginTime' }],
    ['4_1', { state: 'RUNNING', reason: '' }],
    ['7', { state: 'PENDING', reason: 'Dependency' }],
  ]);
  assert.equal(readAccounts('12_3|CANCELLED by 0\n12_4|COMPLETED\n'), [
    ['12_3', { state: 'CANCELLED', reason: '' }],
    ['12_4', { state: 'COMPLETED', reason: '' }],
  ]);
});

test.run();
