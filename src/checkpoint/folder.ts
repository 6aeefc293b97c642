/** Checkpoints in folders. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Safetensors } from '../../weights/safetensors';
import { InputError } from '../util/errors';
import { ModelConfig } from './configJson';
import type { Checkpoint } from './load';
import { mayDiffer } from './names';

/**
 * What the config.json of a folder says.
 * @param dir the folder itself: names and aliases are for `findModelFolder` (src/hub) to find
 * @throws InputError when there is no such folder, or it has no readable config.json
 */
export function openConfig(dir: string): ModelConfig {
  if (typeof dir !== 'string' || dir.includes('\0')) {
    throw new InputError(`A model's folder must be text, not ${JSON.stringify(dir)}.`);
  }
  const file = join(dir, 'config.json');
  const stat = statSync(dir, { throwIfNoEntry: false });
  if (!stat) {
    throw new InputError(
      `${dir}: no such folder. To load a model by its name, alias or id on the Hub: loadModel(findModelFolder(${JSON.stringify(dir)}).dir)   (src/hub/modelFolder)`,
    );
  }
  if (!stat.isDirectory()) {
    throw new InputError(`${dir}: is a file; give the folder that holds config.json.`);
  }
  if (!existsSync(file)) {
    throw new InputError(
      `${dir}: is a folder, but holds no config.json. A model's folder has one beside its .safetensors files.`,
    );
  }
  return ModelConfig.parse(readText(file), file);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError(`${file} is not JSON that can be read: ${(error as Error).message}.`);
  }
}

/** The weights of a folder, whole or in shards. @throws InputError when its files are broken */
export const openWeights = (dir: string): Safetensors => Safetensors.openFolder(dir, mayDiffer);

/** A checkpoint folder; its weights are opened when they are asked for. @throws as `openConfig` */
export const openCheckpoint = (dir: string): Checkpoint => ({
  place: dir,
  config: openConfig(dir),
  open: () => openWeights(dir),
});
