import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isDegenerate } from '../../../src/language/degenerate';

test('an answer that is easy to predict, or blank, is degenerate; a single token is not', () => {
  assert.is(isDegenerate('so so so so', 2.49, 2.5), true);
  assert.is(isDegenerate('It is so.', 2.5, 2.5), false);
  assert.is(isDegenerate(' \n', null, 2.5), true);
  assert.is(isDegenerate('', null, 2.5), true);
  // As published: without a perplexity (NaN there) nothing is below the threshold.
  assert.is(isDegenerate('Yes', null, 2.5), false);
});

test.run();
