/**
 * Models of real size, with random weights: how long they take to load, how much memory, and how
 * fast they write. Shapes and dtype are those of the published checkpoints.
 *
 *     npx ts-node bench/real-sizes.ts write gemma-2-2b /tmp/big          # 5.2 GB of disk
 *     npx ts-node bench/real-sizes.ts load /tmp/big --dtype bfloat16
 *     npx ts-node bench/real-sizes.ts write phi-3.5-mini /tmp/small --scale 0.1
 *
 * `write` puts config.json and bfloat16 shards into an empty folder. `load` loads them on tensorflow
 * (from a warm disk when written just before) and continues a prompt; `peak` is the most memory the
 * process ever had resident, weights, libtensorflow (0.4 GB) and all. 1 GB = 10^9 bytes.
 */
import { loadModel } from '../models';
import { useBackend } from '../src/backend';
import type { WeightDtype } from '../src/backend/weightDtype';
import { openConfig } from '../src/checkpoint/folder';
import { count, number, type Options, weightDtype } from '../src/commands/command';
import { generate } from '../src/engine/generate';
import { InputError } from '../src/util/errors';
import { runAsProgram } from '../src/util/script';
import { bytesOf, tensorsOf, totalBytes, writeRandomCheckpoint } from './shapes';

export interface LoadFigures {
  /** Bytes of the weights' matrices and vectors in memory, by their shapes. */
  weights: number;
  loadSeconds: number;
  /** Bytes of the files per second. */
  rate: number;
  /** Most bytes resident: before the model, once it is loaded, and after writing. */
  peak: { before: number; loaded: number; end: number };
  promptSeconds: number;
  tokensPerSecond: number;
}

/** Loads a folder of `writeRandomCheckpoint` on tensorflow and continues a prompt of 32 tokens. */
export async function measureLoad(
  dir: string,
  dtype: WeightDtype,
  tokens: number,
): Promise<LoadFigures> {
  const shapes = tensorsOf(openConfig(dir));
  const stored = totalBytes(shapes);
  const weights = shapes.reduce((sum, tensor) => {
    const wide = dtype === 'float32' || tensor.shape.length === 1;
    return sum + bytesOf(tensor) * (wide ? 2 : 1);
  }, 0);
  await useBackend('tensorflow');
  const peak = () => process.resourceUsage().maxRSS * 1024;
  const before = peak();
  const start = performance.now();
  const model = loadModel(dir, { dtype });
  const loadSeconds = (performance.now() - start) / 1000;
  const loaded = peak();
  const prompt = Array.from({ length: 32 }, (_, i) => (i * 7919) % model.config.vocabSize);
  const times = [performance.now()];
  await generate(model, [prompt], {
    maxNewTokens: tokens,
    onToken: () => times.push(performance.now()),
  });
  model.dispose();
  const decoding = (times[times.length - 1] - times[1]) / 1000;
  return {
    weights,
    loadSeconds,
    rate: stored / loadSeconds,
    peak: { before, loaded, end: peak() },
    promptSeconds: (times[1] - times[0]) / 1000,
    tokensPerSecond: (times.length - 2) / decoding,
  };
}

const OPTIONS = [
  ['--scale <s>', 'write: this share of the published sizes (default: 1)'],
  ['--dtype <dtype>', 'load: float32, bfloat16 or float16 (default: bfloat16)'],
  ['--tokens <n>', 'load: new tokens (default: 32)'],
] as const;

async function main([command, ...words]: string[], options: Options) {
  const scale = number(options, 'scale', 1, 'a number up to 1', (x) => x > 0 && x <= 1);
  const tokens = count(options, 'tokens', 32);
  const dtype = weightDtype(options) ?? 'bfloat16';
  const GB = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  if (command === 'write' && words.length === 2) {
    const total = writeRandomCheckpoint(words[0], words[1], { scale });
    console.log(`${words[1]}: ${GB(total)}, ${(total / 2).toLocaleString('en')} parameters`);
  } else if (command === 'load' && words.length === 1) {
    const figures = await measureLoad(words[0], dtype, tokens);
    const { weights, loadSeconds, rate, peak, promptSeconds, tokensPerSecond } = figures;
    console.log(`weights      ${GB(weights)} in ${dtype}`);
    console.log(`load         ${loadSeconds.toFixed(1)} s, ${(rate / 1e6).toFixed(0)} MB/s`);
    const over = (bytes: number) => `${GB(bytes)} (weights + ${GB(bytes - weights)})`;
    console.log(`peak         before ${GB(peak.before)}, loaded ${over(peak.loaded)}`);
    console.log(`             after generating ${over(peak.end)}`);
    console.log(`prompt       32 tokens in ${promptSeconds.toFixed(2)} s`);
    console.log(`generation   ${tokensPerSecond.toFixed(2)} tokens/s`);
  } else {
    throw new InputError('Give write <model> <folder>, or load <folder>. See --help.');
  }
}

runAsProgram(module, { options: OPTIONS, takes: [2, 3] }, ({ positionals, options }) =>
  main(positionals, options),
);
