import { ModelConfig } from '../src/checkpoint/configJson';
import type { LoadOptions } from '../src/checkpoint/weights';
import type { CausalLM } from '../src/engine/model';
import { didYouMean, InputError } from '../src/util/errors';
import { Gemma2 } from './gemma2';
import { GPT2 } from './gpt2';
import { Mistral } from './mistral';
import { Phi3 } from './phi3';

/** `model_type` of config.json → loader. A new architecture is one file and one line here. */
const LOADERS: Record<string, (dir: string, options?: LoadOptions) => CausalLM> = {
  gemma2: Gemma2.load,
  gpt2: GPT2.load,
  mistral: Mistral.load,
  phi3: Phi3.load,
};

/**
 * Loads a checkpoint folder as on the Hugging Face Hub: config.json and safetensors weights.
 * @throws InputError for an unknown `model_type`, config and weights that do not fit, weights that
 *   do not fit into memory, or a dtype that the backend does not have
 */
export function loadModel(dir: string, options?: LoadOptions): CausalLM {
  const { values, file } = ModelConfig.open(dir);
  const type = values.model_type;
  const known = Object.keys(LOADERS);
  if (typeof type !== 'string') {
    throw new InputError(
      `${file}: "model_type" is ${JSON.stringify(type) ?? 'missing'}, not one of ${known.join(', ')}.`,
    );
  }
  const load = Object.hasOwn(LOADERS, type) ? LOADERS[type] : undefined;
  if (!load) {
    throw new InputError(
      `${file}: model_type "${type}" is not supported (known: ${known.join(', ')}).${didYouMean(type, known)}`,
    );
  }
  return load(dir, options);
}
