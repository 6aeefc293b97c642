/** One process at a time: with real processes, killed and not. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../../src/util/errors';
import { Locked, lock, untilFree } from '../../../src/util/lock';

const root = path.join(__dirname, '../../..');
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-lock-'));
const children: ChildProcess[] = [];
test.after(() => {
  for (const child of children) child.kill('SIGKILL');
  fs.rmSync(temp, { recursive: true });
});

let count = 0;
const newLock = () => path.join(temp, `deep/${count++}`, '.lock');

/** A process that takes the lock when it gets a line, says so (`mine`, `no`), and then waits. */
function start(file: string) {
  const code =
    `const { lock } = require('./src/util/lock'); process.stdin.on('data', () => {` +
    `try { lock(${JSON.stringify(file)}, 'it'); console.log('mine'); }` +
    `catch { console.log('no'); } }); console.log('ready');`;
  const child = spawn(process.execPath, ['-r', 'ts-node/register', '-e', code], { cwd: root });
  children.push(child);
  const said = async () => String((await once(child.stdout, 'data'))[0]).trim();
  return { child, said };
}

function refused(file: string): string {
  try {
    lock(file, 'the run x');
  } catch (error) {
    assert.instance(error, InputError);
    return (error as Error).message;
  }
  throw new Error('not refused');
}

/** What a lock holds that this process took, with some of it changed. */
function forge(file: string, change: object) {
  const release = lock(file, 'it');
  const holder = JSON.parse(fs.readFileSync(file, 'utf8'));
  release();
  fs.writeFileSync(file, JSON.stringify({ ...holder, ...change }));
}

test('a lock is there while it is held, and the same process may take it again', () => {
  const file = newLock();
  const release = lock(file, 'it');
  const again = lock(file, 'it');
  release();
  release();
  assert.ok(fs.existsSync(file));
  again();
  assert.equal(fs.readdirSync(path.dirname(file)), []);
});

test('a running process is named; one that was killed is not waited for', async () => {
  const file = newLock();
  const { child, said } = start(file);
  assert.is(await said(), 'ready');
  child.stdin.write('\n');
  assert.is(await said(), 'mine');
  const message = refused(file);
  assert.match(message, `Process ${child.pid} on ${os.hostname()} is writing to the run x`);
  assert.match(message, file);
  child.kill('SIGKILL');
  await once(child, 'close');
  assert.ok(fs.existsSync(file), 'the killed process could not clear it away');
  lock(file, 'it')();
  assert.equal(fs.readdirSync(path.dirname(file)), []);
});

test('a process that ends leaves no lock', async () => {
  const file = newLock();
  const { child, said } = start(file);
  await said();
  child.stdin.write('\n');
  assert.is(await said(), 'mine');
  child.stdin.end();
  await once(child, 'close');
  assert.equal(fs.readdirSync(path.dirname(file)), []);
});

test('of many that find a lock left over, one gets it', async () => {
  const file = newLock();
  forge(file, { pid: 2 ** 30 });
  const all = Array.from({ length: 4 }, () => start(file));
  for (const { said } of all) assert.is(await said(), 'ready');
  for (const { child } of all) child.stdin.write('\n');
  const answers = await Promise.all(all.map(({ said }) => said()));
  assert.equal(answers.sort(), ['mine', 'no', 'no', 'no']);
  for (const { child } of all) child.kill('SIGKILL');
});

test('left over too: of an earlier start of the machine, of a number in use again, of junk', () => {
  const linux = fs.existsSync('/proc/self/stat');
  // This process's parent runs, and did not take the lock.
  if (linux) {
    for (const change of [{ boot: 'another' }, { started: '1' }]) {
      const file = newLock();
      forge(file, { pid: process.ppid, ...change });
      lock(file, 'it')();
    }
  }
  for (const junk of ['', 'null', '{"pid":"x"}', `${os.hostname()} 1`]) {
    const file = newLock();
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, junk);
    lock(file, 'it')();
    assert.not.ok(fs.existsSync(file));
  }
});

test('a lock of another machine holds as long as it is touched', () => {
  const file = newLock();
  forge(file, { host: 'elsewhere', pid: 1 });
  assert.match(refused(file), 'Process 1 on elsewhere');
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
  fs.utimesSync(file, minutesAgo(10), minutesAgo(10));
  assert.match(refused(file), 'elsewhere');
  fs.utimesSync(file, minutesAgo(20), minutesAgo(20));
  lock(file, 'it')();
});

test('a job that Slurm starts again takes over what it held on the machine that was lost', () => {
  const { SLURM_JOB_ID, SLURM_RESTART_COUNT } = process.env;
  const elsewhere = (job: string, restarts: number) => {
    const file = newLock();
    forge(file, { host: 'elsewhere', pid: 1, job, restarts });
    return file;
  };
  try {
    Object.assign(process.env, { SLURM_JOB_ID: '7', SLURM_RESTART_COUNT: '1' });
    lock(elsewhere('7', 0), 'it')();
    assert.match(refused(elsewhere('8', 0)), 'elsewhere', 'another job');
    assert.match(refused(elsewhere('7', 1)), 'elsewhere', 'the same start on several machines');
    delete process.env.SLURM_JOB_ID;
    assert.match(refused(elsewhere('', 0)), 'elsewhere', 'no job at all');
  } finally {
    for (const [key, value] of Object.entries({ SLURM_JOB_ID, SLURM_RESTART_COUNT })) {
      if (value === undefined) delete process.env[key];
      else process.env[key] = value;
    }
  }
});

test('one that waits goes on when the holder has ended', async () => {
  const file = newLock();
  const { child, said } = start(file);
  await said();
  child.stdin.write('\n');
  assert.is(await said(), 'mine');
  let waiting = true;
  const held = new Locked('', file, 'it');
  const wait = untilFree(held).then(() => (waiting = false));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(waiting);
  child.kill('SIGKILL');
  await wait;
  lock(file, 'it')();
});

test('a place that can not be written is named', () => {
  fs.writeFileSync(path.join(temp, 'file'), '');
  assert.match(refused(path.join(temp, 'file/.lock')), 'it is a file, not a folder');
});

test.run();
