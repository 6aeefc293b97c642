/** Placeholders and postscripts. */
import { quote } from '../evidence';
import { literal, SPACE, strip } from '../python';
import { inLowerCase, type Span } from '../spans';
import type { Kwargs, Verdict } from '../types';
import { atLeast } from './format';

/** `[...]` on one line, up to the first `]`. */
export function numberPlaceholders(
  response: string,
  { num_placeholders }: Pick<Kwargs, 'num_placeholders'>,
): Verdict {
  return atLeast(placeholders(response).length, num_placeholders, 'placeholder');
}

export function placeholders(response: string): Span[] {
  const spans: Span[] = [];
  let lineStart = 0;
  for (const line of response.split('\n')) {
    let close = -1;
    for (;;) {
      const open = line.indexOf('[', close + 1);
      if (open < 0) break;
      close = line.indexOf(']', open + 1);
      if (close < 0) break;
      spans.push([lineStart + open, lineStart + close + 1]);
    }
    lineStart += line.length + 1;
  }
  return spans;
}

/**
 * A postscript's mark somewhere, in any case, blanks allowed inside the two usual ones.
 * `P.P.S` needs no last full stop, `P.S.` does.
 */
export function postscript(
  response: string,
  { postscript_marker }: Pick<Kwargs, 'postscript_marker'>,
): Verdict {
  const marker = strip(postscript_marker);
  const found = postscriptPattern(marker).exec(response.toLowerCase());
  if (!found) return { followed: false, evidence: `no ${quote(marker)}` };
  return { followed: true, evidence: `${quote(found[0])} at character ${found.index + 1}` };
}

/** For texts in lower case. */
function postscriptPattern(marker: string): RegExp {
  const blank = `[${SPACE}]?`;
  const usual: Record<string, string> = {
    'P.P.S': `p\\.${blank}p\\.${blank}s`,
    'P.S.': `p\\.${blank}s\\.`,
  };
  return new RegExp(usual[marker] ?? literal(marker.toLowerCase()), 'u');
}

/** The first mark of a postscript. */
export const postscriptMark = (
  response: string,
  { postscript_marker }: Pick<Kwargs, 'postscript_marker'>,
): Span[] =>
  inLowerCase(response, (lower) => {
    const found = postscriptPattern(strip(postscript_marker)).exec(lower);
    return found ? [[found.index, found.index + found[0].length]] : [];
  });
