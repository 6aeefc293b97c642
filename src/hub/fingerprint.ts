import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isModelFile } from './modelFiles';
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

/**
 * A mark of all files of a checkpoint that are read. Weight files up to 64 MiB count whole; of
 * larger ones the size and 64 evenly spaced blocks of 64 KiB, so that 20 GB take a moment.
 */
export function fingerprintModel(dir: string): string {
  const hash = createHash('sha256');
  const files = fs.readdirSync(dir).filter(isModelFile);
  for (const name of files.sort()) {
    const file = path.join(dir, name);
    const { size } = fs.statSync(file);
    hash.update(`${name} ${size}`);
    if (size <= 64 * 2 ** 20) hash.update(fs.readFileSync(file));
    else sample(file, size, (block) => hash.update(block));
  }
  return hash.digest('hex').slice(0, 16);
}

function sample(file: string, size: number, use: (block: Buffer) => void) {
  const block = Buffer.alloc(64 * 1024);
  const handle = fs.openSync(file, 'r');
  for (let i = 0; i < 64; i++) {
    const at = Math.floor((i * (size - block.length)) / 63);
    use(block.subarray(0, fs.readSync(handle, block, 0, block.length, at)));
  }
  fs.closeSync(handle);
}
