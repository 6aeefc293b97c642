/** Texts side by side on a terminal. */
import { WIDTH, wrap } from '../../util/table';

/** Below this, two columns would be too narrow to read. */
const NARROWEST = 60;
const BETWEEN = ' │ ';

/** How wide standard output is; where it is no terminal, as wide as tables are. */
export const terminalWidth = (): number => process.stdout.columns ?? WIDTH;

export interface Titled {
  title: string;
  text: string;
}

/**
 * Two texts beside each other, wrapped; below each other where there is little room.
 * @returns lines of at most `width` characters
 */
export function sideBySide(left: Titled, right: Titled, width = terminalWidth()): string {
  if (width < NARROWEST) {
    return [left, right]
      .map(({ title, text }) => [...lines(`── ${title}`, width), ...lines(text, width)].join('\n'))
      .join('\n');
  }
  const half = Math.floor((width - BETWEEN.length) / 2);
  const beside = (a: string[], b: string[]) =>
    Array.from({ length: Math.max(a.length, b.length) }, (_, i) =>
      `${pad(a[i] ?? '', half)}${BETWEEN}${b[i] ?? ''}`.trimEnd(),
    );
  const rule = `${'─'.repeat(half)}─┼─${'─'.repeat(half)}`;
  return [
    ...beside(lines(left.title, half), lines(right.title, half)),
    rule,
    ...beside(lines(left.text, half), lines(right.text, half)),
  ].join('\n');
}

const pad = (text: string, width: number) =>
  text + ' '.repeat(Math.max(0, width - [...text].length));

/** A text in lines of at most `width` characters; words that are longer are cut. */
function lines(text: string, width: number): string[] {
  return text
    .replaceAll('\t', '    ')
    .split(/\r?\n/)
    .flatMap((line) => wrap(line, width))
    .flatMap((line) => pieces([...line], width));
}

function pieces(signs: string[], width: number): string[] {
  const count = Math.max(1, Math.ceil(signs.length / width));
  return Array.from({ length: count }, (_, i) => signs.slice(i * width, (i + 1) * width).join(''));
}
