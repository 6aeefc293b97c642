import { parse } from 'yaml';
import { InputError } from '../../../src/util/errors';
import { readText } from '../../../src/util/files';
import { parsePythonJson } from '../../../src/util/json';

/** A base query: a question without any instruction about the form of its answer. */
export interface Question {
  /** Unique in its file: see `identityOf`. */
  key: string;
  prompt: string;
  /** `train` or `eval`, where the file says so. */
  split?: string;
}

/** A YAML file of wordings, whose parts the caller checks. @throws InputError when it can't be read */
export function readPhrasings<T>(file: string): Partial<T> | null {
  try {
    return parse(readText(file, 'the phrasings'));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`Can't read the phrasings ${file}: ${(error as Error).message}`);
  }
}

/**
 * Reads a JSONL file into objects, as JSON or as Python writes it (`parsePythonJson`).
 * @throws InputError naming file and line when it is missing, empty or malformed
 */
export function readJsonl(file: string): Record<string, unknown>[] {
  const content = readText(file, 'the data file');
  const rows = content
    .split('\n')
    .map((line, index) => [line, index + 1] as const)
    .filter(([line]) => line.trim())
    .map(([line, number]) => {
      try {
        const row: unknown = parsePythonJson(line);
        if (typeof row === 'object' && row !== null && !Array.isArray(row)) {
          return row as Record<string, unknown>;
        }
      } catch {
        // reported below
      }
      throw new InputError(`${file}, line ${number}: not a JSON object.`);
    });
  if (!rows.length) throw new InputError(`The data file ${file} is empty.`);
  return rows;
}

/**
 * Base queries from our format (`prompt`), or from the authors' files: where a row has
 * `prompt_without_instruction`, or `model_output` beside `original_prompt`, that is the query (its
 * `prompt` holds something else).
 * @throws InputError naming the row when a query or key is missing or repeated
 */
export function loadQuestions(file: string): Question[] {
  const seen = new Set<string>();
  return readJsonl(file).map((row, index) => {
    const field = queryField(row);
    const prompt = row[field];
    if (typeof prompt !== 'string' || !prompt.trim()) {
      throw new InputError(`${file}, row ${index + 1}: no text in "${field}".`);
    }
    const complain = (text: string): never => {
      throw new InputError(`${file}, row ${index + 1}: ${text}.`);
    };
    const key = identityOf(row, index, complain);
    if (seen.has(key)) complain(`${identityField(row)} ${key} comes twice`);
    seen.add(key);
    return { key, prompt: prompt.trim(), split: splitOf(row, complain) };
  });
}

/**
 * What tells a row from the others of its file: its `uid`, else its `key`, else its place. (In the
 * authors' augmented file a `key` is that of the query, which several rows are about; only `uid` is
 * unique.) Drawing, resuming and pairing go by it: the answers to one row in all cells are a pair.
 * @param complain told of what is neither text nor a number
 */
export function identityOf(
  row: Record<string, unknown>,
  index: number,
  complain: (problem: string) => void,
): string {
  const field = identityField(row);
  const value = row[field] ?? null;
  if (value === null) return String(index);
  if (typeof value !== 'string' && typeof value !== 'number') {
    complain(`its ${field} is ${shorten(value)}, not text or a number`);
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The field that `identityOf` reads. */
export const identityField = ({ uid }: Record<string, unknown>): 'uid' | 'key' =>
  uid === undefined || uid === null ? 'key' : 'uid';

/** A row's split, where it has one. @param complain told of what is none */
export function splitOf(
  { split }: Record<string, unknown>,
  complain: (problem: string) => void,
): string | undefined {
  if (split === undefined || split === null) return undefined;
  if (typeof split !== 'string') complain(`its split is ${shorten(split)}, not text`);
  return String(split);
}

/** A value as JSON, not too long for a message. */
export function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function queryField(row: Record<string, unknown>) {
  if ('prompt_without_instruction' in row) return 'prompt_without_instruction';
  return 'model_output' in row && 'original_prompt' in row ? 'model_output' : 'prompt';
}
