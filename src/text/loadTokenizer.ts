import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../util/errors';
import type { TextFiles } from './textFiles';
import { openTokenizer, type Tokenizer } from './tokenizer';

/**
 * The tokenizer of a checkpoint folder, see `openTokenizer`.
 * @throws InputError as that, and where there is no such folder
 */
export function loadTokenizer(dir: string): Tokenizer {
  if (!existsSync(dir)) {
    throw new InputError(`There is no folder ${dir}. Give the folder of a checkpoint.`);
  }
  return openTokenizer(filesIn(dir));
}

const filesIn = (dir: string): TextFiles => ({
  place: dir,
  pathOf: (name) => join(dir, name),
  read(name) {
    const file = join(dir, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  },
});
