/** Pairs of texts from files as people have them: JSONL, CSV, or two files of lines. */
import { CsvError, parse } from 'csv-parse/sync';
import { checkKeys } from '../util/check';
import { InputError } from '../util/errors';
import { readText } from '../util/files';
import { jsonLines } from '../util/json';
import type { Pair } from './fromPairs';

/** A pair, and where it stands. */
interface Placed {
  pair: Pair;
  where: string;
}

/**
 * The pairs of a file: JSON objects a line, or CSV where its name ends in .csv, with the columns
 * `positive` and `negative`, or `prompt` and `instruction`: the positive text is then both with a
 * space between, the negative one the prompt.
 * @throws InputError naming the line that holds no pair, two texts that are the same, or a pair that
 *   is there already
 */
export function readPairs(file: string): Pair[] {
  const content = readText(file);
  const rows = file.endsWith('.csv') ? csvRows(file, content) : jsonLines(file, content);
  return sound(
    rows.map(({ value, where }) => ({ pair: pairOf(value, where), where })),
    file,
  );
}

/**
 * Pairs of the lines of two files, one by one.
 * @throws InputError as `readPairs`, and where one has more lines than the other
 */
export function readPairsOfLines(positive: string, negative: string): Pair[] {
  const [a, b] = [positive, negative].map((file) => linesOf(file));
  if (a.length !== b.length) {
    throw new InputError(
      `${positive} has ${a.length} lines, ${negative} ${b.length}: each line of one needs its line of the other.`,
    );
  }
  const pairs = a.map((text, i) => ({
    pair: { positive: text, negative: b[i] },
    where: `${positive}:${i + 1}`,
  }));
  return sound(pairs, positive);
}

/** The lines of a file; those at the end that are blank are none. */
export function linesOf(file: string): string[] {
  const lines = readText(file).trimEnd().split(/\r?\n/);
  const empty = lines.findIndex((line) => !line.trim());
  if (empty < 0) return lines;
  throw new InputError(
    lines.length === 1 ? `${file} holds no text.` : `${file}:${empty + 1} is empty.`,
  );
}

const FORMS = [
  ['positive', 'negative'],
  ['prompt', 'instruction'],
] as const;

function pairOf(value: unknown, where: string): Pair {
  checkKeys(where, value, FORMS.flat());
  const row = value as Record<string, unknown>;
  const form = FORMS.find((keys) => keys.some((key) => key in row)) ?? FORMS[0];
  const keys = Object.keys(row);
  if (keys.length !== 2 || !form.every((key) => key in row)) {
    throw new InputError(
      `${where} holds ${keys.join(', ') || 'nothing'}: a pair has positive and negative, or prompt and instruction.`,
    );
  }
  const [first, second] = form.map((key) => {
    const text = row[key];
    if (typeof text === 'string' && text.trim()) return text;
    const what = typeof text === 'string' ? 'empty' : `${JSON.stringify(text)}, not a text`;
    throw new InputError(`${where}: "${key}" is ${what}.`);
  });
  return form === FORMS[0]
    ? { positive: first, negative: second }
    : { positive: `${first} ${second}`, negative: first };
}

/** The rows of a CSV file by the names of its first one. */
function csvRows(file: string, content: string): { value: unknown; where: string }[] {
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(content, { info: true, skip_empty_lines: true }) as unknown as typeof records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new InputError(`${file} is not CSV: ${error.message}.`);
  }
  const [header, ...rows] = records;
  if (!header) throw new InputError(`${file} is empty.`);
  const names = header.record.map((name) => name.trim());
  return rows.map(({ record, info }) => ({
    value: Object.fromEntries(names.map((name, i) => [name, record[i]])),
    where: `${file}:${info.lines}`,
  }));
}

/** @throws InputError for no pairs, a pair of the same text, or one that is there already */
function sound(pairs: Placed[], file: string): Pair[] {
  if (!pairs.length) throw new InputError(`${file} holds no pairs.`);
  const seen = new Map<string, string>();
  for (const { pair, where } of pairs) {
    if (pair.positive === pair.negative) {
      throw new InputError(`${where}: the two texts of the pair are the same.`);
    }
    const key = JSON.stringify([pair.positive, pair.negative]);
    const before = seen.get(key);
    if (before) throw new InputError(`${where} is the pair of ${before} once more.`);
    seen.set(key, where);
  }
  return pairs.map(({ pair }) => pair);
}
