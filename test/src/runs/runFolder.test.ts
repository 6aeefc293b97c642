import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RunFolder, readRun } from '../../../src/runs/runFolder';
import { InputError } from '../../../src/util/errors';
import { testFullDisk } from '../../where';

type TestRow = { id: string; text: string };
const config = { model_name: 'tiny', weights: [1, '0.5x'], layer: null };
const rows: TestRow[] = ['a', 'b', 'c'].map((id) => ({ id, text: `row ${id}, “ünïcode” 🙂\n` }));
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-run-'));
test.after(() => fs.rmSync(temp, { recursive: true }));
let count = 0;

function newRun() {
  return path.join(temp, `run${count++}`, 'deep');
}

function write(folder: string, some: TestRow[]) {
  const run = RunFolder.open<TestRow>(folder, config);
  run.append(some);
  run.close();
}

test('rows and config come back; a second opening goes on', () => {
  const folder = newRun();
  write(folder, rows.slice(0, 2));
  const run = RunFolder.open<TestRow>(folder, config);
  assert.equal([...run.rows.keys()], ['a', 'b']);
  run.append(rows.slice(2));
  run.writeSummary({ cells: [1] });
  run.close();
  assert.equal(readRun(folder), { config, rows });
  assert.equal(JSON.parse(fs.readFileSync(path.join(folder, 'summary.json'), 'utf8')), {
    cells: [1],
  });
  assert.equal(fs.readdirSync(folder).sort(), ['config.yaml', 'out.jsonl', 'summary.json']);
});

test('cut anywhere, the run goes on to the same bytes', () => {
  const whole = newRun();
  write(whole, rows);
  const bytes = fs.readFileSync(path.join(whole, 'out.jsonl'));
  for (let cut = 0; cut <= bytes.length; cut++) {
    const folder = newRun();
    write(folder, []);
    fs.writeFileSync(path.join(folder, 'out.jsonl'), bytes.subarray(0, cut));
    const run = RunFolder.open<TestRow>(folder, config);
    run.append(rows.filter(({ id }) => !run.rows.has(id)));
    run.close();
    assert.equal(fs.readFileSync(path.join(folder, 'out.jsonl')), bytes, `cut at ${cut}`);
  }
});

test('reading a run leaves a torn last line where it is', () => {
  const folder = newRun();
  write(folder, rows);
  fs.appendFileSync(path.join(folder, 'out.jsonl'), '{"id":"d"');
  assert.is(readRun(folder).rows.length, 3);
  assert.match(fs.readFileSync(path.join(folder, 'out.jsonl'), 'utf8'), /"d"$/);
});

test('another config under the same name is refused and nothing is changed', () => {
  const folder = newRun();
  write(folder, rows);
  const before = fs.readFileSync(path.join(folder, 'config.yaml'), 'utf8');
  const open = () => RunFolder.open(folder, { ...config, layer: 3 });
  assert.throws(open, (error: Error) => {
    assert.instance(error, InputError);
    assert.match(error.message, 'layer: null there, 3 now');
    assert.not.match(error.message, 'weights');
    assert.match(error.message, 'name=');
    return true;
  });
  assert.is(fs.readFileSync(path.join(folder, 'config.yaml'), 'utf8'), before);
});

test('keys that the rows do not depend on may differ; the first run is the one recorded', () => {
  const folder = newRun();
  write(folder, rows);
  RunFolder.open(folder, { ...config, device: 'cpu', layer: 3 }, ['device', 'layer']).close();
  assert.equal(readRun(folder).config, config);
  assert.throws(() => RunFolder.open(folder, { ...config, device: 'cpu' }, ['layer']), /device/);
});

test('of rows of one id the first counts', () => {
  const folder = newRun();
  write(folder, [...rows, { id: 'b', text: 'another' }]);
  assert.equal(readRun(folder).rows, rows);
  const run = RunFolder.open<TestRow>(folder, config);
  assert.equal([...run.rows.values()], rows);
  run.close();
});

test('a folder is one process’s while it is open, and left clean', async () => {
  const folder = newRun();
  write(folder, rows.slice(0, 1));
  fs.writeFileSync(path.join(folder, 'summary.json.123.tmp'), '{');
  const code =
    `const { RunFolder } = require('./src/runs/runFolder');` +
    `RunFolder.open(${JSON.stringify(folder)}, ${JSON.stringify(config)});` +
    `console.log('open'); setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ['-r', 'ts-node/register', '-e', code], {
    cwd: path.join(__dirname, '../../..'),
  });
  await once(other.stdout, 'data');
  const open = () => RunFolder.open(folder, config);
  assert.throws(open, new RegExp(`Process ${other.pid} on .* is writing to the run ${folder}`));
  // Reading takes no lock.
  assert.is(readRun(folder).rows.length, 1);
  other.kill('SIGKILL');
  await once(other, 'close');
  open().close();
  assert.equal(fs.readdirSync(folder).sort(), ['config.yaml', 'out.jsonl']);
});

test('damage is named: a bad line, a folder that is no run, a path that cannot be', () => {
  const folder = newRun();
  write(folder, rows);
  const file = path.join(folder, 'out.jsonl');
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('"id":"b"', '"id":"b'));
  assert.throws(() => RunFolder.open(folder, config), /out\.jsonl, line 2 is damaged/);
  assert.throws(() => readRun(temp), /not a run folder/);
  fs.writeFileSync(path.join(temp, 'file'), '');
  assert.throws(() => RunFolder.open(path.join(temp, 'file', 'run'), config), /not a folder/);
  const orphan = newRun();
  fs.mkdirSync(orphan, { recursive: true });
  fs.writeFileSync(path.join(orphan, 'out.jsonl'), '');
  assert.throws(() => RunFolder.open(orphan, config), /without a config/);
});

testFullDisk('a full disk is reported as such', () => {
  const folder = newRun();
  fs.mkdirSync(folder, { recursive: true });
  write(folder, []);
  fs.rmSync(path.join(folder, 'out.jsonl'));
  fs.symlinkSync('/dev/full', path.join(folder, 'out.jsonl'));
  // /dev/full reads as endless zeros, so the rows are read from an empty file first.
  const run = Object.create(RunFolder.prototype, {
    folder: { value: folder },
    rows: { value: new Map() },
    fromShards: { value: new Map() },
    out: { value: fs.openSync('/dev/full', 'a') },
    release: { value: () => {} },
  }) as RunFolder<TestRow>;
  assert.throws(() => run.append(rows), /the disk is full.*start again/);
  assert.is(run.rows.size, 0);
  run.close();
});

test.run();
