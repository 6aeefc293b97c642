/** What a researcher writes, with what a researcher imports, on the backend in use. */
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../models';
import {
  type Edit,
  findModelFolder,
  generate,
  type Hooks,
  hookNames,
  InputError,
  loadTokenizer,
  meanNll,
  perplexityOf,
  residPost,
  runWithCache,
  Steering,
  useBackend,
} from '../../src';

test('vectors from two prompts, steering with them, hooks and perplexity, with methods of tensors', async () => {
  await useBackend();
  const { dir } = findModelFolder('tiny-gemma2');
  const [model, tokenizer] = [loadModel(dir), loadTokenizer(dir)];
  const questions = ['How do I grow tomatoes? Be concise.', 'How do I grow tomatoes?'];
  const prompts = questions.map((text) => tokenizer.encodePrompt(text));
  const { nLayers } = model.config;
  const { cache, logits } = runWithCache(model, prompts);
  assert.equal([...cache.keys()], hookNames(nLayers));

  // The last column of a block's output, with the instruction less without it.
  const layer = nLayers - 2;
  const last = cache.get(residPost(layer))!.slice([0, prompts[0].length - 1], [-1, 1]);
  const [concise, plain] = last.squeeze([1]).unstack();
  const difference = concise.sub(plain);
  const norm = difference.norm().asScalar().dataSync()[0];
  const vector = difference.div(norm).dataSync() as Float32Array;
  const edits: Edit[][] = [[{ kind: 'add', layer, vector, weight: norm }]];

  const options = { maxNewTokens: 6, stopIds: tokenizer.stopIds };
  const [steered] = await generate(model, [prompts[1]], { ...options, edits });
  const steering = new Steering(edits, model.config);
  const first = tf.tidy(() => {
    return model.forward([prompts[1]], { steering, logits: 'last' }).argMax(-1).dataSync()[0];
  });
  assert.is(steered.tokens[0], first);

  // The same edit by a hook.
  const hooks: Hooks = { [residPost(layer)]: (h) => h.add(tf.tensor1d(vector).mul(norm)) };
  const [hooked] = await generate(model, [prompts[1]], { ...options, hooks });
  assert.equal(hooked.tokens, steered.tokens);

  const [nll] = await meanNll(model, [[...prompts[1], ...steered.tokens]]);
  assert.ok(perplexityOf(nll)! > 1);
  assert.instance(
    await generate(model, prompts, { ...options, edits }).catch((e) => e),
    InputError,
  );
  steering.dispose();
  model.dispose();
  tf.dispose([...cache.values(), logits, last, concise, plain, difference]);
});

test.run();
