/**
 * Text as Python sees it. The official checkers are written in Python, whose words, whitespace and
 * case aren't those of JavaScript's regular expressions; published numbers depend on them.
 */

/** Python's whitespace (`\s`, `str.isspace`), as the inside of a character class. */
export const SPACE =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
/** Python's word characters (`\w`): letters, numbers of any kind, `_`; combining marks are none. */
export const WORD = '\\p{L}\\p{N}_';
/** Python's `\b`. */
export const BOUNDARY = `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`;

const space = new RegExp(`[${SPACE}]`);

/** `str.strip`: by character, since a regular expression for the end takes quadratic time. */
export function strip(text: string): string {
  return stripStart(stripEnd(text));
}

export function stripStart(text: string): string {
  let start = 0;
  while (start < text.length && space.test(text[start])) start++;
  return text.slice(start);
}

export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && space.test(text[end - 1])) end--;
  return text.slice(0, end);
}

/** `str.strip(character)`, at one side or both. */
export function stripCharacter(text: string, character: string, side?: 'start' | 'end'): string {
  let start = 0;
  let end = text.length;
  if (side !== 'end') while (start < end && text[start] === character) start++;
  if (side !== 'start') while (end > start && text[end - 1] === character) end--;
  return text.slice(start, end);
}

/** `str.split()`: the pieces between runs of whitespace. */
export function splitSpace(text: string): string[] {
  return text.match(new RegExp(`[^${SPACE}]+`, 'g')) ?? [];
}

/** `str.isupper`: some cased character, and every cased character upper case. */
export function isUpper(text: string): boolean {
  return /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);
}

/** `str.islower`: some cased character, and every cased character lower case. */
export function isLower(text: string): boolean {
  return /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);
}

/** How often a character occurs; characters are code points, as in Python. */
export function countCharacter(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count++;
  return count;
}

/** The source of a regular expression that matches a text literally (flag `u`). */
export function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** Like `literal`, for the flags `iu`: Python, unlike JavaScript, ignores the case of ı and İ too. */
export function literalAnyCase(text: string): string {
  return literal(text).replace(/[iıİ]/gi, '[iIıİ]');
}
