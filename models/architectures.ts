import type { ModelConfig } from '../src/checkpoint/configJson';
import { type Checkpoint, type CheckpointParts, fetchParts } from '../src/checkpoint/load';
import type { LoadOptions, WeightSource } from '../src/checkpoint/weights';
import type { CausalLM, ModelDims } from '../src/engine/model';
import { didYouMean, InputError } from '../src/util/errors';
import { Gemma2 } from './gemma2';
import { Gemma3 } from './gemma3';
import { GPT2 } from './gpt2';
import { Llama } from './llama';
import { Mistral } from './mistral';
import { Olmo2 } from './olmo2';
import { Phi3 } from './phi3';
import { Qwen2 } from './qwen2';
import { Qwen3 } from './qwen3';

interface Architecture {
  load(from: Checkpoint, options?: LoadOptions): CausalLM;
  parts: CheckpointParts<ModelDims & { tied: boolean }, object>;
}

/** By `model_type` of config.json. A new architecture is one file and one line here. */
const ARCHITECTURES: Record<string, Architecture> = {
  gemma2: Gemma2,
  gemma3: Gemma3,
  gemma3_text: Gemma3,
  gpt2: GPT2,
  llama: Llama,
  mistral: Mistral,
  olmo2: Olmo2,
  phi3: Phi3,
  qwen2: Qwen2,
  qwen3: Qwen3,
};

/**
 * The model of a checkpoint, wherever that is.
 * @throws InputError for an unknown `model_type`, config and weights that do not fit, weights that do
 *   not fit into memory, or a dtype that the backend does not have
 */
export const modelOf = (from: Checkpoint, options?: LoadOptions): CausalLM =>
  architectureOf(from.config).load(from, options);

/** What a config.json says of a model's sizes. @throws InputError as `modelOf` */
export const dimsOf = (file: ModelConfig): ModelDims => architectureOf(file).parts.readConfig(file);

/** Has the tensors fetched that `modelOf` will read, see `fetchParts`. @throws as `modelOf` */
export const fetchTensors = (
  from: Checkpoint,
  fetch: (tensors: string[]) => Promise<void>,
): Promise<void> => fetchParts(from, architectureOf(from.config).parts, fetch);

/** Asks a source for every tensor that a config makes. @throws InputError as `loadModel` */
export function askForWeights(file: ModelConfig, source: WeightSource): void {
  const { parts } = architectureOf(file);
  parts.weights(source, parts.readConfig(file));
}

function architectureOf({ values, file }: ModelConfig): Architecture {
  const type = values.model_type;
  const known = Object.keys(ARCHITECTURES);
  if (typeof type !== 'string') {
    throw new InputError(
      `${file}: "model_type" is ${JSON.stringify(type) ?? 'missing'}, not one of ${known.join(', ')}.`,
    );
  }
  if (Object.hasOwn(ARCHITECTURES, type)) return ARCHITECTURES[type];
  throw new InputError(
    `${file}: model_type "${type}" is not supported (known: ${known.join(', ')}).${didYouMean(type, known)}`,
  );
}
