/** From an edit as people ask for it (`SteerSpec`), with the vectors that it names, to numbers. */
import type { Edit } from '../engine/steering';
import type { LanguageModel } from '../language/languageModel';
import { InputError } from '../util/errors';
import { findDirection, type SteerOptions, steer } from './steer';
import type { SteerSpec } from './steerSpec';
import type { VectorFile } from './vectorFile';

/** What a search found for a vector: see `vector search`. */
export type FoundSetting = Omit<SteerOptions, 'name' | 'source'>;

/** A vector file, with what a search found for its vectors, by name. */
export type Steerable = VectorFile & { settings?: ReadonlyMap<string, FoundSetting> };

/**
 * The edit that a spec asks for. Where it names no layer, layer, weight, kind and positions are those
 * that a search found for the vector, unless the spec has others.
 * @throws InputError for a vector or layer that is not there, and where no layer is given and none
 *   was searched: with what the file holds, and what to write
 */
export function resolveSteer(spec: SteerSpec, vectors: Steerable): Edit {
  const { file, name, layer, ...rest } = spec;
  try {
    findDirection(vectors.directions, name);
    const options = layer === undefined ? withFound(spec, vectors) : { layer, ...rest };
    return steer(vectors, { name, ...options } as SteerOptions);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${file}: ${error.message}`);
  }
}

/** The setting that was searched, with what the spec says otherwise. */
function withFound({ file, name, ...rest }: SteerSpec, vectors: Steerable) {
  const which = name ?? [...vectors.directions.keys()][0];
  const found = vectors.settings?.get(which);
  if (!found) throw new InputError(whatToWrite(file, vectors, name));
  if (!rest.kind || rest.kind === (found.kind ?? 'add')) return { ...found, ...rest };
  // Of another kind, the numbers of the search mean nothing.
  const { layer, positions } = found;
  return { layer, ...(positions && { positions }), ...rest };
}

function whatToWrite(file: string, { directions, layers }: Steerable, name?: string): string {
  const named = name === undefined ? file : `${file}:${name}`;
  const middle = layers[Math.floor(layers.length / 2)];
  const names = [...directions.keys()];
  return (
    `no search has found a setting for "${name ?? names[0]}", so say at which layer it acts, and how ` +
    `strongly: ${named}@${middle}*1x (it holds ${names.join(', ')} for layers ${layers.join(', ')}), ` +
    'or have it found: vector search.'
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
