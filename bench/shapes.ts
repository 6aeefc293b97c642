/**
 * Checkpoints with the shapes of published models and random weights: for measurements where the
 * real ones can't be had, or are too large.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { askForWeights } from '../models';
import { ModelConfig } from '../src/checkpoint/configJson';
import { openConfig } from '../src/checkpoint/folder';
import type { WeightSource } from '../src/checkpoint/weights';
import { InputError } from '../src/util/errors';
import { seededRandom } from '../src/util/random';
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
  'llama-3.2-1b': {
    model_type: 'llama',
    vocab_size: 128256,
    hidden_size: 2048,
    intermediate_size: 8192,
    num_hidden_layers: 16,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 64,
    max_position_embeddings: 131072,
    rope_scaling: {
      rope_type: 'llama3',
      factor: 32,
      high_freq_factor: 4,
      low_freq_factor: 1,
      original_max_position_embeddings: 8192,
    },
    rms_norm_eps: 1e-5,
    rope_theta: 500000,
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
  },
  'qwen2.5-1.5b': {
    model_type: 'qwen2',
    vocab_size: 151936,
    hidden_size: 1536,
    intermediate_size: 8960,
    num_hidden_layers: 28,
    num_attention_heads: 12,
    num_key_value_heads: 2,
    max_position_embeddings: 32768,
    max_window_layers: 21,
    sliding_window: 32768,
    use_sliding_window: false,
    rms_norm_eps: 1e-6,
    rope_theta: 1000000,
    hidden_act: 'silu',
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
  },
  'gemma-3-1b': {
    model_type: 'gemma3_text',
    vocab_size: 262144,
    hidden_size: 1152,
    intermediate_size: 6912,
    num_hidden_layers: 26,
    num_attention_heads: 4,
    num_key_value_heads: 1,
    head_dim: 256,
    query_pre_attn_scalar: 256,
    attn_logit_softcapping: null,
    final_logit_softcapping: null,
    sliding_window: 512,
    sliding_window_pattern: 6,
    max_position_embeddings: 32768,
    rms_norm_eps: 1e-6,
    rope_theta: 1000000,
    rope_local_base_freq: 10000,
    rope_scaling: null,
    hidden_activation: 'gelu_pytorch_tanh',
    torch_dtype: 'bfloat16',
  },
  gpt2: {
    model_type: 'gpt2',
    vocab_size: 50257,
    n_embd: 768,
    n_layer: 12,
    n_head: 12,
    n_positions: 1024,
    layer_norm_epsilon: 1e-5,
    activation_function: 'gelu_new',
    torch_dtype: 'bfloat16',
  },
};

export interface ShapeOptions {
  /** Sizes are multiplied by it and rounded to what heads and windows allow; default 1. */
  scale?: number;
  /** Fewer blocks, all else as published. */
  layers?: number;
}

/** The published keys, or smaller ones. */
function configOf(name: string, { scale = 1, layers }: ShapeOptions): Record<string, unknown> {
  const config = PUBLISHED[name];
  if (!config) {
    throw new InputError(`"${name}" is not one of ${Object.keys(PUBLISHED).join(', ')}.`);
  }
  if (layers !== undefined) {
    return { ...config, ['n_layer' in config ? 'n_layer' : 'num_hidden_layers']: layers };
  }
  if (scale === 1) return config;
  if (!(scale > 0 && scale < 1) || 'n_layer' in config) {
    throw new InputError('--scale is not a number up to 1, or the model is too small for it.');
  }
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

export interface Shape {
  name: string;
  shape: number[];
  /** All ones, where random numbers would make the model vanish. */
  ones: boolean;
}

/** Every tensor of the model, by asking it. */
export function tensorsOf(config: ModelConfig): Shape[] {
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
  askForWeights(config, source);
  return found;
}

const SHARD_BYTES = 5e9;
export const bytesOf = ({ shape }: Shape) => 2 * shape.reduce((a, b) => a * b, 1);
export const totalBytes = (tensors: Shape[]) =>
  tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0);

/** How many numbers a published model has. */
export function parameters(name: string): number {
  return totalBytes(tensorsOf(new ModelConfig(configOf(name, {}), name))) / 2;
}

/**
 * Writes the checkpoint, a few MB in memory at a time.
 * @param dir made when it is not there
 * @returns bytes of weights
 */
export function writeRandomCheckpoint(
  name: string,
  dir: string,
  options: ShapeOptions = {},
): number {
  const config = configOf(name, options);
  fs.mkdirSync(dir, { recursive: true });
  if (fs.readdirSync(dir).length) throw new InputError(`${dir} is not empty.`);
  // transformers refuses a whole number here; JSON knows no other kind.
  const text = JSON.stringify(config, null, 2).replace(
    /(_softcapping|_theta)": (\d+)/g,
    '$1": $2.0',
  );
  fs.writeFileSync(path.join(dir, 'config.json'), text);
  const shards: Shape[][] = [[]];
  let room = SHARD_BYTES;
  for (const tensor of tensorsOf(openConfig(dir))) {
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
