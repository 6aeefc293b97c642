/** Words for evidence. */
import type { Relation, Verdict } from './types';

/** `3 words`, `1 word`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A piece of text in quotes, cut to 60 characters, on one line. */
export function quote(text: string): string {
  const characters = [...text.slice(0, 200)];
  const cut = characters.length > 60 || text.length > 200;
  return JSON.stringify(cut ? `${characters.slice(0, 60).join('')}…` : text);
}

/** The verdict on a count that a relation bounds. */
export function compare(
  count: number,
  relation: Relation,
  wanted: number,
  noun: string,
  details = '',
): Verdict {
  return {
    followed: relation === 'less than' ? count < wanted : count >= wanted,
    evidence: `${plural(count, noun)}${details}, ${relation} ${wanted} wanted`,
  };
}

/** The verdict on a count that has to be met exactly. */
export function exactly(count: number, wanted: number, noun: string, details = ''): Verdict {
  const evidence = `${plural(count, noun)}${details}, exactly ${wanted} wanted`;
  return { followed: count === wanted, evidence };
}
