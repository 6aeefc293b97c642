import type { CausalLM } from '../engine/model';
import type { LanguageModel } from '../language/languageModel';
import { InputError } from '../util/errors';
import { hintFits } from './files/controlVector';
import type { VectorFile } from './files/types';

/** What is asked of a model, which need not be open. */
export interface FittingModel extends Pick<LanguageModel, 'name' | 'fingerprint'> {
  model: Pick<CausalLM, 'config' | 'modelType'>;
}

export interface FitOptions {
  /** What the vectors are called in errors. */
  file: string;
  /** Vectors of another model will do, as long as their width and layers fit. */
  anyModel?: boolean;
  /** How people ask for that; default: `--any-model`. */
  option?: string;
}

/**
 * @throws InputError for vectors of another width, of layers that the model lacks, or, unless
 *   `anyModel`, of another model; with the numbers
 */
export function checkVectorsFit(
  { directions, layers, provenance }: VectorFile,
  lm: FittingModel,
  { file, anyModel = false, option = '--any-model' }: FitOptions,
): void {
  const { dModel, nLayers } = lm.model.config;
  const whose = provenance.model ? ` of ${provenance.model}` : '';
  const wrong = [...directions].find(([, { unit }]) => unit[0].length !== dModel);
  if (wrong) {
    throw new InputError(
      `${file}: vectors${whose} have ${wrong[1].unit[0].length} numbers; the residual stream of ` +
        `${lm.name} has ${dModel}. They steer no model of another width.`,
    );
  }
  const beyond = layers.filter((layer) => layer >= nLayers);
  if (beyond.length) {
    throw new InputError(
      `${file}: vectors${whose} are of layers up to ${Math.max(...beyond)}; ${lm.name} has layers 0 to ` +
        `${nLayers - 1}.`,
    );
  }
  const { model_fingerprint: theirs, model_hint: hint } = provenance;
  const { modelType } = lm.model;
  if (!anyModel && hint !== undefined && !hintFits(hint, modelType)) {
    throw new InputError(
      `${file}: its control vector is for a ${hint} (model_hint); ${lm.name} is a ${modelType}. ` +
        `Their width fits: ${option} takes it all the same.`,
    );
  }
  if (anyModel || theirs === undefined || theirs === lm.fingerprint) return;
  throw new InputError(
    `${file}: its vectors were made with ${provenance.model ?? 'another model'} (${theirs}); this is ` +
      `${lm.name} (${lm.fingerprint}). Their width fits: ${option} takes them all the same, as for a ` +
      'base model steered by the vectors of its instruct model.',
  );
}
