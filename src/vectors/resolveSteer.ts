/** From an edit as people ask for it (`SteerSpec`), with the vectors that it names, to numbers. */
import type { Edit } from '../engine/steering';
import { InputError } from '../util/errors';
import { TILLER } from '../util/invocation';
import type { VectorFile } from './files/types';
import { findDirection, steer } from './steer';
import type { SteerSpec } from './steerSpec';

export { checkVectorsFit, type FitOptions } from './fit';

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
