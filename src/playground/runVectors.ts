/** The vectors that experiments have written. Of Node: the page has no folders. */
import { readdirSync } from 'node:fs';
import * as path from 'node:path';
import type { LanguageModel } from '../language/languageModel';
import { InputError } from '../util/errors';
import type { Shelf } from '../vectors/shelf';
import { loadVectors, readProvenance } from '../vectors/vectorFile';
import type { Origins } from './vectors';

/** Parts of a path that say nothing about one of several vector files. */
const USUAL = ['representations', 'vectors'];

/**
 * Puts the vector files below a folder of results on a shelf, those of other models aside.
 * @param origins gets where each lies
 * @returns the files that can't be used, and why; and how many are of other models
 */
export function findRunVectors(
  folder: string,
  lm: LanguageModel,
  shelf: Shelf,
  origins: Origins,
): { leftOut: { file: string; reason: string }[]; others: number } {
  let others = 0;
  const leftOut: { file: string; reason: string }[] = [];
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const name of names.filter((one) => one.endsWith('.safetensors')).sort()) {
    const file = path.join(folder, name);
    try {
      const { layers, model_fingerprint: theirs } = readProvenance(file);
      const other = theirs !== undefined && theirs !== lm.fingerprint;
      if (layers === undefined) continue;
      if (other && !shelf.anyModel) {
        others++;
        continue;
      }
      const id = freeName(name, lm.name, shelf);
      shelf.add(id, loadVectors(file));
      origins.set(id, { from: 'run', path: file });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      leftOut.push({ file, reason: error.message });
    }
  }
  return { leftOut, others };
}

/** `length/tiny-gemma2/representations/questions.safetensors` → `length-questions.safetensors` */
function freeName(name: string, model: string, shelf: Shelf): string {
  const parts = name.split(path.sep);
  const short = parts.filter((part) => part !== model && !USUAL.includes(part)).join('-');
  if (!shelf.has(short)) return short;
  const long = parts.join('-');
  for (let n = 1; ; n++) {
    const numbered = n === 1 ? long : `${n}-${long}`;
    if (!shelf.has(numbered)) return numbered;
  }
}
