/** Whether a response follows an instruction, strictly or loosely, by the official definitions. */
import type { Instruction } from './instruction';
import { strip } from './python';
import type { Verdict } from './types';

/** Strict: the response as it is. A blank one follows nothing. */
export function followStrict({ check, kwargs }: Instruction, response: string): Verdict {
  if (!strip(response)) return { followed: false, evidence: 'the response is blank' };
  return check(response, kwargs);
}

/** A response as loose checks read it, and what was done to it. */
export interface Variant {
  change: string;
  text: string;
}

/**
 * The eight texts of which one has to follow: without the first line (an opening phrase), the last
 * (a closing one), both or neither; each also without asterisks (bold and italics).
 */
export function looseVariants(response: string): Variant[] {
  const lines = response.split('\n');
  const kept: Variant[] = [
    { change: '', text: response },
    { change: 'without the first line', text: strip(lines.slice(1).join('\n')) },
    { change: 'without the last line', text: strip(lines.slice(0, -1).join('\n')) },
    { change: 'without the first and last line', text: strip(lines.slice(1, -1).join('\n')) },
  ];
  const bare = kept.map(({ change, text }) => ({
    change: change ? `${change} and asterisks` : 'without asterisks',
    text: text.replaceAll('*', ''),
  }));
  return [...kept, ...bare];
}

/** Loose: any of the eight variants follows. Otherwise the evidence is that of the whole response. */
export function followLoose(instruction: Instruction, response: string): Verdict {
  const whole = followStrict(instruction, response);
  if (whole.followed) return whole;
  const tried = new Set([response]);
  for (const { change, text } of looseVariants(response)) {
    if (tried.has(text)) continue;
    tried.add(text);
    const { followed, evidence } = followStrict(instruction, text);
    if (followed) return { followed, evidence: `${evidence} (${change})` };
  }
  return whole;
}
