import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clearLeftovers, computeDirections } from '../../../../experiments/shared/vectors/compute';
import { loadDirections } from '../../../../experiments/shared/vectors/load';
import { close, makeModel, meanActivation, openModel, printedBy } from '../../helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-compute-'));
const model = makeModel(path.join(temp, 'chars'));
test.after(() => fs.rmSync(temp, { recursive: true }));
const file = path.join(temp, 'v/vectors.safetensors');

async function compute(withIt: string[], without: string[]): Promise<string> {
  const session = await openModel(model);
  return printedBy(() =>
    computeDirections(
      session,
      new Map([['x', { withIt, without }]]),
      file,
      { data: 'the same' },
      { finalTokens: 1, batchSize: 2, layers: [1], keepActivations: false },
    ),
  );
}

test('vectors are used again for the same prompts, and computed for others', async () => {
  const without = ['What?', 'Who is it?'];
  await compute(['What? Short.', 'Who is it? Short.'], without);
  const mark = fs.statSync(file).mtimeMs;
  assert.match(await compute(['What? Short.', 'Who is it? Short.'], without), 'there already');
  assert.is(fs.statSync(file).mtimeMs, mark);
  const others = ['What? Long.', 'Who is it? Long.'];
  assert.not.match(await compute(others, without), 'there already');
  const session = await openModel(model);
  const { directions } = loadDirections(file, { data: 'the same' });
  close(directions.get('x')!.meanWith[0], await meanActivation(session, others, 1));
});

test('a process killed before it cleared up leaves nothing for good', async () => {
  const partial = `${file}.partial`;
  fs.writeFileSync(partial, 'what was left');
  assert.match(
    await compute(['What? Long.', 'Who is it? Long.'], ['What?', 'Who is it?']),
    'there already',
  );
  assert.equal(fs.readdirSync(path.dirname(file)), [path.basename(file)]);
});

test('a damaged file is computed again', async () => {
  const bytes = fs.readFileSync(file);
  const altered = Buffer.from(bytes);
  altered[altered.length - 3] ^= 4;
  fs.writeFileSync(file, altered);
  const text = await compute(['What? Long.', 'Who is it? Long.'], ['What?', 'Who is it?']);
  assert.match(text, 'is damaged');
  assert.equal(fs.readFileSync(file), bytes);
  fs.writeFileSync(file, 'junk');
  await compute(['What? Long.', 'Who is it? Long.'], ['What?', 'Who is it?']);
  assert.equal(fs.readFileSync(file), bytes);
});

test('while another process computes them, they are refused with its number', async () => {
  const code =
    `const { lock } = require('./src/util/lock'); lock(${JSON.stringify(`${file}.lock`)}, 'it');` +
    `console.log('mine'); setInterval(() => {}, 1000);`;
  const root = path.join(__dirname, '../../../..');
  const other = spawn(process.execPath, ['-r', 'ts-node/register', '-e', code], { cwd: root });
  await once(other.stdout, 'data');
  let message = '';
  await compute(['a'], ['b']).catch((error: Error) => {
    message = error.message;
  });
  assert.match(
    message,
    `Process ${other.pid} on ${os.hostname()} is writing to the vectors ${file}`,
  );
  const leftByIt = fs.readFileSync(`${file}.lock`);
  clearLeftovers(file);
  assert.ok(fs.existsSync(`${file}.lock`));
  other.kill('SIGKILL');
  await once(other, 'close');
  await compute(['a'], ['b']);
  assert.equal(fs.readdirSync(path.dirname(file)), [path.basename(file)]);

  // Killed after the vectors were written and before it cleared up: who only reads them does.
  fs.writeFileSync(`${file}.lock`, leftByIt);
  fs.writeFileSync(`${file}.partial`, 'what was left');
  clearLeftovers(file);
  assert.equal(fs.readdirSync(path.dirname(file)), [path.basename(file)]);
});

test.run();
