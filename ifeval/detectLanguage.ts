/**
 * The language of a text.
 *
 * The official checkers ask Python's langdetect, which draws n-grams of the text at random until one
 * language is all but certain, unseeded: borderline texts get different answers in different runs.
 * The package `langdetect-js` has the n-gram statistics of langdetect; here every n-gram of the text
 * counts once instead of a random sample, which is what the draws converge to.
 * bench/languages.md compares the libraries.
 */

/** Of `langdetect-js`, which has no types: statistics by n-gram, one number for each language. */
interface Profiles {
  langlist: string[];
  wordLangProbMap: Record<string, (number | undefined)[]>;
}

interface Detector {
  append_text(text: string): void;
  cleaning_text(): void;
  extract_ngrams(): string[];
}

interface Library {
  bundled_profiles(name: string): string;
  load_profiles(folder: string): Profiles;
  create_detector(profiles: Profiles): Detector;
}

/** How much of a text langdetect reads, links and addresses left out. */
const CHARACTERS = 10_000;
/** What langdetect adds to every probability, so that none is 0: its alpha over its base. */
const FLOOR = 0.5 / 10_000;

let loaded: { library: Library; profiles: Profiles } | undefined;

function load() {
  if (loaded) return loaded;
  const library: Library = require('langdetect-js');
  const profiles = library.load_profiles(library.bundled_profiles('profiles'));
  loaded = { library, profiles };
  return loaded;
}

/** Codes of the languages that can be told apart. */
export function knownLanguages(): readonly string[] {
  return load().profiles.langlist;
}

/** N-grams of one to three letters that some language has. */
function findNgrams(text: string): string[] {
  const { library, profiles } = load();
  // Links and addresses are no language; the package means to remove them, and forgets to.
  const readable = text
    .slice(0, 10 * CHARACTERS)
    .replace(/https?:\/\/[-_.?&~;+=/#0-9A-Za-z]{1,2076}/g, ' ')
    .replace(/[-_.0-9A-Za-z]{1,64}@[-_0-9A-Za-z]{1,255}[-_.0-9A-Za-z]{1,255}/g, ' ');
  const detector = library.create_detector(profiles);
  detector.append_text([...readable.slice(0, 2 * CHARACTERS)].slice(0, CHARACTERS).join(''));
  detector.cleaning_text();
  return detector.extract_ngrams();
}

/**
 * The most likely language, as langdetect names it: ISO 639-1, but `zh-cn` and `zh-tw`. Undefined
 * for a text without letters of any language known.
 */
export function detectLanguage(text: string): string | undefined {
  const counts = new Map<string, number>();
  for (const ngram of findNgrams(text)) counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  if (!counts.size) return undefined;
  const { langlist, wordLangProbMap } = load().profiles;
  const scores = langlist.map(() => 0);
  for (const [ngram, count] of counts) {
    const probabilities = wordLangProbMap[ngram];
    for (let i = 0; i < scores.length; i++) {
      scores[i] += count * Math.log(FLOOR + (probabilities[i] ?? 0));
    }
  }
  return langlist[scores.indexOf(Math.max(...scores))];
}
