/** Activation patching: where, and up to which block, the model holds what the question is about. */
import * as tf from '@tensorflow/tfjs-core';
import { type Hooks, openModel, residPost, runWithCache } from 'tiller';

export async function main() {
  const { model, tokenizer, encode, dispose } = await openModel('tiny-gemma2');
  const ids = (text: string) => tokenizer.encode(text, { bos: false });
  const begun = 'If you want to grow';
  const [clean, corrupted] = ['tomatoes', 'roses'].map((plant) => {
    return [...encode(`How do I grow ${plant}?`), ...ids(begun)];
  });
  const [right, wrong] = [ids(' tomatoes')[0], ids(' roses')[0]];

  /** How much rather the model says "tomatoes" than "roses" next, in logits. */
  const preference = (prompt: number[], hooks: Hooks = {}) =>
    tf.tidy(() => {
      const logits = model.forward([prompt], { hooks, logits: 'last' }).dataSync();
      return logits[right] - logits[wrong];
    });
  const { cache, logits } = runWithCache(model, [clean]);
  const [best, worst] = [preference(clean), preference(corrupted)];
  console.log(`"tomatoes" over "roses": ${best.toFixed(1)} clean, ${worst.toFixed(1)} corrupted`);

  /** How far the clean run's residual stream at one column brings the corrupted run back. */
  const restored = (layer: number, column: number) => {
    const here = clean.map((_, t) => [t === column ? 1 : 0]);
    const patch = (h: tf.Tensor) => h.add(cache.resid(layer).sub(h).mul([here]));
    return (preference(corrupted, { [residPost(layer)]: patch }) - worst) / (best - worst);
  };
  const topic = clean.findIndex((id, column) => id !== corrupted[column]);
  const table = Array.from({ length: model.config.nLayers }, (_, layer) => {
    const row = [restored(layer, topic), restored(layer, clean.length - 1)];
    const [a, b] = row.map((x) => x.toFixed(2));
    console.log(`patched after block ${layer}: ${a} at the topic, ${b} at the last token`);
    return row;
  });
  tf.dispose(logits);
  cache.dispose();
  dispose();
  return { best, worst, table };
}

if (require.main === module) main();
