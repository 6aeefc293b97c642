import * as path from 'node:path';
import { findModelFolder } from '../../src/hub/modelFolder';
import type { Schema, Sources } from '../../src/runs/config';
import { InputError } from '../../src/util/errors';
import { projectRoot } from '../../src/util/version';
import { presetsFolder } from './command/help';

/** How many layers a model has, from its config.json. @param dir its folder */
export function layerCount({ dir }: { dir: string }): number {
  // Loaded here, not above: --help needs none of it.
  const { openConfig } =
    require('../../src/checkpoint/folder') as typeof import('../../src/checkpoint/folder');
  const { values } = openConfig(dir);
  return Number(values.num_hidden_layers ?? values.n_layer);
}

/**
 * Looks up the layers of a config in the model's config.json, before anything is loaded.
 * @param told where values come from, and the step of a run
 * @throws InputError for a layer that the model does not have
 */
export function refuseMissingLayers(
  schema: Schema,
  config: Record<string, unknown>,
  { sources, step }: { sources: Sources; step?: string },
): void {
  for (const [key, { ofLayers }] of Object.entries(schema)) {
    const layers = ofLayers ? [config[key] ?? []].flat() : [];
    if (!layers.length) continue;
    const { name, dir } = findModelFolder(String(config.model_name));
    const count = layerCount({ dir });
    const missing = layers.filter((layer) => Number(layer) >= count);
    if (!missing.length) continue;
    const source = sources.get(key) ?? '';
    throw new InputError(
      `${key} (${shortly(source)}): there is no layer ${missing.join(', ')}; ` +
        `${name} has 0 to ${count - 1}.${whatToDo(step === undefined ? key : `${step}.${key}`, source)}`,
    );
  }
}

/** Files of the project from its folder on. */
const shortly = (source: string) =>
  source.startsWith(projectRoot + path.sep) ? path.relative(projectRoot, source) : source;

function whatToDo(key: string, source: string): string {
  if (source === 'command line') return '';
  const others =
    path.dirname(source) === presetsFolder
      ? ", or do without the paper's settings: preset=none"
      : '';
  return ` Give layers that it has (${key}=...)${others}.`;
}
