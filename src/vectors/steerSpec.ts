/**
 * How people write an edit: `lowercase.safetensors:shout@4*1.5x:add:last` on a command line, or the
 * same as an object, in JSON. Both become a `SteerSpec`; with its vectors (`resolveSteer`), an edit.
 */
import { statSync } from 'node:fs';
import { POSITIONS, type Positions } from '../engine/steering';
import { checkCount, checkKeys, checkNumber, checkOneOf, show } from '../util/check';
import { didYouMean, InputError } from '../util/errors';
import { isWeight, WEIGHT, type Weight } from './weight';

/** The kinds of edits, and what each takes beside its vector, in the order of `clamp(-2,3)`. */
const PARAMETERS = {
  add: [],
  project: ['target'],
  ablate: [],
  clamp: ['min', 'max'],
  rotate: ['angle'],
} as const;
export type SteerKind = keyof typeof PARAMETERS;
const KINDS = Object.keys(PARAMETERS) as SteerKind[];
const NUMBERS = ['target', 'min', 'max', 'angle'] as const;

/** An edit as it is asked for: the vector by file and name, the rest as `steer` takes it. */
export interface SteerSpec {
  /** The file of the vector, or what a server calls it. */
  file: string;
  /** Which vector of the file; may be left out where there is one. */
  name?: string;
  /** The block whose output is edited; without it, as the file's search found. */
  layer?: number;
  /** For kind add: a number, or `1.5x`. */
  weight?: Weight;
  kind?: SteerKind;
  positions?: Positions;
  /** For project: what h·u becomes. */
  target?: number;
  /** For clamp: the range of h·u. */
  min?: number;
  max?: number;
  /** For rotate, in degrees. */
  angle?: number;
}

/** The form, for messages and --help. */
export const STEER_FORM = 'file[:name][@layer[*weight]][:kind][:positions]';
const EXAMPLE = 'such as lowercase.safetensors@4*1.5x, or v.safetensors:shout@4:project:last';

/**
 * Reads `file[:name][@layer[*weight]][:kind][:positions]`. Kinds are add (the default), project,
 * project(target), ablate, clamp(min,max) and rotate(degrees); positions all (the default), prompt,
 * last and generated. File and vector names may hold colons and at signs: the longest file that is
 * there counts.
 * @param isThere whether there is such a file; a server asks for names that it knows
 * @throws InputError saying what can't be read, and how it is written
 */
export function parseSteer(given: string, isThere: (file: string) => boolean = isFile): SteerSpec {
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
    /^((?::.*)?)@(\d+)(?:\*([^:@]*))?((?::[^@]*)?)$/s.exec(rest) ?? [];
  const spec: SteerSpec = { file };
  if (layer === undefined) {
    // Without a layer, words at the end that say how are taken for that, the rest for the name.
    const words = rest.split(':').slice(1);
    if (rest.includes('@')) throw unreadable(given, rest);
    const named = words.findLastIndex((word) => !saysHow(word)) + 1;
    Object.assign(spec, nameOf(words.slice(0, named).join(':')));
    for (const word of words.slice(named)) addWord(spec, word, given);
  } else {
    Object.assign(spec, nameOf(before.slice(1)), { layer: Number(layer) });
    if (weight !== undefined) spec.weight = readWeight(weight, given);
    for (const word of after.split(':').slice(1)) addWord(spec, word, given);
  }
  return checkSteer(spec, `"${given}"`);
}

const nameOf = (name: string) => (name ? { name } : {});

const unreadable = (given: string, rest: string) =>
  new InputError(
    `"${given}": can't read "${rest}" after the file. Write ${STEER_FORM}, ${EXAMPLE}.`,
  );

/** What ends at a sign of the form, or at the end; the longest that is there. */
function longestFile(given: string, isThere: (file: string) => boolean): string | undefined {
  const ends = [...given].flatMap((sign, at) => (':@'.includes(sign) ? [at] : []));
  const starts = [...ends, given.length].map((end) => given.slice(0, end));
  return starts.findLast((start) => start && isThere(start));
}

function isFile(place: string): boolean {
  try {
    return statSync(place).isFile();
  } catch {
    return false;
  }
}

