/** Where answers are written. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../../util/errors';
import { explainWriting, isFolder, makeFolder, writeAtomic } from '../../util/files';
import { type Options, text } from '../command';

export const FORMATS = ['text', 'json', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];

/**
 * How answers are written: as `--json` or `--jsonl` says, else as the name after `--out` ends.
 * @throws InputError for both at once
 */
export function formatOf(options: Options): Format {
  if (options.json && options.jsonl) throw new InputError('Give --json or --jsonl, not both.');
  if (options.json) return 'json';
  if (options.jsonl) return 'jsonl';
  const ending = path.extname(text(options, 'out') ?? '').slice(1);
  return FORMATS.find((format) => format === ending) ?? 'text';
}

export interface Output {
  isTerminal: boolean;
  /** Writes lines as they come. */
  write(text: string): void;
  /** Writes a whole file, or nothing of it. */
  writeWhole(text: string): void;
}

/**
 * Standard output, or the file of `--out`.
 * @throws InputError for a file that is there already, unless --force is given, or can't be written
 */
export function openOutput(options: Options): Output {
  const file = text(options, 'out');
  if (file === undefined) {
    const write = (content: string) => void process.stdout.write(content);
    return { isTerminal: Boolean(process.stdout.isTTY), write, writeWhole: write };
  }
  refuseExisting(file, Boolean(options.force));
  makeFolder(path.dirname(file));
  const told = (act: () => void) => explainWriting(file, act);
  let started = false;
  return {
    isTerminal: false,
    write(content) {
      told(() => fs.writeFileSync(file, content, { flag: started ? 'a' : 'w' }));
      started = true;
    },
    writeWhole: (content) => told(() => writeAtomic(file, content)),
  };
}

/** @throws InputError for a file that is there already, unless it may be replaced */
export function refuseExisting(file: string, force: boolean): void {
  if (isFolder(file)) throw new InputError(`${file} is a folder: give the name of a file.`);
  if (force || !fs.existsSync(file)) return;
  throw new InputError(`${file} is there already: --force replaces it, or give another name.`);
}
