/** Added tokens beside each other, whose white space overlaps, as the Rust library finds them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AddedTokens } from '../../../src/text/addedTokens';
import type { TokenizerLibrary } from '../../../src/text/library';
import { InputError } from '../../../src/util/errors';

/** `<s>` takes white space on its right; `\n` on the sides that `flags` names. Ids 8 and 9. */
function addedTokens(flags: string): AddedTokens {
  const vocabulary = { size: 8, end: 8, idOf: () => undefined, tokenOf: () => undefined };
  const library = { vocabulary, normalize: (text: string) => text } as unknown as TokenizerLibrary;
  const added = new AddedTokens(library, false);
  const plain = { special: false, singleWord: false, normalized: false };
  added.add([
    { content: '<s>', lstrip: false, rstrip: true, ...plain },
    { content: '\n', lstrip: flags.includes('l'), rstrip: flags.includes('r'), ...plain },
  ]);
  return added;
}

const split = (flags: string, text: string) =>
  addedTokens(flags)
    .split(text)
    .map((part) => (typeof part === 'number' ? part : part.text));

// What tokenizers 0.23.2 gives for the same tokens.
const cases: [string, string, (number | string)[]][] = [
  ['', '<s>\na', [8, 9, 'a']],
  ['', '<s>\n\na', [8, 9, 9, 'a']],
  ['', '<s> \n a', [8, 9, ' a']],
  ['l', '<s>\na', [8, 'a']],
  ['l', 'a \n <s>\n', ['a', 9, ' ', 8]],
  ['r', 'a \n <s>\n', ['a ', 9, 8, 9]],
  ['r', '<s> \n a', [8, 9, 'a']],
  ['lr', '<s>\n\na', [8, 'a']],
  ['lr', '\n\na', [9, 'a']],
  ['lr', 'a \n <s>\n', ['a', 9, 8]],
];

test('white space that one token took is found by its neighbour as in Rust', () => {
  for (const [flags, text, right] of cases) {
    assert.equal(split(flags, text), right, `${flags} ${JSON.stringify(text)}`);
  }
});

test('tokens that Rust fails on are refused', () => {
  assert.throws(
    () => split('l', '<s>\n\na'),
    (error: unknown) => error instanceof InputError && /overlaps another/.test(error.message),
  );
});

test.run();
