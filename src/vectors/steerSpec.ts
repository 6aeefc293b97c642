/**
 * How people write an edit: `lowercase.safetensors:shout@4*1.5x:add:last` on a command line, or the
 * same as an object, in JSON. Both become a `SteerSpec`; with its vectors (`resolveSteer`), an edit.
 */
import { checkParameters, PARAMETERS } from '../engine/edit';
import { EDIT_KINDS, POSITIONS } from '../engine/steering';
import { checkCount, checkKeys, checkNumber, checkOneOf, optional, show } from '../util/check';
import { InputError } from '../util/errors';
import type { Setting } from './setting';
import { addWord, saysHow } from './steerWords';
import { isWeight, WEIGHT, type Weight } from './weight';

/** An edit as it is asked for: its vector by file and name, the rest as `steer` takes it. */
export interface SteerSpec extends Partial<Setting> {
  /** The file of the vector, or what a server calls it. */
  file: string;
  /** Which vector of the file; may be left out where there is one. */
  name?: string;
}

/** The form, for messages and --help. */
export const STEER_FORM = 'file[:name][@layer[*weight]][:kind][:positions]';
const EXAMPLE = 'such as lowercase.safetensors@4*1.5x, or v.safetensors:shout@4:project:last';

/**
 * Reads `file[:name][@layer[*weight]][:kind][:positions]`. Kinds are add (the default), project,
 * project(target), ablate, clamp, clamp(min,max), rotate(degrees) and rotate(degrees,vector);
 * positions all (the default), prompt, last and generated; beside them, when(…) is a condition (see
 * `addWord`). File and vector names may hold colons and at signs: the longest file that is there
 * counts.
 * @param isThere whether there is such a file (`isFile`); a server asks for names that it knows
 * @throws InputError saying what can't be read, and how it is written
 */
export function parseSteer(given: string, isThere: (file: string) => boolean): SteerSpec {
  const file = longestFile(given, isThere);
  if (!file) {
    const meant = /^(?:[A-Za-z]:[\\/])?[^:@]*/.exec(given)![0];
    throw new InputError(
      `"${given}" names no vector file: there is no ${meant || 'name before the first sign'}. ` +
        `Write ${STEER_FORM}, ${EXAMPLE}.`,
    );
  }
  const rest = given.slice(file.length);
  const [, before, layer, weight, after] =
    /^((?::.*?)?)@(\d+)(?:\*([^:@]*))?((?::[^@(]*(?:\([^()]*\))?)*)$/s.exec(rest) ?? [];
  const spec: SteerSpec = { file };
  const what = `"${given}"`;
  if (layer === undefined) {
    // Without a layer, words at the end that say how are taken for that, the rest for the name.
    const words = wordsOf(rest);
    const named = words.findLastIndex((word) => !saysHow(word)) + 1;
    const name = words.slice(0, named).join(':');
    if (rest && (!rest.startsWith(':') || name.includes('@'))) throw unreadable(given, rest);
    if (name) spec.name = name;
    for (const word of words.slice(named)) addWord(spec, word, what);
  } else {
    if (before.length > 1) spec.name = before.slice(1);
    spec.layer = Number(layer);
    if (weight !== undefined) spec.weight = readWeight(weight, what);
    for (const word of wordsOf(after)) addWord(spec, word, what);
  }
  return checkSteer(spec, what);
}

/** What stands between colons; those in brackets part nothing. */
const wordsOf = (text: string) => text.split(/:(?![^(]*\))/).slice(1);

const unreadable = (given: string, rest: string) =>
  new InputError(
    `"${given}": can't read "${rest}" after the file. Write ${STEER_FORM}, ${EXAMPLE}.`,
  );

/** What ends at a sign of the form, or at the end; the longest that is there. */
function longestFile(given: string, isThere: (file: string) => boolean): string | undefined {
  const ends = [...given.matchAll(/[:@]/g)].map(({ index }) => index);
  const starts = [...ends, given.length].map((end) => given.slice(0, end));
  return starts.findLast((start) => start && isThere(start));
}

function readWeight(text: string, what: string): Weight {
  const value = text.trim() === '' || /x$/.test(text) ? text : Number(text);
  if (isWeight(value)) return value;
  throw new InputError(`${what}: after * stands a weight, ${WEIGHT}, not "${text}".`);
}

const KEYS = ['file', 'name', 'layer', 'source', 'kind', 'positions', 'when', ...PARAMETERS];
const CONDITION = ['name', 'source', 'layer', 'above', 'below', 'of', 'at'];

/**
 * A spec that comes from outside: the JSON of a request.
 * @param what names it in errors: `steering[0]`
 * @throws InputError for a key that there isn't, a value that is none, or one that the kind lacks
 */
export function checkSteer(value: unknown, what: string): SteerSpec {
  checkKeys(what, value, KEYS);
  const spec = value as SteerSpec;
  const { kind = 'add', positions, weight, when } = spec;
  checkOneOf(`${what}: kind`, kind, EDIT_KINDS);
  optional(positions, (one) => checkOneOf(`${what}: positions`, one, POSITIONS));
  for (const key of ['file', 'name', 'second'] as const) {
    if (key === 'file' || spec[key] !== undefined) checkName(`${what}: ${key}`, spec[key]);
  }
  for (const key of ['layer', 'source'] as const) {
    optional(spec[key], (layer) => checkCount(`${what}: ${key}`, layer));
  }
  for (const key of ['target', 'min', 'max', 'angle'] as const) {
    optional(spec[key], (number) => checkNumber(`${what}: ${key}`, number));
  }
  if (weight !== undefined && !isWeight(weight)) {
    throw new InputError(`${what}: weight is ${show(weight)}, not ${WEIGHT}.`);
  }
  optional(when, (condition) => {
    checkKeys(`${what}: when`, condition, CONDITION);
    if (condition.name !== undefined) checkName(`${what}: when: name`, condition.name);
  });
  checkParameters(what, kind, spec);
  return spec;
}

function checkName(what: string, value: unknown): void {
  if (typeof value === 'string' && value) return;
  throw new InputError(`${what} is ${show(value)}, not a text.`);
}
