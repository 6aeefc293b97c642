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
