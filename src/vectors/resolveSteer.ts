/** From an edit as people ask for it (`SteerSpec`), with the vectors that it names, to numbers. */
import type { Edit } from '../engine/steering';
import type { LanguageModel } from '../language/languageModel';
import { InputError } from '../util/errors';
import { TILLER } from '../util/invocation';
import { findDirection, steer } from './steer';
import type { SteerSpec } from './steerSpec';
import type { VectorFile } from './vectorFile';

/**
 * The edit that a spec asks for. Where it names no layer, the rest of it is what a search found for
 * the vector, unless the spec says otherwise.
 * @throws InputError for a vector or layer that is not there, and where no layer is given and none
 *   was searched: with what the file holds, and what to write
 */
export function resolveSteer(spec: SteerSpec, vectors: VectorFile): Edit {
  const { file, ...options } = spec;
  try {
    findDirection(vectors.directions, options.name);
    if (options.layer === undefined) checkFound(spec, vectors);
    return steer(vectors, options);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${file}: ${error.message.replace(/^steer: /, '')}`);
  }
}

/** @throws InputError where no search has found a setting for the vector */
function checkFound({ file, name }: SteerSpec, { directions, layers, settings }: VectorFile): void {
  const names = [...directions.keys()];
  const which = name ?? names[0];
  if (settings && Object.hasOwn(settings, which)) return;
  const middle = layers[Math.floor(layers.length / 2)];
  const written = name === undefined ? file : `${file}:${name}`;
  throw new InputError(
    `no search has found a setting for "${which}", so say at which layer it acts, and how ` +
      `strongly: ${written}@${middle}*1x (it holds ${names.join(', ')} for layers ` +
      `${layers.join(', ')}), or have it found: ${TILLER} vector search.`,
  );
}

export interface FitOptions {
  /** What the vectors are called in errors. */
  file: string;
  /** Vectors of another model will do, as long as their width and layers fit. */
  anyModel?: boolean;
}

/**
 * @throws InputError for vectors of another width, of layers that the model lacks, or, unless
 *   `anyModel`, of another model; with the numbers
 */
export function checkVectorsFit(
  { directions, layers, provenance }: VectorFile,
  lm: Pick<LanguageModel, 'name' | 'fingerprint' | 'model'>,
  { file, anyModel = false }: FitOptions,
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
  const { model_fingerprint: theirs } = provenance;
  if (anyModel || theirs === undefined || theirs === lm.fingerprint) return;
  throw new InputError(
    `${file}: its vectors were made with ${provenance.model ?? 'another model'} (${theirs}); this is ` +
      `${lm.name} (${lm.fingerprint}). Their width fits: --any-model takes them all the same, as for a ` +
      'base model steered by the vectors of its instruct model.',
  );
}
