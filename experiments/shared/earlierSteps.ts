/**
 * What a step takes from earlier steps is found by what that says about itself: model, data, seed and
 * all other settings. Where several things fit and differ, the user chooses; time decides nothing.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Row, readRun } from '../../src/runs/runFolder';
import { InputError } from '../../src/util/errors';
import { readProvenance } from '../../src/vectors/vectorFile';

/** What is looked for, by the names that vector files and run configs use. */
export type Expected = Record<string, unknown>;

export interface Wanted {
  /** What it must say about itself, in any case. */
  expected: Expected;
  /** Settings that this step has too: they must agree, unless the user or this `run.ts` chose. */
  settings?: Expected;
  /** Of several that fit, those that contradict this (one of a list, or a value) are left out. */
  preferred?: Expected;
  /** What else it lacks, by what it says; undefined for one that will do. */
  lacks?(says: Expected): string | undefined;
  /** Two of which this is equal come to the same; default: all that they say. */
  same?(says: Expected): unknown;
  /** The name that follows from this step's own settings: of several that come to the same, this. */
  usual: string;
  /** What was chosen by the user: a path, or a name in the folder. */
  chosen: string | null;
  /** The config key that chooses. */
  key: string;
  /** What earlier steps of this `run.ts` wrote. */
  made: readonly string[];
  /** The command that makes one. */
  how: string;
}

/** Something that an earlier step wrote, and what it says about itself. */
export interface Candidate {
  place: string;
  says: Expected;
}

/**
 * The vector file of a folder that was made for what is wanted.
 * @throws InputError listing what is there and why it doesn't fit; or, where several do, in what they
 *   differ and the key that chooses
 */
export function findVectorFile(folder: string, wanted: Wanted): string {
  const names = listFolder(folder).filter((name) => name.endsWith('.safetensors'));
  const here = names.map((name) => path.join(folder, name));
  const chosen = chosenPlace(folder, wanted.chosen, '.safetensors');
  const places = chosen ? [chosen] : here;
  const candidates = places.flatMap((place) => {
    try {
      return [{ place, says: without(readProvenance(place), ['checksum']) }];
    } catch (error) {
      if (!(error instanceof InputError) || chosen) throw error;
      console.log(`Left out, as it can't be read: ${error.message}`);
      return [];
    }
  });
  return choose(candidates, wanted, `vector file in ${folder}`, '.safetensors');
}

/**
 * The finished run below a folder that was made for what is wanted.
 * @throws InputError as `findVectorFile`
 */
export function findRun(folder: string, wanted: Wanted): string {
  const chosen = chosenPlace(folder, wanted.chosen, '');
  const runs = finishedRuns(folder);
  const candidates = chosen ? runs.filter(({ place }) => place === chosen) : runs;
  return choose(candidates, wanted, `finished run ${chosen ?? `in ${folder}`}`, '');
}

/** The finished runs below a folder, with their configs. */
export function finishedRuns(folder: string): Candidate[] {
  return listFolder(folder)
    .map((name) => path.join(folder, name))
    .filter((place) => fs.existsSync(path.join(place, 'summary.json')))
    .map((place) => ({ place, says: readRun<Row>(place).config }));
}

/**
 * What a dry run says that a step would take: what was chosen, what the steps before it would write,
 * else what follows from its own settings.
 */
export function foreseen(
  folder: string,
  { chosen, made, usual }: Pick<Wanted, 'chosen' | 'made' | 'usual'>,
  ending: string,
  isOne: (name: string) => boolean = () => true,
): string {
  const place = chosenPlace(folder, chosen, ending);
  const before = made.filter(
    (one) => path.dirname(one) === path.normalize(folder) && isOne(path.basename(one)),
  );
  return place ?? before.at(-1) ?? path.join(folder, usual);
}

/**
 * What the name of a run has to say about an input: nothing, where that follows from the run's own
 * settings.
 */
export function inputMark(folder: string, place: string, usual: string): string[] {
  const name = path.relative(folder, place);
  return name === usual ? [] : [name];
}

/** Settings but for some. */
export const without = (says: Expected, keys: string[]): Expected =>
  Object.fromEntries(Object.entries(says).filter(([key]) => !keys.includes(key)));

/** What a run says, but for where it and its inputs are: two that say the same come to the same. */
export const runItself = (says: Expected) =>
  without(says, ['name', 'output_path', 'data_path', 'vectors_file']);

/** What a vector file says, but for what adds nothing to the vectors themselves. */
export const vectorsThemselves = (says: Expected) =>
  without(says, ['num_final_tokens', 'activations', 'layers', 'data_path', 'tool']);

