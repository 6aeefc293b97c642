/** Ablating heads: those that read the topic of the question, found by their attention, are silenced. */
import * as tf from '@tensorflow/tfjs-core';
import { type HookFn, hookName, openModel, runWithCache } from 'tiller';

/** Block and head. */
type Head = [layer: number, head: number];

export async function main() {
  const { model, tokenizer, encode, dispose } = await openModel('tiny-gemma2');
  const { nLayers, nHeads } = model.config;
  const ids = (text: string) => tokenizer.encode(text, { bos: false });
  const prompt = [...encode('How do I grow tomatoes?'), ...ids('If you want to grow')];
  const [right, wrong] = [ids(' tomatoes')[0], ids(' roses')[0]];
  const { cache, logits } = runWithCache(model, [prompt]);
  const all = Array.from({ length: nLayers * nHeads }, (_, i): Head => {
    return [Math.floor(i / nHeads), i % nHeads];
  });
  // Heads whose last query looks at the topic alone.
  const reading = all.filter(([layer, head]) => {
    const [pattern] = cache.at('pattern', layer).arraySync() as number[][][][];
    return pattern[head].at(-1)![prompt.indexOf(right)] > 0.9;
  });

  /** How much rather the model says "tomatoes" than "roses", in logits, without some heads. */
  const without = (heads: Head[]) => {
    const silence = ([layer]: Head): [string, HookFn] => {
      const gone = heads.filter((other) => other[0] === layer).map(([, head]) => head);
      const kept = Array.from({ length: nHeads }, (_, head) => [gone.includes(head) ? 0 : 1]);
      return [hookName('z', layer), (z) => z.mul(kept)]; // z [batch, pos, head, d]
    };
    const hooks = Object.fromEntries(heads.map(silence));
    const last = tf.tidy(() => model.forward([prompt], { hooks, logits: 'last' }).dataSync());
    return last[right] - last[wrong];
  };
  const others = reading.map(([layer, head]): Head => [layer, (head + 2) % nHeads]);
  const trials = [[], ...reading.map((head) => [head]), reading, others];
  const results = trials.map((heads) => ({ heads, preference: without(heads) }));
  for (const { heads, preference } of results) {
    const names = heads.map(([layer, head]) => `L${layer}H${head}`).join(', ') || 'none';
    console.log(`"tomatoes" over "roses" without ${names}: ${preference.toFixed(1)}`);
  }
  tf.dispose(logits);
  cache.dispose();
  dispose();
  return { reading, preferences: results.map(({ preference }) => preference) };
}

if (require.main === module) main();
