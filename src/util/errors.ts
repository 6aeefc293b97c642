/** Bad input from the user: printed as one plain message, exit code 2, no stack trace. */
export class InputError extends Error {
  override name = 'InputError';
}

/** Edit distance between two words (insert, delete, replace each cost 1). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

/**
 * A hint for a mistyped word: ` Did you mean "x"?` for the nearest candidate, or an empty string
 * when none is near enough (more than a third of the letters differ, at least two; or all do).
 */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  let best = '';
  let bestDistance = Math.max(2, Math.ceil(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    const all = Math.max(word.length, candidate.length);
    if (distance < bestDistance && distance < all) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best ? ` Did you mean "${best}"?` : '';
}

/** Text with the mark that ends a sentence: a full stop, where it has none. */
export const sentence = (text: string) => (/[.?!]$/.test(text) ? text : `${text}.`);
