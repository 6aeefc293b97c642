import { didYouMean, InputError } from '../src/errors';
import type { CausalLM } from '../src/model';
import { ModelConfig } from '../src/modelConfig';
import { Gemma2 } from './gemma2';
import { GPT2 } from './gpt2';
import { Mistral } from './mistral';
import { Phi3 } from './phi3';

/** `model_type` of config.json → loader. A new architecture is one file and one line here. */
const LOADERS: Record<string, (dir: string) => CausalLM> = {
  gemma2: Gemma2.load,
  gpt2: GPT2.load,
  mistral: Mistral.load,
  phi3: Phi3.load,
};

/**
 * Loads a checkpoint folder as on the Hugging Face Hub: config.json and safetensors weights.
 * @throws InputError for an unknown `model_type`, or config and weights that do not fit
 */
export function loadModel(dir: string): CausalLM {
  const { values, file } = ModelConfig.open(dir);
  const type = String(values.model_type);
  const load = LOADERS[type];
  if (!load) {
    const known = Object.keys(LOADERS);
    throw new InputError(
      `${file}: model_type "${type}" is not supported (known: ${known.join(', ')}).${didYouMean(type, known)}`,
    );
  }
  return load(dir);
}
