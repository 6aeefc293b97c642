/** Answers that no effect can be read off: they say nothing, or the same again and again. */
import { isDegenerate } from '../../../src/language/degenerate';

/** The threshold of `isDegenerate` in the paper. */
export const DEGENERATE_BELOW = 2.5;

/**
 * Whether an answer is blank, degenerate by its perplexity, or, what shows without a judge, repeats
 * itself until the token limit.
 * @param perplexity null or undefined: not judged, or nothing to predict
 * @param threshold default: the paper's
 */
export function isBroken(
  { response, stopped }: { response: string; stopped: 'stop' | 'length' },
  perplexity?: number | null,
  threshold = DEGENERATE_BELOW,
): boolean {
  const text = response.trim();
  if (!text || isDegenerate(text, perplexity ?? null, threshold)) return true;
  return stopped === 'length' && repeats(text);
}

/** Whether a cell is not to be called the best of anything: most of its answers are broken. */
export const isMostlyBroken = ({ broken }: { broken: number }): boolean => broken > 0.5;

const LONGEST_UNIT = 80;
const TIMES = 4;

/**
 * Whether at least half of a text, up to its end, is one piece of at most 80 characters, four times or
 * more in a row; numbers count as the same (`Day 1: Day 2: …`).
 */
function repeats(text: string): boolean {
  const characters = [...text.replace(/\p{Nd}+/gu, '0')];
  const { length } = characters;
  for (let unit = 1; unit <= Math.min(LONGEST_UNIT, length / TIMES); unit++) {
    let start = length - unit;
    while (start > 0 && characters[start - 1] === characters[start - 1 + unit]) start--;
    const covered = length - start;
    if (covered >= TIMES * unit && covered >= length / 2) return true;
  }
  return false;
}
