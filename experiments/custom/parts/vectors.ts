/** The vector that is made of a file of pairs: what `pairs` stands for in `steering`. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { ModelFiles } from '../../../src/hub/fingerprint';
import { InputError } from '../../../src/util/errors';
import { hashOf } from '../../../src/util/hash';
import type { Pair } from '../../../src/vectors/fromPairs';
import { readPairs } from '../../../src/vectors/readPairs';
import type { VectorFile } from '../../../src/vectors/vectorFile';
import { baseName, vectorFileName, vectorSettings } from '../../shared/command/names';
import type { ScriptContext } from '../../shared/command/script';
import { inputPath } from '../../shared/data/inputPath';
import { layerCount } from '../../shared/layers';
import type { Session, SessionConfig } from '../../shared/session';
import { clearLeftovers, computeDirections, modelProvenance } from '../../shared/vectors/compute';
import { loadDirections } from '../../shared/vectors/load';
import { PAIRS, type Way } from './steering';

/** Where the vector is, or will be, and what it is made of. */
export interface PairsSource {
  name: string;
  file: string;
  pairs: Pair[];
}

/**
 * Looks up the vector of pairs, before a model is loaded.
 * @returns undefined where no edit asks for it
 * @throws InputError for pairs that can't be read, or an edit at no layer of the model
 */
export function findPairsVector(
  model: ModelFiles,
  config: SessionConfig & { pairs_path: string | null; output_path: string },
  ways: Way[],
): PairsSource | undefined {
  const specs = ways.flatMap(({ edits }) => edits).filter(({ file }) => file === PAIRS);
  if (!specs.length) return undefined;
  if (config.pairs_path === null) {
    throw new InputError(
      `steering asks for "${PAIRS}", the vector of a file of pairs: give that file, pairs_path=...`,
    );
  }
  const count = layerCount(model);
  for (const { layer } of specs) {
    if (layer !== undefined && layer < count) continue;
    const what = layer === undefined ? 'needs a layer' : `has no layer ${layer}`;
    throw new InputError(
      `steering: "${PAIRS}" ${what}: ${model.name} has 0 to ${count - 1}. Write ${PAIRS}@0*1x.`,
    );
  }
  const pairs = readPairs(inputPath(config.pairs_path));
  const name = baseName(config.pairs_path);
  const folder = path.join(config.output_path, 'custom', model.name, 'vectors');
  const shown = `${name}_${hashOf(pairs)}`;
  const file = path.join(folder, vectorFileName('custom/evaluate', shown, vectorSettings(config)));
  return { name, file, pairs };
}

/** Tells that a dry step would compute the vector, where it is not there. */
export function tellPairsVector(
  { plans }: Pick<ScriptContext, 'plans'>,
  config: SessionConfig & { batch_size: number },
  { file, pairs }: PairsSource,
): void {
  if (fs.existsSync(file)) return;
  const prompts = new Set(pairs.flatMap(({ positive, negative }) => [positive, negative]));
  plans({ kind: 'vectors', place: file, model: config, prompts: [...prompts] });
}

/**
 * The mean difference of the pairs at the last prompt token of every layer, computed where it is
 * missing.
 * @throws InputError as `computeDirections` and `loadDirections`
 */
export async function needPairsVector(
  session: Session,
  { name, file, pairs }: PairsSource,
  batchSize: number,
): Promise<VectorFile> {
  const says = { kind: 'vector of pairs', ...modelProvenance(session), pairs: hashOf(pairs) };
  if (fs.existsSync(file)) clearLeftovers(file);
  else {
    console.log(`The vector of ${pairs.length} pairs is not there yet: computing it.`);
    const withIt = pairs.map(({ positive }) => positive);
    const without = pairs.map(({ negative }) => negative);
    await computeDirections(session, new Map([[name, { withIt, without }]]), file, says, {
      ...{ finalTokens: 1, batchSize, layers: null, keepActivations: false },
    });
  }
  return loadDirections(file, says);
}
