/** Responses with a part before the answer, or of two answers. */
import { plural, quote } from '../evidence';
import { strip } from '../python';
import { inLowerCase, occurrencesOf, type Span, strippedSpan } from '../spans';
import type { Kwargs, Verdict } from '../types';

/** Two different responses around `******`; empty ones may stand first and last only. */
export function twoResponses(response: string): Verdict {
  const parts = response.split('******').map(strip);
  const gap = parts.findIndex((part, i) => !part && i > 0 && i < parts.length - 1);
  if (gap > 0)
    return { followed: false, evidence: `nothing between dividers ${gap} and ${gap + 1}` };
  const filled = parts.filter((part) => part);
  const isSame = filled.length === 2 && filled[0] === filled[1];
  const evidence = `${plural(filled.length, 'response')}${isSame ? ', the same twice' : ''}, 2 wanted`;
  return { followed: filled.length === 2 && !isSame, evidence };
}

/** The dividers. */
export const responseDividers = (response: string): Span[] => occurrencesOf(response, '******');

/** The response starts with the prompt, in any case. */
export function repeatPrompt(
  response: string,
  { prompt_to_repeat }: Pick<Kwargs, 'prompt_to_repeat'>,
): Verdict {
  const prompt = strip(prompt_to_repeat).toLowerCase();
  const start = strip(response).toLowerCase();
  if (start.startsWith(prompt)) return { followed: true, evidence: 'starts with the prompt' };
  const same = commonStart(start, prompt);
  return {
    followed: false,
    evidence: `${quote(start.slice(same, same + 20))} where the prompt has ${quote(prompt.slice(same, same + 20))}`,
  };
}

/** How many characters two texts start with that are the same. */
function commonStart(a: string, b: string): number {
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  return same;
}

/** As much of the prompt as the response starts with. */
export const repeatedPart = (
  response: string,
  { prompt_to_repeat }: Pick<Kwargs, 'prompt_to_repeat'>,
): Span[] =>
  inLowerCase(response, (lower) => {
    const [start, end] = strippedSpan(lower);
    const same = commonStart(lower.slice(start, end), strip(prompt_to_repeat).toLowerCase());
    return [[start, start + same]];
  });