/** What is wrong with a vector file that lacks some of these layers. */
export function lacksLayers({ layers }: Expected, wanted: number[]): string | undefined {
  const there = parseList(layers);
  const missing = wanted.filter((layer) => !there.includes(layer));
  return missing.length ? `it has no layer ${missing.join(', ')}` : undefined;
}

/** A list that a file says in JSON; empty for anything else. */
export function parseList(text: unknown): unknown[] {
  try {
    const value: unknown = JSON.parse(String(text));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

const listFolder = (folder: string) => (fs.existsSync(folder) ? fs.readdirSync(folder).sort() : []);

function chosenPlace(folder: string, chosen: string | null, ending: string): string | undefined {
  if (chosen === null) return undefined;
  const name = chosen.endsWith(ending) ? chosen : chosen + ending;
  const inFolder = path.join(folder, name);
  return name.includes('/') && fs.existsSync(name) ? name : inFolder;
}

function choose(candidates: Candidate[], wanted: Wanted, what: string, ending: string): string {
  const { expected, settings = {}, lacks = () => undefined, key, made, how } = wanted;
  const misfits = (says: Expected, all: Expected) => {
    const others = Object.entries(all)
      .filter(([name, value]) => show(says[name]) !== show(value))
      .map(([name, value]) => `${name} is ${show(says[name])}, not ${show(value)}`);
    return others.length ? others : [lacks(says) ?? []].flat();
  };
  const fitting = candidates.filter(({ says }) => !misfits(says, expected).length);
  const own = fitting.filter(({ place }) => made.includes(place));
  const free = wanted.chosen === null && !own.length;
  const all = free ? { ...expected, ...settings } : expected;
  const pool = free ? fitting.filter(({ says }) => !misfits(says, all).length) : fitting;
  const preferred = narrow(own.length ? own : pool, wanted.preferred ?? {});
  if (!preferred.length) {
    const others = candidates.map(
      ({ place, says }) => `\n  ${place}: ${misfits(says, all).join('; ')}`,
    );
    const choice = fitting.length ? ` Or choose one by ${key}=.` : '';
    throw new InputError(
      `There is no fitting ${what}. Run first: ${how}.${choice}${others.length ? `\nWhat is there:${others.join('')}` : ''}`,
    );
  }
  const { same = (says: Expected) => says } = wanted;
  if (new Set(preferred.map(({ says }) => show(same(says)))).size > 1) {
    throw new InputError(severalMessage(preferred, what, key, ending));
  }
  const usual = preferred.find(({ place }) => path.basename(place) === wanted.usual);
  return (usual ?? preferred[0]).place;
}

/** Leaves out, one wish after the other, what contradicts it, where something remains. */
function narrow(candidates: Candidate[], preferred: Expected): Candidate[] {
  return Object.entries(preferred).reduce((some, [name, wish]) => {
    const values = [wish].flat().map(show);
    const rest = some.filter(
      ({ says }) => says[name] === undefined || values.includes(show(says[name])),
    );
    return rest.length ? rest : some;
  }, candidates);
}

/** Marks of content: they follow from settings, which say more to people. */
const MARKS = /sha256$|_keys$|_rows$|^(prompts|chosen_by)$/;
const PLACES = /^(name|output_path)$/;

function severalMessage(candidates: Candidate[], what: string, key: string, ending: string) {
  const names = [...new Set(candidates.flatMap(({ says }) => Object.keys(says)))];
  const all = names.filter(
    (name) => new Set(candidates.map(({ says }) => show(says[name]))).size > 1,
  );
  const marks = all.filter((name) => !PLACES.test(name));
  const settings = marks.filter((name) => !MARKS.test(name));
  const tellsApart = (some: string[]) =>
    new Set(candidates.map(({ says }) => show(some.map((name) => says[name])))).size ===
    candidates.length;
  const differing = [settings, marks].find(tellsApart) ?? all;
  const choices = candidates.map(({ place, says }) => {
    const told = differing.filter((name) => says[name] !== undefined);
    const value = key.endsWith('_name') || key === 'name' ? path.basename(place, ending) : place;
    return `\n  ${key}=${value}: ${told.map((name) => `${name} ${short(says[name])}`).join(', ')}`;
  });
  return `There is more than one fitting ${what}. Choose one:${choices.join('')}`;
}

const show = (value: unknown) => (value === undefined ? '(not recorded)' : JSON.stringify(value));

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : show(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
