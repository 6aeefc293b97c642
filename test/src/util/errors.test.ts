import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { didYouMean, sentence } from '../../../src/util/errors';

test('the nearest word is suggested, if it is near', () => {
  const words = ['at_least', 'at_most', 'exactly', 'qa'];
  assert.is(didYouMean('at_moost', words), ' Did you mean "at_most"?');
  assert.is(didYouMean('AT_MOST', words), ' Did you mean "at_most"?');
  assert.is(didYouMean('exact', words), ' Did you mean "exactly"?');
  for (const far of ['', 'x', 'hello', 'something']) assert.is(didYouMean(far, words), '');
  assert.is(didYouMean('qa', []), '');
});

test('a sentence ends once', () => {
  assert.is(sentence('No such key'), 'No such key.');
  assert.is(sentence('No such key.'), 'No such key.');
  assert.is(sentence('No such key. Did you mean "x"?'), 'No such key. Did you mean "x"?');
});

test.run();
