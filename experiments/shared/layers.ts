import { findModelFolder } from '../../src/hub/modelFolder';
import type { Schema } from '../../src/runs/config';
import { InputError } from '../../src/util/errors';

/** How many layers a model has, from its config.json. @param dir its folder */
export function layerCount({ dir }: { dir: string }): number {
  // Loaded here, not above: --help needs none of it.
  const { ModelConfig } =
    require('../../src/checkpoint/configJson') as typeof import('../../src/checkpoint/configJson');
  const { values } = ModelConfig.open(dir);
  return Number(values.num_hidden_layers ?? values.n_layer);
}

/**
 * Looks up the layers of a config in the model's config.json, before anything is loaded.
 * @throws InputError for a layer that the model does not have
 */
export function refuseMissingLayers(schema: Schema, config: Record<string, unknown>): void {
  for (const [key, { ofLayers }] of Object.entries(schema)) {
    const layers = ofLayers ? [config[key] ?? []].flat() : [];
    if (!layers.length) continue;
    const { name, dir } = findModelFolder(String(config.model_name));
    const count = layerCount({ dir });
    const missing = layers.filter((layer) => Number(layer) >= count);
    if (!missing.length) continue;
    throw new InputError(
      `${key}: there is no layer ${missing.join(', ')}; ${name} has 0 to ${count - 1}.`,
    );
  }
}
