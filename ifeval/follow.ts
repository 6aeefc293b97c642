/** Whether a response follows an instruction, strictly or loosely, by the official definitions. */
import type { Instruction } from './instruction';
import { strip } from './python';
import { joined, type Span } from './spans';
import type { Verdict } from './types';

export type Mode = 'strict' | 'loose';

/** Strict: the response as it is. A blank one follows nothing. */
export function followStrict({ check, kwargs }: Instruction, response: string): Verdict {
  if (!strip(response)) return { followed: false, evidence: 'the response is blank' };
  return check(response, kwargs);
}

/** A response as loose checks read it, and what was done to it. */
export interface Variant {
  change: string;
  text: string;
  /** From where on in the response its characters stand, in their order. */
  from: number;
}

/**
 * The eight texts of which one has to follow: without the first line (an opening phrase), the last
 * (a closing one), both or neither; each also without asterisks (bold and italics).
 */
export function looseVariants(response: string): Variant[] {
  const lines = response.split('\n');
  const second = lines[0].length + 1;
  const kept: Variant[] = [
    { change: '', text: response, from: 0 },
    { change: 'without the first line', text: strip(lines.slice(1).join('\n')), from: second },
    { change: 'without the last line', text: strip(lines.slice(0, -1).join('\n')), from: 0 },
    {
      change: 'without the first and last line',
      text: strip(lines.slice(1, -1).join('\n')),
      from: second,
    },
  ];
  const bare = kept.map(({ change, text, from }) => ({
    change: change ? `${change} and asterisks` : 'without asterisks',
    text: text.replaceAll('*', ''),
    from,
  }));
  return [...kept, ...bare];
}

/** Loose: any of the eight variants follows. Otherwise the evidence is that of the whole response. */
export function followLoose(instruction: Instruction, response: string): Verdict {
  const whole = followStrict(instruction, response);
  if (whole.followed) return whole;
  const found = followingVariant(instruction, response);
  return found ? found.verdict : whole;
}

/** The first variant that follows, where the whole response does not. */
function followingVariant(instruction: Instruction, response: string) {
  const tried = new Set([response]);
  for (const variant of looseVariants(response)) {
    if (tried.has(variant.text)) continue;
    tried.add(variant.text);
    const { followed, evidence } = followStrict(instruction, variant.text);
    if (followed) {
      return { variant, verdict: { followed, evidence: `${evidence} (${variant.change})` } };
    }
  }
  return undefined;
}

/**
 * The pieces of a response that decided the verdict: what its checker counted or found wrong, in their
 * order, apart. None where the whole text decides, or what is missing does. Of a loose verdict those of
 * the variant that followed.
 */
export function marksOf(instruction: Instruction, response: string, mode: Mode): Span[] {
  const { marks, kwargs } = instruction;
  if (!strip(response)) return [];
  const isLoose = mode === 'loose' && !followStrict(instruction, response).followed;
  const { text, from } = (isLoose && followingVariant(instruction, response)?.variant) || {
    text: response,
    from: 0,
  };
  const places = placesIn(response, text, from);
  return joined(marks(text, kwargs)).flatMap(([start, end]) =>
    // Asterisks that the variant lacks stay unmarked.
    joined(Array.from({ length: end - start }, (_, i) => unit(places(start + i)))),
  );
}

const unit = (at: number): Span => [at, at + 1];

/** Where each character of a variant stands in the response. */
function placesIn(response: string, text: string, from: number): (at: number) => number {
  if (text === response) return (at) => at;
  const places: number[] = [];
  let at = from;
  for (const character of text.split('')) {
    while (response[at] !== character) at++;
    places.push(at++);
  }
  return (index) => places[index];
}