const WORD = /^([a-z]+)(?:\((.*)\))?$/i;
const saysHow = (word: string) => {
  const bare = WORD.exec(word)?.[1] ?? '';
  return [...KINDS, ...POSITIONS].includes(bare as never);
};

/** One of the words at the end: a kind, with its numbers in brackets, or positions. */
function addWord(spec: SteerSpec, word: string, given: string): void {
  const [, bare = word, numbers] = WORD.exec(word) ?? [];
  const isKind = KINDS.includes(bare as SteerKind);
  if (!isKind && !POSITIONS.includes(bare as Positions)) {
    const known = [...KINDS, ...POSITIONS];
    throw new InputError(
      `"${given}": "${word}" is neither a kind (${KINDS.join(', ')}) nor positions ` +
        `(${POSITIONS.join(', ')}).${didYouMean(bare, known)}`,
    );
  }
  const key = isKind ? 'kind' : 'positions';
  if (spec[key]) {
    const what = isKind ? 'kinds' : 'positions';
    throw new InputError(`"${given}" has two ${what}: ${spec[key]} and ${bare}. Give one.`);
  }
  Object.assign(spec, { [key]: bare });
  if (numbers === undefined) return;
  const names: readonly string[] = isKind ? PARAMETERS[bare as SteerKind] : [];
  const values = numbers.split(',').map((text) => (text.trim() ? Number(text) : Number.NaN));
  if (values.length === names.length && values.every(Number.isFinite)) {
    names.forEach((name, i) => {
      Object.assign(spec, { [name]: values[i] });
    });
    return;
  }
  const form = names.length ? `${bare}(${names.join(',')}), with numbers` : `${bare}, without more`;
  throw new InputError(`"${given}": "${word}" is written ${form}.`);
}

function readWeight(text: string, given: string): Weight {
  const value = text.trim() === '' || /x$/.test(text) ? text : Number(text);
  if (isWeight(value)) return value;
  throw new InputError(`"${given}": after * stands a weight, ${WEIGHT}, not "${text}".`);
}

const KEYS = ['file', 'name', 'layer', 'weight', 'kind', 'positions', ...NUMBERS];

/**
 * A spec that comes from outside: the JSON of a request.
 * @param what names it in errors: `steering[0]`
 * @throws InputError for a key that there isn't, a value that is none, or one that the kind lacks
 */
export function checkSteer(value: unknown, what: string): SteerSpec {
  checkKeys(what, value, KEYS);
  const { file, name, layer, weight, kind = 'add', positions } = value as Record<string, unknown>;
  for (const [key, text] of Object.entries({ file, ...(name !== undefined && { name }) })) {
    if (typeof text === 'string' && text) continue;
    throw new InputError(`${what}: ${key} is ${show(text)}, not a text.`);
  }
  checkOneOf(`${what}: kind`, kind, KINDS);
  if (positions !== undefined) checkOneOf(`${what}: positions`, positions, POSITIONS);
  if (layer !== undefined) checkCount(`${what}: layer`, layer);
  if (weight !== undefined && !isWeight(weight)) {
    throw new InputError(`${what}: weight is ${show(weight)}, not ${WEIGHT}.`);
  }
  const own: readonly string[] = PARAMETERS[kind as SteerKind];
  if (weight !== undefined && kind !== 'add') {
    throw new InputError(`${what}: a weight is for kind add; ${kind} has none.`);
  }
  for (const key of NUMBERS) {
    const number = (value as Record<string, unknown>)[key];
    if (number === undefined) {
      // What a projection goes to, the vector knows.
      if (!own.includes(key) || key === 'target') continue;
      throw new InputError(`${what}: kind ${kind} needs ${own.join(' and ')}: ${formOf(kind)}.`);
    }
    if (!own.includes(key)) throw new InputError(`${what}: kind ${kind} has no ${key}.`);
    checkNumber(`${what}: ${key}`, number);
  }
  return value as SteerSpec;
}

const formOf = (kind: unknown) =>
  kind === 'clamp' ? 'clamp(-2,3)' : kind === 'rotate' ? 'rotate(30)' : String(kind);
