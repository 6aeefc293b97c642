import { InputError } from './errors';

/** The value of a JSON text; undefined for a text that is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The values of a text with one JSON value a line, blank lines aside, and where each stands.
 * @param file for messages: lines are called `file:1`
 * @throws InputError for a line that is no JSON
 */
export function jsonLines(file: string, content: string): { value: unknown; where: string }[] {
  const lines = content.split(/\r?\n/).map((line, i) => ({ line, where: `${file}:${i + 1}` }));
  return lines
    .filter(({ line }) => line.trim())
    .map(({ line, where }) => {
      const value = parseJson(line);
      if (value !== undefined) return { value, where };
      throw new InputError(`${where} is not JSON: ${line.slice(0, 60)}`);
    });
}

/**
 * The lines of a file that is appended to, without what follows the last line break: there a process
 * was killed while it wrote.
 * @returns the lines, and their length in bytes, line breaks included
 */
export function wholeLines(content: Buffer): { lines: string[]; wholeBytes: number } {
  const wholeBytes = content.lastIndexOf('\n'.charCodeAt(0)) + 1;
  return { lines: content.toString('utf8', 0, wholeBytes).split('\n').slice(0, -1), wholeBytes };
}

/**
 * Parses JSON as Python's `json` writes it: beside JSON proper, the bare words NaN, Infinity and
 * -Infinity. NaN is what pandas writes for a missing value, and becomes null; the infinities are
 * numbers in JavaScript too.
 * @throws SyntaxError for anything else that is no JSON
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const words = /"(?:[^"\\]|\\.)*"|\bNaN\b|-?\bInfinity\b/g;
    const plain = text.replace(words, (found) => {
      if (found.startsWith('"')) return found;
      // A number beyond the largest one is read as infinite.
      return found === 'NaN' ? 'null' : found.replace('Infinity', '1e999');
    });
    if (plain === text) throw error;
    return JSON.parse(plain);
  }
}
