import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../../src/util/errors';
import { oneOf, readScriptWords, scriptHelp } from '../../../src/util/script';

const options = [
  ['--seed <n>', 'Seed of the draws'],
  ['--json', 'Print one JSON object'],
] as const;

/** What refuses the words. */
const refusal = (words: string[], takes?: [number, number]) => {
  try {
    readScriptWords('draw.ts', words, { options, takes });
  } catch (error) {
    assert.instance(error, InputError);
    return (error as Error).message;
  }
  return 'nothing';
};

test('options with values and without, and words in between', () => {
  const words = ['a', '--seed', '-1', '--json', 'b'];
  assert.equal(readScriptWords('draw.ts', words, { options, takes: [2, 2] }), {
    options: { seed: '-1', json: true },
    positionals: ['a', 'b'],
    lists: {},
  });
});

test('words that it does not take, or lacks, are refused', () => {
  assert.match(refusal(['a']), /^draw\.ts can't use "a"/);
  assert.match(refusal(['a', 'b'], [0, 1]), /can't use "b"/);
  assert.match(refusal(['a'], [3, 4]), /needs 2 more words/);
  assert.match(refusal(['--sed', '1']), /no option --sed\. Did you mean "seed"/);
  assert.is(refusal(['-h'], [3, 4]), 'nothing');
});

test('help is the comment that the file opens with, and the options', () => {
  const help = scriptHelp(path.join(__dirname, '../../../bench/sweep.ts'), options);
  assert.match(help, /^The layer search against the loop of the original: /);
  assert.match(help, /^ {4}npx ts-node bench\/sweep\.ts --model gpt2/m);
  assert.match(help, /^ {2}--seed <n> {2}Seed of the draws$/m);
  assert.match(help, /^ {2}-h, --help {2}Show this$/m);
  assert.not.match(help, /import|\*/);
});

test('one of some choices, or an error with the nearest', () => {
  assert.is(oneOf('--split', 'train', ['train', 'heldout']), 'train');
  assert.throws(
    () => oneOf('--split', 'trian', ['train', 'heldout']),
    /--split is "trian", not one of train, heldout\. Did you mean "train"\?/,
  );
});

test.run();
