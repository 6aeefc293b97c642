import type { ModelConfig } from './configJson';
import { type CheckpointNames, reportUnread, tiedPair } from './names';
import {
  type LoadOptions,
  loadWeights,
  planWeights,
  type WeightFiles,
  type WeightSource,
} from './weights';

/** A checkpoint: what its config.json says, and where its weights are. */
export interface Checkpoint extends WeightFiles {
  config: ModelConfig;
}

/** What a model's file says of its checkpoints. */
export interface CheckpointParts<C, W> {
  /** @throws InputError for a key that is missing or unknown, or a value that is not computed */
  readConfig(file: ModelConfig): C;
  names: CheckpointNames;
  /** Every tensor of the model, asked for by its checkpoint name. */
  weights(source: WeightSource, config: C): W;
}

/**
 * A model's config and weights from its checkpoint; one line on stderr names what is of no effect
 * there.
 * @throws InputError when config.json or the weights are not of this architecture
 */
export function loadParts<C extends { nLayers: number; tied: boolean }, W>(
  from: Checkpoint,
  { readConfig, names, weights: build }: CheckpointParts<C, W>,
  options?: LoadOptions,
): [C, W] {
  const config = readConfig(from.config);
  const { weights, tied, unread } = loadWeights(from, names, config, build, options);
  reportUnread(from.place, from.config.unread, unread);
  return [{ ...config, tied }, weights];
}

/**
 * For where tensors have to be fetched before `loadParts` can read them: checks all that it would, and
 * has those fetched that it will read.
 * @param fetch fetches tensors, by the file's names for them, for the readers that `from` opens
 * @throws InputError as `loadParts`, before much is fetched
 */
export async function fetchParts<C extends { nLayers: number; tied: boolean }, W>(
  from: Checkpoint,
  { readConfig, names, weights: build }: CheckpointParts<C, W>,
  fetch: (tensors: string[]) => Promise<void>,
): Promise<void> {
  const config = readConfig(from.config);
  const file = from.open();
  await fetch(tiedPair(file.tensors, names, config.tied));
  const { used } = planWeights(file, from.place, names, config, build, 'float32');
  await fetch(used);
}
