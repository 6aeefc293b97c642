import { ModelConfig } from './configJson';
import { type CheckpointNames, reportUnread } from './names';
import { type LoadOptions, loadWeights, type WeightSource } from './weights';

/** What a model's file says of its checkpoints. */
export interface CheckpointParts<C, W> {
  /** @throws InputError for a key that is missing or unknown, or a value that is not computed */
  readConfig(file: ModelConfig): C;
  names: CheckpointNames;
  /** Every tensor of the model, asked for by its checkpoint name. */
  weights(source: WeightSource, config: C): W;
}

/**
 * A model's config and weights from its folder; one line on stderr names what is of no effect there.
 * @throws InputError when config.json or the weights are not of this architecture
 */
export function loadParts<C extends { nLayers: number; tied: boolean }, W>(
  dir: string,
  { readConfig, names, weights: build }: CheckpointParts<C, W>,
  options?: LoadOptions,
): [C, W] {
  const file = ModelConfig.open(dir);
  const config = readConfig(file);
  const { weights, tied, unread } = loadWeights(dir, names, config, build, options);
  reportUnread(dir, file.unread, unread);
  return [{ ...config, tied }, weights];
}
