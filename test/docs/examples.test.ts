/** The scripts of docs/examples do what their page says, and leave no tensor behind. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { main as ablateHeads } from '../../docs/examples/ablateHeads';
import { main as patchActivations } from '../../docs/examples/activationPatching';
import { logitLens } from '../../docs/examples/logitLens';
import { main as optimiseVector } from '../../docs/examples/optimisedVector';
import { main as steerByHook } from '../../docs/examples/ownEdit';
import { useBackend } from '../../src/backend';

const folder = path.join(__dirname, '../../docs/examples');
const page = fs.readFileSync(path.join(folder, 'README.md'), 'utf8');
const lowercase = (text: string) => text === text.toLowerCase();

test.before(async () => void (await useBackend()));

const NUMBER = /-?\d+\.\d+/g;
const words = (text: string) => text.replace(NUMBER, '#').trimEnd();
const numbers = (text: string) => (text.match(NUMBER) ?? []).map(Number);

/** What was printed stands on the page; numbers may differ in the last digit. */
function isOnPage(line: string) {
  const shown = page.split('\n').find((other) => words(other) === words(line));
  assert.ok(shown !== undefined, `not on the page: ${line}`);
  const told = numbers(shown);
  for (const [i, x] of numbers(line).entries()) {
    assert.ok(Math.abs(x - told[i]) <= 0.02 + 0.02 * Math.abs(x), `${line}, on the page: ${shown}`);
  }
}

/** An example that frees what it made, and prints what the page says. */
function example(name: string, run: () => Promise<void>) {
  test(name, async () => {
    const before = tf.memory().numTensors;
    const { log } = console;
    const lines: string[] = [];
    console.log = (text: string) => lines.push(...text.split('\n'));
    await run().finally(() => {
      console.log = log;
    });
    assert.is(tf.memory().numTensors, before, 'no tensor is left');
    assert.ok(lines.length > 0);
    for (const line of lines) isOnPage(line);
  });
}

example('logit lens: whether to write in lowercase is settled in block 3', async () => {
  const plain = await logitLens('How do I grow tomatoes?');
  const asked = await logitLens('How do I grow tomatoes? Answer in lowercase.');
  const first = (table: string[][]) => table.map(([token]) => token);
  assert.equal(first(plain).slice(2), ['To', 'For', 'For', 'If']);
  assert.equal(first(asked).slice(2), ['To', 'for', 'for', 'for']);
});

example('patching: the topic is at the last token from block 1 on', async () => {
  const { best, worst, table } = await patchActivations();
  assert.ok(best > 5 && worst < -5);
  const [[topic, last], ...later] = table;
  assert.ok(topic > 0.4 && topic < 0.9 && last > 0.1 && last < 0.4);
  assert.is(later.length, 5);
  for (const row of later) assert.ok(Math.abs(row[0]) < 0.02 && Math.abs(row[1] - 1) < 0.02);
});

example('ablation: three heads read the topic, and any two of them are enough', async () => {
  const { reading, preferences } = await ablateHeads();
  const [plain, ...trials] = preferences;
  const [all, others] = trials.splice(-2);
  assert.equal(reading.join(' '), '0,1 1,0 1,1');
  for (const one of trials) assert.ok(one > plain - 1.5 && one < plain);
  assert.ok(all < -3, `${all}`);
  assert.ok(Math.abs(others - plain) < 1);
});

example('an edit of one’s own: a turn toward lowercase', async () => {
  const { plain, turned } = await steerByHook();
  for (const text of plain) assert.not.ok(lowercase(text), text);
  for (const text of turned) assert.match(text, /^[a-z][^A-Z]+\./, 'its first sentence');
});

example('a vector by gradient: one answer made likely, and others of its kind', async () => {
  const { losses, answers } = await optimiseVector();
  assert.ok(losses[0] > 0.6 && losses.at(-1)! < 0.2, `${losses[0]} to ${losses.at(-1)}`);
  assert.ok(answers.slice(0, 2).every(lowercase), answers.join('\n'));
});

test('the page has every script, and the scripts are short', () => {
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
    assert.match(page, `npx ts-node docs/examples/${file}`);
    const lines = fs.readFileSync(path.join(folder, file), 'utf8').split('\n').length;
    assert.ok(lines <= 60, `${file}: ${lines} lines`);
  }
});

test.run();
