/**
 * How fast models of published shapes read and write, with random weights.
 *
 *     npm run bench                                        both shapes, batches of 1, 8 and 32
 *     npm run bench -- --backend wasm --models gpt2 --batches 8
 *     npm run bench -- --models gpt2 --batches 1 --profile       time by kernel
 *     npm run bench -- --models gpt2 --contexts 64,256,1000      cost per token as the text grows
 *     npm run bench -- --naive                    and the original's loop: one row, no cache
 *     npm run bench -- --json > figures.json
 *
 * Prefill: a batch of prompts of 128 tokens, until the first new token. Decode: the tokens after it.
 * Each figure is the median of `--repeats` runs. `bench/peers.py` runs this against transformers;
 * for it, `--serve` answers one request per line of standard input.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import { loadModel } from '../models';
import { useBackend } from '../src/backend';
import {
  BACKEND_OPTION,
  count,
  DTYPE_OPTION,
  JSON_OPTION,
  type Options,
  text,
  weightDtype,
} from '../src/commands/command';
import { generate } from '../src/engine/generate';
import { KVCache } from '../src/engine/kvCache';
import type { CausalLM } from '../src/engine/model';
import { InputError } from '../src/util/errors';
import { seededRandom } from '../src/util/random';
import { runAsProgram } from '../src/util/script';
import { fixed, formatTable } from '../src/util/table';
import { writeRandomCheckpoint } from './shapes';

const PROMPT = 128;

/** What is measured: a name for the table, the published shape, how many blocks of it. */
export const MODELS: Record<string, { shape: string; layers?: number }> = {
  gpt2: { shape: 'gpt2' },
  'gemma-2-2b-4layers': { shape: 'gemma-2-2b', layers: 4 },
};

/** The checkpoint of a model, written when it is asked for first. */
export function checkpoint(name: string): string {
  const { shape, layers } = MODELS[name] ?? {};
  if (!shape) throw new InputError(`--models: "${name}" is not one of ${Object.keys(MODELS)}.`);
  const dir = path.join(__dirname, '.models', name);
  if (!fs.existsSync(path.join(dir, 'model.safetensors.index.json'))) {
    fs.rmSync(dir, { recursive: true, force: true });
    writeRandomCheckpoint(shape, dir, layers ? { layers } : {});
  }
  return dir;
}

/** Prompts of `length` random tokens, all different. */
function prompts(batch: number, length: number, vocab: number): number[][] {
  const random = seededRandom(batch * 1000 + length);
  return Array.from({ length: batch }, () =>
    Array.from({ length }, () => Math.floor(random() * vocab)),
  );
}

/** Seconds until the first new token of every row, and for the `tokens` after it. */
export async function measure(
  model: CausalLM,
  { batch, prompt = PROMPT, tokens }: { batch: number; prompt?: number; tokens: number },
): Promise<{ prefill: number; decode: number }> {
  const seen: number[] = [];
  const begin = performance.now();
  await generate(model, prompts(batch, prompt, model.config.vocabSize), {
    maxNewTokens: tokens + 1,
    batchSize: batch,
    onToken: () => seen.push(performance.now()),
  });
  const first = seen[batch - 1];
  return { prefill: (first - begin) / 1000, decode: (seen[seen.length - 1] - first) / 1000 };
}

/** Seconds per token at batch 1 by the loop of the original: the whole text again for each token. */
export async function measureUncached(model: CausalLM, prompt: number, tokens: number) {
  const [ids] = prompts(1, prompt, model.config.vocabSize);
  const begin = performance.now();
  for (let i = 0; i < tokens; i++) {
    const logits = model.forward([ids], { logits: 'last' });
    const best = tf.tidy(() => tf.argMax(logits, -1));
    ids.push((await best.data())[0]);
    tf.dispose([logits, best]);
  }
  return (performance.now() - begin) / 1000 / tokens;
}

