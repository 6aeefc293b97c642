/** Logit lens: which token would be next if the model ended after each of its blocks. */
import * as tf from '@tensorflow/tfjs-core';
import { openModel, residPost, runWithCache } from 'tiller';

export async function logitLens(question: string) {
  const { model, tokenizer, encode, dispose } = await openModel('tiny-gemma2');
  const layers = Array.from({ length: model.config.nLayers }, (_, layer) => layer);
  const prompt = encode(question);
  const { logits, cache } = runWithCache(model, [prompt], { names: layers.map(residPost) });
  console.log(question);
  const table = layers.map((layer) =>
    tf.tidy(() => {
      const last = cache.logitLens(layer).gather([prompt.length - 1], 1); // [1, 1, V]
      const { values, indices } = tf.topk(last.softmax().flatten(), 3);
      const tokens = Array.from(indices.dataSync(), (id) => tokenizer.decode([id]));
      const shown = Array.from(values.dataSync(), (share, i) => {
        return `${JSON.stringify(tokens[i])} ${share.toFixed(2)}`;
      });
      console.log(`  after block ${layer}: ${shown.join('  ')}`);
      return tokens;
    }),
  );
  tf.dispose(logits);
  cache.dispose();
  dispose();
  return table;
}

async function main() {
  await logitLens('How do I grow tomatoes?');
  await logitLens('How do I grow tomatoes? Answer in lowercase.');
}

if (require.main === module) main();
