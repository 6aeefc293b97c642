import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { usualSettings } from '../../../experiments/shared/command/names';

/** A model without settings of its own. */
const OTHER = 'some-model';

test('all rows give vectors, each kind of prompts has its choice, answers may take 2,048 tokens', () => {
  assert.is(usualSettings('format/compute_representations', OTHER).subset_ratio, 1);
  assert.is(usualSettings('format/precompute_ivs', OTHER).include_instructions, 'each');
  const search = usualSettings('format/find_best_layer', OTHER);
  assert.is(search.include_instructions, 'both');
  assert.equal([search.max_generation_length, search.max_generation_length_long], [768, 1024]);
  const evaluation = usualSettings('format/evaluate', OTHER);
  assert.equal(
    [evaluation.max_generation_length, evaluation.max_generation_length_long],
    [2048, 2048],
  );
});

test('models of the paper do the same; the tiny ones keep what their digits need', () => {
  for (const model of ['phi-3', 'gemma-2-2b', 'gemma-2-9b-it']) {
    assert.is(usualSettings('format/compute_representations', model).subset_ratio, 1, model);
    assert.is(usualSettings('format/precompute_ivs', model).include_instructions, 'each', model);
    assert.is(usualSettings('format/evaluate', model).max_generation_length, 2048, model);
  }
  for (const model of ['tiny-gemma2', 'tiny-gemma2-base']) {
    assert.is(usualSettings('format/compute_representations', model).subset_ratio, 0.7);
    assert.is(usualSettings('format/precompute_ivs', model).include_instructions, false);
    assert.is(usualSettings('format/evaluate', model).max_generation_length, 96);
  }
});

test.run();
