import * as fs from 'node:fs';
import { parse } from 'yaml';
import { InputError } from '../../../src/util/errors';

/** A base query: a question without any instruction about the form of its answer. */
export interface Question {
  /** Unique in its file. */
  key: string;
  prompt: string;
  /** `train` or `eval`, where the file says so. */
  split?: string;
}

/** A YAML file of wordings, whose parts the caller checks. @throws InputError when it can't be read */
export function readPhrasings<T>(file: string): Partial<T> | null {
  try {
    return parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    throw new InputError(`Can't read the phrasings ${file}: ${(error as Error).message}`);
  }
}

/**
 * Reads a JSONL file into objects.
 * @throws InputError naming file and line when it is missing, empty or malformed
 */
export function readJsonl(file: string): Record<string, unknown>[] {
  let content: string;
  try {
    content = fs.readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' ? 'there is no such file' : String(code);
    throw new InputError(`Can't read the data file ${file}: ${why}.`);
  }
  const rows = content
    .split('\n')
    .map((line, index) => [line, index + 1] as const)
    .filter(([line]) => line.trim())
    .map(([line, number]) => {
      try {
        const row: unknown = JSON.parse(line);
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
    const key = String(row.key ?? index);
    if (seen.has(key)) throw new InputError(`${file}, row ${index + 1}: key ${key} comes twice.`);
    seen.add(key);
    const split = typeof row.split === 'string' ? row.split : undefined;
    return { key, prompt: prompt.trim(), split };
  });
}

function queryField(row: Record<string, unknown>) {
  if ('prompt_without_instruction' in row) return 'prompt_without_instruction';
  return 'model_output' in row && 'original_prompt' in row ? 'model_output' : 'prompt';
}
