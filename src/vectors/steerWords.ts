/** The words at the end of an edit as people write it: `project(1.5)`, `last`, `when(probe>2)`. */
import { EDIT_KINDS, type EditKindName, POSITIONS, type Positions } from '../engine/steering';
import { didYouMean, InputError } from '../util/errors';
import type { Setting, SettingCondition } from './setting';

/** What a kind takes in brackets, in this order; those after the bar may be left out. */
export const IN_BRACKETS: { [K in EditKindName]: readonly (keyof Setting)[] } = {
  add: [],
  project: ['target'],
  ablate: [],
  clamp: ['min', 'max'],
  rotate: ['angle', 'second'],
};
const HOW = [...EDIT_KINDS, ...POSITIONS, 'when'];

const WORD = /^([a-z]+)(?:\((.*)\))?$/is;

/** Whether a word is a kind, positions or a condition, and no part of a name. */
export const saysHow = (word: string) => HOW.includes(WORD.exec(word)?.[1] ?? '');

/**
 * Adds what a word says: a kind, with its parameters in brackets, positions, or a condition:
 * `when([probe][@layer][>number or <number][,cosine][,prompt])`.
 * @param what names the edit in errors
 * @throws InputError for a word that says nothing, or says it again
 */
export function addWord(spec: Partial<Setting>, word: string, what: string): void {
  const [, bare = word, inside] = WORD.exec(word) ?? [];
  if (!HOW.includes(bare)) {
    throw new InputError(
      `${what}: "${word}" is neither a kind (${EDIT_KINDS.join(', ')}), nor positions ` +
        `(${POSITIONS.join(', ')}), nor when(...).${didYouMean(bare, HOW)}`,
    );
  }
  if (bare === 'when') {
    once(spec, 'when', readCondition(inside ?? '', word, what), what);
    return;
  }
  if (POSITIONS.includes(bare as Positions)) {
    if (inside !== undefined) throw badlyWritten(what, word, `${bare}, without more`);
    once(spec, 'positions', bare, what);
    return;
  }
  once(spec, 'kind', bare, what);
  if (inside !== undefined) addParameters(spec, bare as EditKindName, inside, what);
}

function once(spec: Partial<Setting>, key: keyof Setting, value: unknown, what: string) {
  if (spec[key] !== undefined) {
    const names = { kind: 'kinds', positions: 'positions' } as Record<string, string>;
    const both = typeof value === 'string' ? `: ${spec[key]} and ${value}` : '';
    throw new InputError(`${what} has two ${names[key] ?? 'conditions'}${both}. Give one.`);
  }
  Object.assign(spec, { [key]: value });
}

const badlyWritten = (what: string, word: string, form: string) =>
  new InputError(`${what}: "${word}" is written ${form}.`);

function addParameters(spec: Partial<Setting>, kind: EditKindName, inside: string, what: string) {
  const names = IN_BRACKETS[kind];
  const form = names.length ? `${kind}(${names.join(',')})` : `${kind}, without more`;
  const values = inside.split(',').map((text) => text.trim());
  const some = values.some(Boolean);
  if (!some || values.length > names.length) {
    throw badlyWritten(what, `${kind}(${inside})`, form);
  }
  for (const [i, text] of values.entries()) {
    if (!text) continue;
    const value = names[i] === 'second' ? text : Number(text);
    if (Number.isNaN(value)) throw badlyWritten(what, `${kind}(${inside})`, `${form}, of numbers`);
    Object.assign(spec, { [names[i]]: value });
  }
}

const CONDITION = /^([^@<>,]*)(?:@(\d+))?(?:([<>])([^,]+))?((?:,(?:cosine|prompt))*)$/;

function readCondition(inside: string, word: string, what: string): SettingCondition {
  const [whole, name, layer, sign, number, flags = ''] = CONDITION.exec(inside.trim()) ?? [];
  const threshold = number === undefined ? undefined : Number(number);
  if (whole === undefined || Number.isNaN(threshold)) {
    const form = 'when(probe@layer>number) or <, each part of which may be left out; ",cosine"';
    throw badlyWritten(what, word, `${form} and ",prompt" may follow`);
  }
  return {
    ...(name.trim() && { name: name.trim() }),
    ...(layer !== undefined && { layer: Number(layer) }),
    ...(threshold !== undefined && { [sign === '>' ? 'above' : 'below']: threshold }),
    ...(flags.includes('cosine') && { of: 'cosine' as const }),
    ...(flags.includes('prompt') && { at: 'prompt' as const }),
  };
}
