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
import * as tf from '@tensorflow/tfjs-core';
import { loadModel } from '../models';
import { useBackend } from '../src/backend';
import { BACKEND_OPTION, count, type Options, text } from '../src/commands/command';
import { generate } from '../src/engine/generate';
import type { CausalLM } from '../src/engine/model';
import { type Edit, Steering } from '../src/engine/steering';
import { findModelFolder } from '../src/hub/modelFolder';
import { seededRandom } from '../src/util/random';
import { runAsProgram } from '../src/util/script';
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

const OPTIONS = [
  ['--model <model>', `A folder, or one of ${Object.keys(MODELS)} (default: tiny-gemma2)`],
  BACKEND_OPTION,
  ['--prompts <n>', 'How many prompts (default: 16)'],
  ['--tokens <n>', 'New tokens of each answer (default: 128)'],
  ['--repeats <n>', 'Turns of both sides (default: 3)'],
  ['--sample <n>', "Rows of a turn that the original's loop computes (default: 2)"],
] as const;

async function main(options: Options) {
  const [prompts, tokens] = [count(options, 'prompts', 16), count(options, 'tokens', 128)];
  const [repeats, sample] = [count(options, 'repeats', 3), count(options, 'sample', 2)];
  const name = text(options, 'model') ?? 'tiny-gemma2';
  const dir = name in MODELS ? checkpoint(name) : findModelFolder(name).dir;
  const backend = await useBackend(text(options, 'backend'));
  const model = loadModel(dir);
  const { nLayers, dModel, vocabSize } = model.config;
  const random = seededRandom(1);
  const vector = Float32Array.from({ length: dModel }, () => random() - 0.5);
  const rows = Array.from({ length: prompts }, () => {
    const prompt = Array.from({ length: PROMPT }, () => Math.floor(random() * vocabSize));
    const at = (layer: number): Edit[] => [{ kind: 'add', layer, vector, weight: 1 }];
    return [[], ...Array.from({ length: nLayers }, (_, layer) => at(layer))].map((edits) => {
      return { prompt, edits };
    });
  }).flat();
  const results = [];
  for (let i = 0; i < repeats; i++) {
    let begin = performance.now();
    const found = await generate(
      model,
      rows.map(({ prompt }) => prompt),
      { maxNewTokens: tokens, edits: rows.map(({ edits }) => edits) },
    );
    const ours = (performance.now() - begin) / 1000;
    begin = performance.now();
    for (let s = 0; s < sample; s++) {
      const at = Math.floor(((i * sample + s + 0.5) * rows.length) / (sample * repeats));
      const { prompt, edits } = rows[at];
      const same = (await uncached(model, prompt, edits, tokens)).join();
      if (same !== found[at].tokens.join()) console.log(`Row ${at} is not the same in both.`);
    }
    const theirs = ((performance.now() - begin) / 1000 / sample) * rows.length;
    results.push([rows.length, fixed(ours, 1), fixed(theirs, 1), fixed(theirs / ours, 1)]);
  }
  console.log(
    `${name} on ${backend.name}, ${prompts} prompts × (none + ${nLayers} layers), ${tokens} tokens`,
  );
  console.log(formatTable(['rows', 'ours s', 'original s', 'ratio'], results));
}

runAsProgram(module, { options: OPTIONS }, ({ options }) => main(options));
