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
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { loadModel } from '../models';
import { gemma2Weights, readConfig as readGemma2 } from '../models/gemma2';
import { phi3Weights, readConfig as readPhi3 } from '../models/phi3';
import { useBackend } from '../src/backend';
import type { WeightSource } from '../src/checkpoint';
import { InputError } from '../src/errors';
import { generate } from '../src/generate';
import { ModelConfig } from '../src/modelConfig';
import { seededRandom } from '../src/random';
import type { WeightDtype } from '../src/weightDtype';
import { float32ToBf16 } from '../weights/safetensors';

/** The keys of config.json that say something about the computation. */
const PUBLISHED: Record<string, Record<string, unknown>> = {
  'gemma-2-2b': {
    model_type: 'gemma2',
    vocab_size: 256000,
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    query_pre_attn_scalar: 256,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
    sliding_window: 4096,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    hidden_activation: 'gelu_pytorch_tanh',
    torch_dtype: 'bfloat16',
  },
  'phi-3.5-mini': {
    model_type: 'phi3',
    vocab_size: 32064,
    hidden_size: 3072,
    intermediate_size: 8192,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    max_position_embeddings: 131072,
    original_max_position_embeddings: 4096,
    rope_scaling: {
      type: 'longrope',
      short_factor: Array(48).fill(1),
      long_factor: Array(48).fill(8),
    },
    sliding_window: 262144,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    hidden_act: 'silu',
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
  },
};

/** The published keys, sizes multiplied by `scale` and rounded to what heads and windows allow. */
function scaled(name: string, scale: number): Record<string, unknown> {
  const config = PUBLISHED[name];
  if (!config) {
    throw new InputError(`"${name}" is not one of ${Object.keys(PUBLISHED).join(', ')}.`);
  }
  if (!(scale > 0 && scale <= 1)) throw new InputError('--scale is not a number up to 1.');
  const times = (key: string, step: number) =>
    Math.max(1, Math.round((scale * Number(config[key])) / step)) * step;
  return {
    ...config,
    head_dim: config.head_dim ?? 96,
    vocab_size: times('vocab_size', 32),
    hidden_size: times('hidden_size', 32),
    intermediate_size: times('intermediate_size', 32),
    num_hidden_layers: times('num_hidden_layers', 1),
  };
}

interface Shape {
  name: string;
  shape: number[];
  /** All ones, where random numbers would make the model vanish. */
  ones: boolean;
}

/** Every tensor of the model, by asking it. */
function tensorsOf(config: ModelConfig): Shape[] {
  const found: Shape[] = [];
  const note = <T>(name: string, shape: number[], ones = false) => {
    found.push({ name, shape, ones });
    return undefined as T;
  };
  const source: WeightSource = {
    linear: (name, inner, outer) => note(name, [outer, inner]),
    table: (name, rows, columns) => note(name, [rows, columns]),
    gain: (name, n) => note(name, [n], true),
    bias: (name, n) => note(name, [n]),
    gainLessOne: (name, n) => note(name, [n]),
  };
  if (config.values.model_type === 'phi3') phi3Weights(source, readPhi3(config));
  else gemma2Weights(source, readGemma2(config));
  return found;
}

const SHARD_BYTES = 5e9;
const bytesOf = ({ shape }: Shape) => 2 * shape.reduce((a, b) => a * b, 1);
const totalBytes = (tensors: Shape[]) => tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0);

/** How many numbers a published model has. */
export function parameters(name: string): number {
  return totalBytes(tensorsOf(new ModelConfig(scaled(name, 1), name))) / 2;
}

/**
 * Writes the checkpoint, a few MB in memory at a time.
 * @param dir made when it is not there
 * @returns bytes of weights
 */