const median = (values: number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function repeated<T extends Record<string, number>>(
  times: number,
  run: () => Promise<T>,
): Promise<T> {
  await run();
  const results: T[] = [];
  for (let i = 0; i < times; i++) results.push(await run());
  const names = Object.keys(results[0]);
  return Object.fromEntries(names.map((n) => [n, median(results.map((r) => r[n]))])) as T;
}

/** Seconds in each kernel, and in all, over a few decoding steps, op by op. */
async function profile(model: CausalLM, batch: number, steps: number): Promise<[string, number][]> {
  const cache = new KVCache(new Array(batch).fill(0), new Array(batch).fill(PROMPT));
  const dispose = (logits: tf.Tensor) => logits.dispose();
  dispose(model.forward(prompts(batch, PROMPT, model.config.vocabSize), { cache, logits: 'last' }));
  const seconds = new Map<string, number>();
  for (let step = 0; step < steps; step++) {
    const { kernels } = await tf.profile(() => {
      const ids = prompts(batch, 1, model.config.vocabSize);
      const logits = model.forward(ids, { cache, logits: 'last', graph: false });
      logits.dataSync();
      dispose(logits);
    });
    for (const { name, kernelTimeMs } of kernels) {
      const ms = typeof kernelTimeMs === 'number' ? kernelTimeMs : 0;
      seconds.set(name, (seconds.get(name) ?? 0) + ms / 1000 / steps);
    }
  }
  cache.dispose();
  return [...seconds].sort((a, b) => b[1] - a[1]);
}

const OPTIONS = [
  BACKEND_OPTION,
  DTYPE_OPTION,
  ['--models <names>', `Of ${Object.keys(MODELS)}, with commas (default: all)`],
  ['--batches <sizes>', 'Rows computed together (default: 1,8,32)'],
  ['--contexts <lengths>', `Tokens of a prompt (default: ${PROMPT})`],
  ['--tokens <n>', 'New tokens (default: 32)'],
  ['--repeats <n>', 'Runs, of which the median is shown (default: 3)'],
  ['--naive', "Measure the original's loop too"],
  ['--profile', 'Show the time by kernel instead'],
  ['--serve', 'Answer requests from standard input instead'],
  JSON_OPTION,
] as const;

/** Whole numbers with commas between them. @throws InputError for other things */
function counts(options: Options, name: string, fallback: string): number[] {
  const list = text(options, name) ?? fallback;
  return list.split(',').map((word) => count({ [name]: word }, name, undefined)!);
}

async function main(options: Options) {
  const names = (text(options, 'models') ?? Object.keys(MODELS).join()).split(',');
  const batches = counts(options, 'batches', '1,8,32');
  const contexts = counts(options, 'contexts', String(PROMPT));
  const [tokens, repeats] = [count(options, 'tokens', 32), count(options, 'repeats', 3)];
  const dtype = weightDtype(options) ?? 'float32';
  const dirs = names.map(checkpoint);
  const backend = await useBackend(text(options, 'backend'));
  const rows: Record<string, string | number | null>[] = [];
  for (const [i, name] of names.entries()) {
    const begin = performance.now();
    const model = loadModel(dirs[i], { dtype });
    const load = (performance.now() - begin) / 1000;
    if (options.serve) return serve(model);
    const naive = options.naive ? 1 / (await measureUncached(model, PROMPT, 8)) : 0;
    for (const batch of batches) {
      if (options.profile) {
        console.log(`${name}, batch ${batch}: ms per decoding step, by kernel`);
        const all = await profile(model, batch, 5);
        console.log(
          formatTable(
            ['kernel', 'ms'],
            all.map(([k, s]) => [k, fixed(s * 1000, 2)]),
          ),
        );
        continue;
      }
      for (const prompt of contexts) {
        const run = () => measure(model, { batch, prompt, tokens });
        const { prefill, decode } = await repeated(repeats, run);
        rows.push({
          model: name,
          batch,
          prompt,
          'load s': fixed(load, 1),
          'prefill tokens/s': fixed((batch * prompt) / prefill, 0),
          'decode tokens/s': fixed((batch * tokens) / decode, 1),
          'ms per step': fixed((1000 * decode) / tokens, 1),
          ...(naive ? { 'naive tokens/s': fixed(naive, 1) } : {}),
          'peak GB': fixed((process.resourceUsage().maxRSS * 1024) / 1e9, 2),
        });
      }
    }
    model.dispose();
  }
  if (options.json) console.log(JSON.stringify({ backend, dtype, rows }, null, 2));
  else if (rows.length) {
    console.log(`${backend.name} (${backend.detail}), ${dtype}`);
    console.log(
      formatTable(
        Object.keys(rows[0]),
        rows.map((row) => Object.values(row)),
      ),
    );
  }
}

/** A request per line, `{"batch": 8, "tokens": 32}` or `{"uncached": 8}`; a line of seconds back. */
async function serve(model: CausalLM) {
  console.log('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    const { uncached, prompt = PROMPT, ...request } = JSON.parse(line);
    const answer = uncached
      ? { perToken: await measureUncached(model, prompt, uncached) }
      : await measure(model, { prompt, ...request });
    console.log(JSON.stringify(answer));
  }
}

runAsProgram(module, { options: OPTIONS }, ({ options }) => main(options));
