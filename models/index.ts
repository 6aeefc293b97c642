import { ModelConfig } from '../src/checkpoint/configJson';
import type { LoadOptions } from '../src/checkpoint/weights';
import type { CausalLM, ModelDims } from '../src/engine/model';
import { didYouMean, InputError } from '../src/util/errors';
import { Gemma2, readConfig as gemma2Config } from './gemma2';
import { Gemma3, readConfig as gemma3Config } from './gemma3';
import { GPT2, readConfig as gpt2Config } from './gpt2';
import { Llama, readConfig as llamaConfig } from './llama';
import { Mistral, readConfig as mistralConfig } from './mistral';
import { Olmo2, readConfig as olmo2Config } from './olmo2';
import { Phi3, readConfig as phi3Config } from './phi3';
import { Qwen2, readConfig as qwen2Config } from './qwen2';
import { Qwen3, readConfig as qwen3Config } from './qwen3';

interface Architecture {
  load(dir: string, options?: LoadOptions): CausalLM;
  readConfig(file: ModelConfig): ModelDims;
}

/** By `model_type` of config.json. A new architecture is one file and one line here. */
const ARCHITECTURES: Record<string, Architecture> = {
  gemma2: { load: Gemma2.load, readConfig: gemma2Config },
  gemma3: { load: Gemma3.load, readConfig: gemma3Config },
  gemma3_text: { load: Gemma3.load, readConfig: gemma3Config },
  gpt2: { load: GPT2.load, readConfig: gpt2Config },
  llama: { load: Llama.load, readConfig: llamaConfig },
  mistral: { load: Mistral.load, readConfig: mistralConfig },
  olmo2: { load: Olmo2.load, readConfig: olmo2Config },
  phi3: { load: Phi3.load, readConfig: phi3Config },
  qwen2: { load: Qwen2.load, readConfig: qwen2Config },
  qwen3: { load: Qwen3.load, readConfig: qwen3Config },
};

/**
 * Loads a checkpoint folder as on the Hugging Face Hub: config.json and safetensors weights.
 * @throws InputError for an unknown `model_type`, config and weights that do not fit, weights that
 *   do not fit into memory, or a dtype that the backend does not have
 */
export function loadModel(dir: string, options?: LoadOptions): CausalLM {
  return architectureOf(ModelConfig.open(dir)).load(dir, options);
}

/** What the config.json of a checkpoint folder says of its sizes. @throws InputError as `loadModel` */
export function readDims(dir: string): ModelDims {
  const file = ModelConfig.open(dir);
  return architectureOf(file).readConfig(file);
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
