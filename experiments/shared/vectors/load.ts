import { InputError } from '../../../src/util/errors';
import { type Direction, hasMeans } from '../../../src/vectors/direction';
import {
  loadVectors,
  type Provenance,
  readProvenance,
  type VectorFile,
} from '../../../src/vectors/vectorFile';

/**
 * Reads vectors with the means of the pairs that they come from, and checks that they are those wanted.
 * @param expected the provenance that must agree; other entries of the file are not looked at
 * @throws InputError listing each entry that differs (another model, other data, other settings), for
 *   vectors without means, or as `loadVectors`
 */
export function loadDirections(file: string, expected: Provenance = {}): VectorFile<Direction> {
  const says = readProvenance(file);
  const differences = Object.entries(expected)
    .filter(([key, value]) => says[key] !== value)
    .map(([key, value]) => `  ${key}: ${says[key] ?? '(not recorded)'} there, ${value} now`);
  if (says.layers && differences.length) {
    throw new InputError(
      `The representations in ${file} were computed for something else:\n${differences.join('\n')}\n` +
        'Remove that file to have them computed again, or choose another representations_folder.',
    );
  }
  const vectors = loadVectors(file);
  for (const [name, vector] of vectors.directions) {
    if (hasMeans(vector)) continue;
    throw new InputError(
      `${file}: "${name}" comes without the mean activations of its pairs, as vectors from other programs do. ` +
        'The experiments need them: for the targets of adjust_rs, and to check the vector against.',
    );
  }
  return vectors as VectorFile<Direction>;
}
