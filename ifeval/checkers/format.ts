/** Formats: lists, highlights, sections, titles, JSON, fixed answers. */
import { compare, exactly, plural, quote } from '../evidence';
import { literal, SPACE, strip, stripCharacter, stripStart } from '../python';
import type { Kwargs, Verdict } from '../types';

/** The verdict on a count that has to reach a number. */
export function atLeast(count: number, wanted: number, noun: string): Verdict {
  return compare(count, 'at least', wanted, noun);
}

/**
 * Lines that start with `-`, and lines that start with `*` but not `**`; `---` is a bullet too.
 * As officially, a bare `*` takes the next line with it: `*\n* a` is one bullet.
 */
export function numberBulletLists(
  response: string,
  { num_bullets }: Pick<Kwargs, 'num_bullets'>,
): Verdict {
  const lines = response.split('\n').map(stripStart);
  const dashes = lines.filter((line) => line.startsWith('-')).length;
  let stars = 0;
  for (let i = 0; i < lines.length; i++) {
    if (lines[i][0] !== '*' || lines[i][1] === '*') continue;
    const isBare = lines[i].length === 1;
    if (isBare && i === lines.length - 1) continue;
    stars++;
    if (isBare) i++;
  }
  return exactly(dashes + stars, num_bullets, 'bullet', ` (${stars} "*", ${dashes} "-")`);
}

/** `*so*` or `**so**` on one line, with something inside. */
export function numberHighlightedSections(
  response: string,
  { num_highlights }: Pick<Kwargs, 'num_highlights'>,
): Verdict {
  const single = response.match(/\*[^\n*]*\*/g) ?? [];
  const double = response.match(/\*\*[^\n*]*\*\*/g) ?? [];
  const filled = [...single, ...double].filter((span) => strip(stripCharacter(span, '*')));
  return atLeast(filled.length, num_highlights, 'highlight');
}

/** At least so many `Section 1`, wherever they stand; the number may follow without a blank. */
export function multipleSections(
  response: string,
  { section_spliter, num_sections }: Pick<Kwargs, 'section_spliter' | 'num_sections'>,
): Verdict {
  const mark = literal(strip(section_spliter));
  const marks = response.match(new RegExp(`${mark}[${SPACE}]?\\p{Nd}+`, 'gu')) ?? [];
  return atLeast(marks.length, num_sections, 'section');
}

const FENCES = ['```json', '```Json', '```JSON', '```'];

/** Python's reader knows NaN and the infinities too: numbers in their places, outside of strings. */
function withoutConstants(json: string): string {
  let result = '';
  let done = 0;
  const pattern = /"|-?Infinity|NaN/g;
  for (let match = pattern.exec(json); match; match = pattern.exec(json)) {
    if (match[0] !== '"') {
      result += `${json.slice(done, match.index)} 0 `;
      done = pattern.lastIndex;
      continue;
    }
    let end = match.index + 1;
    while (end < json.length && json[end] !== '"') end += json[end] === '\\' ? 2 : 1;
    pattern.lastIndex = end + 1;
  }
  return result + json.slice(done);
}

/** The whole response is JSON, of any type, maybe in a code fence. */
export function jsonFormat(response: string): Verdict {
  let text = strip(response);
  for (const fence of FENCES) if (text.startsWith(fence)) text = text.slice(fence.length);
  if (text.endsWith('```')) text = text.slice(0, -3);
  try {
    const value: unknown = JSON.parse(withoutConstants(strip(text)));
    const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
    return { followed: true, evidence: `JSON, of type ${type}` };
  } catch (error) {
    return { followed: false, evidence: `no JSON: ${quote((error as Error).message)}` };
  }
}

/** `<<a title>>` on one line. */
export function title(response: string): Verdict {
  for (const line of response.split('\n')) {
    const start = line.indexOf('<<');
    const end = line.lastIndexOf('>>');
    if (start < 0 || end < start + 3) continue;
    const span = line.slice(start, end + 2);
    const text = strip(stripCharacter(stripCharacter(span, '<', 'start'), '>', 'end'));
    if (text) return { followed: true, evidence: `title ${quote(text)}` };
  }
  return { followed: false, evidence: 'no <<title>>' };
}

const ANSWERS = ['My answer is yes.', 'My answer is no.', 'My answer is maybe.'];

/** One of the three answers somewhere in the response, letter for letter. */
export function constrainedResponse(response: string): Verdict {
  const found = ANSWERS.filter((answer) => response.includes(answer));
  const evidence = found.length
    ? `holds ${found.map(quote).join(', ')}`
    : `none of ${plural(ANSWERS.length, 'fixed answer')}`;
  return { followed: found.length > 0, evidence };
}
