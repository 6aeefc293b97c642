import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isModelFile, markedParts } from './modelFiles';
import { findModelFolder } from './modelFolder';

/** A model on disk: where it is, what to call it, and a mark that changes when its weights do. */
export interface ModelFiles {
  name: string;
  dir: string;
  fingerprint: string;
}

/**
 * Finds a model by alias, Hub id or folder, as `findModelFolder` does.
 * @throws InputError that says how to get a model that is not there
 */
export function findModel(given: string): ModelFiles {
  const { name, dir } = findModelFolder(given);
  return { name, dir, fingerprint: fingerprintModel(dir) };
}

/** A mark of all files of a checkpoint that are read, see `markedParts`. */
export function fingerprintModel(dir: string): string {
  const hash = createHash('sha256');
  const files = fs.readdirSync(dir).filter(isModelFile);
  for (const name of files.sort()) {
    const file = path.join(dir, name);
    const { size } = fs.statSync(file);
    hash.update(`${name} ${size}`);
    const handle = fs.openSync(file, 'r');
    for (const [from, to] of markedParts(size)) {
      const part = Buffer.alloc(to - from);
      hash.update(part.subarray(0, fs.readSync(handle, part, 0, part.length, from)));
    }
    fs.closeSync(handle);
  }
  return hash.digest('hex').slice(0, 16);
}
