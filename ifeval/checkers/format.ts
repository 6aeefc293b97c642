/** Formats: lists, highlights, sections, titles, JSON, fixed answers. */
import { compare, exactly, plural, quote } from '../evidence';
import { literal, SPACE, strip, stripCharacter, stripStart } from '../python';
import { matchesOf, occurrencesOf, type Span, strippedSpan } from '../spans';
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
  const found = bullets(response);
  const stars = found.filter(([at]) => response[at] === '*').length;
  const dashes = found.length - stars;
  return exactly(found.length, num_bullets, 'bullet', ` (${stars} "*", ${dashes} "-")`);
}

/** The signs that start the lines. */
export function bullets(response: string): Span[] {
  const lines = response.split('\n');
  const bare = lines.map(stripStart);
  const dashes: Span[] = [];
  const stars: Span[] = [];
  let at = 0;
  let taken = -1;
  for (let i = 0; i < lines.length; i++) {
    const sign = at + lines[i].length - bare[i].length;
    at += lines[i].length + 1;
    if (bare[i][0] === '-') dashes.push([sign, sign + 1]);
    if (bare[i][0] !== '*' || bare[i][1] === '*' || i === taken) continue;
    const isBare = bare[i].length === 1;
    if (isBare && i === lines.length - 1) continue;
    stars.push([sign, sign + 1]);
    if (isBare) taken = i + 1;
  }
  return [...dashes, ...stars];
}

/** `*so*` or `**so**` on one line, with something inside. */
export function numberHighlightedSections(
  response: string,
  { num_highlights }: Pick<Kwargs, 'num_highlights'>,
): Verdict {
  return atLeast(highlights(response).length, num_highlights, 'highlight');
}

export function highlights(response: string): Span[] {
  const single = matchesOf(response, /\*[^\n*]*\*/g);
  const double = matchesOf(response, /\*\*[^\n*]*\*\*/g);
  return [...single, ...double].filter(([start, end]) =>
    strip(stripCharacter(response.slice(start, end), '*')),
  );
}

/** At least so many `Section 1`, wherever they stand; the number may follow without a blank. */
export function multipleSections(
  response: string,
  { section_spliter, num_sections }: Pick<Kwargs, 'section_spliter' | 'num_sections'>,
): Verdict {
  return atLeast(sectionMarks(response, { section_spliter }).length, num_sections, 'section');
}

export function sectionMarks(
  response: string,
  { section_spliter }: Pick<Kwargs, 'section_spliter'>,
): Span[] {
  const mark = literal(strip(section_spliter));
  return matchesOf(response, new RegExp(`${mark}[${SPACE}]?\\p{Nd}+`, 'gu'));
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

/** What stands between the code fences, where there are any. */
export function jsonPart(response: string): Span {
  let [start, end] = strippedSpan(response);
  for (const fence of FENCES) {
    if (response.slice(start, end).startsWith(fence)) start += fence.length;
  }
  if (response.slice(start, end).endsWith('```')) end -= 3;
  const [from, to] = strippedSpan(response.slice(start, end));
  return [start + from, start + to];
}

/** All of it, where it is JSON. */
export const jsonMarks = (response: string): Span[] =>
  jsonFormat(response).followed ? [jsonPart(response)] : [];

/** The whole response is JSON, of any type, maybe in a code fence. */
export function jsonFormat(response: string): Verdict {
  try {
    const value: unknown = JSON.parse(withoutConstants(response.slice(...jsonPart(response))));
    const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
    return { followed: true, evidence: `JSON, of type ${type}` };
  } catch (error) {
    return { followed: false, evidence: `no JSON: ${quote((error as Error).message)}` };
  }
}

/** `<<a title>>` on one line. */
export function title(response: string): Verdict {
  const [span] = titleMark(response);
  if (!span) return { followed: false, evidence: 'no <<title>>' };
  return { followed: true, evidence: `title ${quote(titleText(response.slice(...span)))}` };
}

const titleText = (span: string) =>
  strip(stripCharacter(stripCharacter(span, '<', 'start'), '>', 'end'));

/** The first title, if there is one. */
export function titleMark(response: string): Span[] {
  let lineStart = 0;
  for (const line of response.split('\n')) {
    const start = line.indexOf('<<');
    const end = line.lastIndexOf('>>');
    if (start >= 0 && end >= start + 3 && titleText(line.slice(start, end + 2))) {
      return [[lineStart + start, lineStart + end + 2]];
    }
    lineStart += line.length + 1;
  }
  return [];
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

/** Each of the three answers that is there. */
export const fixedAnswers = (response: string): Span[] =>
  ANSWERS.flatMap((answer) => occurrencesOf(response, answer));