export function writeRandomCheckpoint(name: string, dir: string, scale = 1): number {
  const config = scaled(name, scale);
  fs.mkdirSync(dir, { recursive: true });
  if (fs.readdirSync(dir).length) throw new InputError(`${dir} is not empty.`);
  fs.writeFileSync(path.join(dir, 'config.json'), JSON.stringify(config, null, 2));
  const shards: Shape[][] = [[]];
  let room = SHARD_BYTES;
  for (const tensor of tensorsOf(ModelConfig.open(dir))) {
    room -= bytesOf(tensor);
    if (room < 0) {
      shards.push([]);
      room = SHARD_BYTES - bytesOf(tensor);
    }
    shards.at(-1)?.push(tensor);
  }
  const random = seededRandom(1);
  // Of a length that no row has, so that rows differ.
  const block = Float32Array.from({ length: 2_097_143 }, () => 0.07 * (random() - 0.5));
  const numbers = float32ToBf16(block);
  const map: Record<string, string> = {};
  for (const [i, tensors] of shards.entries()) {
    const count = String(shards.length).padStart(5, '0');
    const file = `model-${String(i + 1).padStart(5, '0')}-of-${count}.safetensors`;
    writeShard(path.join(dir, file), tensors, new Uint8Array(numbers.buffer));
    for (const tensor of tensors) map[tensor.name] = file;
  }
  const total = totalBytes(shards.flat());
  const index = JSON.stringify({ metadata: { total_size: total }, weight_map: map });
  fs.writeFileSync(path.join(dir, 'model.safetensors.index.json'), index);
  return total;
}

function writeShard(file: string, tensors: Shape[], random: Uint8Array) {
  let end = 0;
  const header = tensors.map((tensor) => {
    const offsets = [end, end + bytesOf(tensor)];
    end = offsets[1];
    return [tensor.name, { dtype: 'BF16', shape: tensor.shape, data_offsets: offsets }];
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const fd = fs.openSync(file, 'w');
  const write = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done);
  };
  try {
    write(length);
    write(json);
    for (const tensor of tensors) {
      const bytes = bytesOf(tensor);
      // bfloat16 1 is 0x3f80.
      const from = tensor.ones ? Buffer.alloc(bytes, Buffer.of(0x80, 0x3f)) : random;
      for (let done = 0; done < bytes; done += from.length) {
        write(from.subarray(0, Math.min(from.length, bytes - done)));
      }
    }
  } finally {
    fs.closeSync(fd);
  }
}

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
  const shapes = tensorsOf(ModelConfig.open(dir));
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
  const prompt = Array.from({ length: 32 }, (_, i) => (i * 7919) % model.dims.vocabSize);
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

async function main() {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      scale: { type: 'string', default: '1' },
      dtype: { type: 'string', default: 'bfloat16' },
      tokens: { type: 'string', default: '32' },
    },
  });
  const [command, ...words] = positionals;
  const GB = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  if (command === 'write' && words.length === 2) {
    const total = writeRandomCheckpoint(words[0], words[1], Number(values.scale));
    console.log(`${words[1]}: ${GB(total)}, ${(total / 2).toLocaleString('en')} parameters`);
  } else if (command === 'load' && words.length === 1) {
    const figures = await measureLoad(words[0], values.dtype as WeightDtype, Number(values.tokens));
    const { weights, loadSeconds, rate, peak, promptSeconds, tokensPerSecond } = figures;
    console.log(`weights      ${GB(weights)} in ${values.dtype}`);
    console.log(`load         ${loadSeconds.toFixed(1)} s, ${(rate / 1e6).toFixed(0)} MB/s`);
    const over = (bytes: number) => `${GB(bytes)} (weights + ${GB(bytes - weights)})`;
    console.log(`peak         before ${GB(peak.before)}, loaded ${over(peak.loaded)}`);
    console.log(`             after generating ${over(peak.end)}`);
    console.log(`prompt       32 tokens in ${promptSeconds.toFixed(2)} s`);
    console.log(`generation   ${tokensPerSecond.toFixed(2)} tokens/s`);
  } else {
    throw new InputError('write <model> <folder> [--scale s], or load <folder> [--dtype d]');
  }
}

if (require.main === module) {
  main().catch((error) => {
    console.error(error instanceof InputError ? error.message : error);
    process.exitCode = error instanceof InputError ? 2 : 1;
  });
}
