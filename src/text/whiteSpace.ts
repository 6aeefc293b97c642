/**
 * What counts as white space. JavaScript's `trim` and `\s` take U+FEFF for it, which Unicode, Rust
 * and Python do not; they miss U+0085, which these do, and U+001C to U+001F, which Python does.
 * Chat templates are written for Python and computed in JavaScript.
 */

const PYTHON_ONLY = ['\x1c', '\x1d', '\x1e', '\x1f', '\x85'];
const JAVASCRIPT_ONLY = ['\ufeff'];

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => String.fromCharCode(from + i));
/** White space in both languages, and in neither; rare enough to be free in most texts. */
const SPACES = [...range(0x2000, 0x200a), '\u1680', '\u205f', '\u3000'];
const SOLID = range(0xe000, 0xe0ff);

/**
 * Runs `render`, which may trim the text, so that it trims as Python does: characters of doubt are
 * replaced by others of the kind that Python sees in them, and put back in the result. A text that
 * leaves no character free for that is rendered as it is.
 * @param template what stands around the text in the result; its characters are not free either
 */
export function trimAsPython(
  text: string,
  template: string,
  render: (text: string) => string,
): string {
  const pairs: [string, string][] = [];
  for (const [doubtful, stand] of [
    [PYTHON_ONLY, SPACES],
    [JAVASCRIPT_ONLY, SOLID],
  ]) {
    const free = stand.filter((character) => !(text + template).includes(character));
    for (const character of doubtful.filter((c) => text.includes(c))) {
      const other = free.pop();
      if (other === undefined) return render(text);
      pairs.push([character, other]);
    }
  }
  const swapped = pairs.reduce((whole, [a, b]) => whole.replaceAll(a, b), text);
  return pairs.reduce((whole, [a, b]) => whole.replaceAll(b, a), render(swapped));
}
