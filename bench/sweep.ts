/**
 * The layer search against the loop of the original: every prompt once unsteered and once steered at
 * each layer, 128 new tokens.
 *
 *     npx ts-node bench/sweep.ts                              tiny-gemma2, 16 prompts, every layer
 *     npx ts-node bench/sweep.ts --model gpt2 --prompts 4     the GPT-2 124M shape, random weights
 *
 * Ours: all rows through `generate`, which computes what lies below the steered layers once. The
 * original: one row at a time, the whole text again for every token, here in the same engine; a few
 * rows are timed, and taken times their number. Both take turns.
 */
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { loadModel } from '../models';
import { useBackend } from '../src/backend';
import { generate } from '../src/engine/generate';
import type { CausalLM } from '../src/engine/model';
import { type Edit, Steering } from '../src/engine/steering';
import { localModelFolder } from '../src/hub/modelFolder';
import { seededRandom } from '../src/util/random';
import { fixed, formatTable } from '../src/util/table';
import { checkpoint, MODELS } from './bench';

const PROMPT = 32;

/** One row by the loop of the original. */
async function uncached(model: CausalLM, prompt: number[], edits: Edit[], tokens: number) {
  const ids = [...prompt];
  const steering = edits.length ? new Steering([edits], model.config) : undefined;
  for (let i = 0; i < tokens; i++) {
    const best = tf.tidy(() => tf.argMax(model.forward([ids], { steering, logits: 'last' }), -1));
    ids.push((await best.data())[0]);
    best.dispose();
  }
  steering?.dispose();
  return ids.slice(prompt.length);
}

async function main() {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: 'tiny-gemma2' },
      backend: { type: 'string' },
      prompts: { type: 'string', default: '16' },
      tokens: { type: 'string', default: '128' },
      repeats: { type: 'string', default: '3' },
      sample: { type: 'string', default: '2' },
    },
  });
  const backend = await useBackend(values.backend);
  const dir = values.model in MODELS ? checkpoint(values.model) : localModelFolder(values.model)!;
  const model = loadModel(dir);
  const { nLayers, dModel, vocabSize } = model.config;
  const [count, tokens, sample] = [values.prompts, values.tokens, values.sample].map(Number);
  const random = seededRandom(1);
  const vector = Float32Array.from({ length: dModel }, () => random() - 0.5);
  const rows = Array.from({ length: count }, () => {
    const prompt = Array.from({ length: PROMPT }, () => Math.floor(random() * vocabSize));
    const at = (layer: number): Edit[] => [{ kind: 'add', layer, vector, weight: 1 }];
    return [[], ...Array.from({ length: nLayers }, (_, layer) => at(layer))].map((edits) => {
      return { prompt, edits };
    });
  }).flat();
  const results = [];
  for (let i = 0; i < Number(values.repeats); i++) {
    let begin = performance.now();
    const found = await generate(
      model,
      rows.map(({ prompt }) => prompt),
      { maxNewTokens: tokens, edits: rows.map(({ edits }) => edits) },
    );
    const ours = (performance.now() - begin) / 1000;
    begin = performance.now();
    for (let s = 0; s < sample; s++) {
      const at = Math.floor(
        ((i * sample + s + 0.5) * rows.length) / (sample * Number(values.repeats)),
      );
      const { prompt, edits } = rows[at];
      const same = (await uncached(model, prompt, edits, tokens)).join();
      if (same !== found[at].tokens.join()) console.log(`Row ${at} is not the same in both.`);
    }
    const theirs = ((performance.now() - begin) / 1000 / sample) * rows.length;
    results.push([rows.length, fixed(ours, 1), fixed(theirs, 1), fixed(theirs / ours, 1)]);
  }
  console.log(
    `${values.model} on ${backend.name}, ${count} prompts × (none + ${nLayers} layers), ${tokens} tokens`,
  );
  console.log(formatTable(['rows', 'ours s', 'original s', 'ratio'], results));
}

main();
