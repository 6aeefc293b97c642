import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Row, readRun } from '../../src/runs/runFolder';
import { InputError } from '../../src/util/errors';
import { Safetensors } from '../../weights/safetensors';
import type { Provenance } from './vectors/vectorFile';

/** What a step looks for among what earlier steps wrote: all entries must agree. */
export type Expected = Record<string, unknown>;

/** Something that an earlier step wrote, and what it says about itself. */
interface Candidate {
  place: string;
  says: Record<string, unknown>;
  /** Milliseconds since 1970; the newest fitting one is taken. */
  written: number;
}

/**
 * The newest vector file of a folder that was made for `expected`, found by what it says about itself.
 * @param how what to run when there is none
 * @param lacks what else a file lacks, by what it says; undefined for one that will do
 * @throws InputError listing what is there and why it doesn't fit
 */
export function findVectorFile(
  folder: string,
  expected: Provenance,
  how: string,
  lacks?: (says: Record<string, unknown>) => string | undefined,
): string {
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  const candidates = names
    .filter((name) => name.endsWith('.safetensors'))
    .map((name) => {
      const place = path.join(folder, name);
      const file = Safetensors.open(place);
      const says = file.metadata;
      file.close();
      return { place, says, written: fs.statSync(place).mtimeMs };
    });
  return choose(candidates, expected, `vector file in ${folder}`, how, lacks);
}

/**
 * The newest finished run below a folder whose config agrees with `expected`.
 * @throws InputError as `findVectorFile`
 */
export function findRun(folder: string, expected: Expected, how: string): string {
  return choose(finishedRuns(folder), expected, `finished run in ${folder}`, how);
}

/** The finished runs below a folder, with their configs. */
export function finishedRuns(folder: string): Candidate[] {
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  return names
    .map((name) => path.join(folder, name))
    .filter((place) => fs.existsSync(path.join(place, 'summary.json')))
    .map((place) => {
      const { config } = readRun<Row>(place);
      const { mtimeMs } = fs.statSync(path.join(place, 'summary.json'));
      return { place, says: config, written: mtimeMs };
    });
}

function choose(
  candidates: Candidate[],
  expected: Expected,
  what: string,
  how: string,
  lacks: (says: Record<string, unknown>) => string | undefined = () => undefined,
): string {
  const show = (value: unknown) => (value === undefined ? '(not recorded)' : JSON.stringify(value));
  const misfits = (says: Record<string, unknown>) => {
    const others = Object.entries(expected)
      .filter(([key, value]) => show(says[key]) !== show(value))
      .map(([key, value]) => `${key} is ${show(says[key])}, not ${show(value)}`);
    return others.length ? others : [lacks(says) ?? []].flat();
  };
  const fitting = candidates.filter(({ says }) => !misfits(says).length);
  if (fitting.length) return fitting.reduce((a, b) => (b.written > a.written ? b : a)).place;
  const others = candidates.map(({ place, says }) => `\n  ${place}: ${misfits(says).join('; ')}`);
  throw new InputError(
    `There is no fitting ${what}. Run first: ${how}${others.length ? `\nWhat is there:${others.join('')}` : ''}`,
  );
}
