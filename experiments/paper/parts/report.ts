import * as path from 'node:path';
import { makeFolder, writeAtomic } from '../../../src/util/files';
import { toolVersion } from '../../../src/util/version';

/** One analysis: what it is, what its fields mean, where it comes from, and its figures. */
export interface Analysis {
  /** In a sentence. */
  what: string;
  /** Meaning of every field of the figures. */
  fields: Record<string, string>;
  /** Runs, vector files and settings. */
  from: Record<string, unknown>;
}

/**
 * Writes `<folder>/<name>.json`, whole or not at all, numbers to six digits.
 * @returns the file
 */
export function writeAnalysis(
  folder: string,
  name: string,
  { what, fields, from, ...figures }: Analysis & Record<string, unknown>,
): string {
  makeFolder(folder);
  const file = path.join(folder, `${name}.json`);
  const content = { what, fields, from: { ...from, tool: toolVersion }, ...figures };
  writeAtomic(file, `${JSON.stringify(content, sixDigits, 1)}\n`);
  return file;
}

const sixDigits = (_: string, value: unknown) =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
