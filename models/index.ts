/** Models of checkpoint folders. Which there are: architectures.ts. */
import { openCheckpoint, openConfig } from '../src/checkpoint/folder';
import type { LoadOptions } from '../src/checkpoint/weights';
import type { CausalLM, ModelDims } from '../src/engine/model';
import { dimsOf, modelOf } from './architectures';

export { askForWeights } from './architectures';

/**
 * Loads a checkpoint folder as on the Hugging Face Hub: config.json and safetensors weights.
 * @throws InputError as `modelOf`, and for what is no such folder
 */
export const loadModel = (dir: string, options?: LoadOptions): CausalLM =>
  modelOf(openCheckpoint(dir), options);

/** What the config.json of a checkpoint folder says of its sizes. @throws InputError as `loadModel` */
export const readDims = (dir: string): ModelDims => dimsOf(openConfig(dir));

/** What can be said of a model that is not open: by its config.json. @throws InputError as `loadModel` */
export function describeModel(dir: string): Pick<CausalLM, 'config' | 'modelType'> {
  const config = openConfig(dir);
  return { config: dimsOf(config), modelType: String(config.values.model_type) };
}
