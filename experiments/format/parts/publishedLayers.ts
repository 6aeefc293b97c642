import { findModel } from '../../../src/hub/fingerprint';
import { modelName } from '../../../src/hub/modelFolder';
import { InputError } from '../../../src/util/errors';
import { presetNames } from '../../shared/command/help';
import { type PublishedLayers, published } from '../../shared/command/presets';
import { layerCount } from '../../shared/layers';

export interface PublishedWanted {
  model_name: string;
  vectors_model: string | null;
  /** The config key `preset`. */
  preset?: string | null;
  include_instructions: 'each' | boolean | 'both';
}

/**
 * The layers that the paper found for a model.
 * @returns those for prompts without the instruction and those for prompts with it, or the one of the
 *   two that `include_instructions` says; instructions that are not listed are not steered
 * @throws InputError where none are published for this model with its own vectors, or one of them is
 *   none of the model's
 */
export function publishedLayers(wanted: PublishedWanted): PublishedLayers[] {
  const { model_name, vectors_model, preset = null, include_instructions } = wanted;
  const model = findModel(model_name);
  const layers = published(model_name, preset)?.format?.layers;
  const instead = 'layers_from=search finds some.';
  if (!layers) {
    const others = presetNames().filter((name) => published(name, name)?.format?.layers);
    throw new InputError(
      `There are no published layers for ${model.name}; there are for ${others.join(', ')}. ${instead}`,
    );
  }
  if (vectors_model !== null && modelName(vectors_model) !== model.name) {
    throw new InputError(
      `The published layers of ${model.name} are for its own vectors, not for those of ` +
        `${modelName(vectors_model)}. ${instead}`,
    );
  }
  if (include_instructions === 'both') {
    throw new InputError(
      'include_instructions=both chooses one layer by the answers to both kinds of prompts. Published ' +
        'are a choice for each (each), of which one may serve all prompts (false: without, or true).',
    );
  }
  const count = layerCount(model);
  const choices = Object.values(
    include_instructions === 'each'
      ? [layers.without, layers.with]
      : [include_instructions ? layers.with : layers.without],
  );
  const missing = choices
    .flatMap((choice) => Object.entries(choice))
    .filter(([, layer]) => layer >= count);
  if (!missing.length) return choices;
  const named = missing.map(([id, layer]) => `${layer} (${id})`).join(', ');
  throw new InputError(
    `The published layers don't fit: there is no layer ${named}; ${model.name} has 0 to ` +
      `${count - 1}. ${instead}`,
  );
}
