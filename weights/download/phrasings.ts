import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parse, stringify } from 'yaml';
import { InputError } from '../../src/util/errors';
import { makeFolder, writeAtomic } from '../../src/util/files';
import { DOWNLOAD } from '../../src/util/invocation';
import { say } from '../../src/util/retries';
import type { Network } from './http';
import { fetchRaw } from './raw';
import { constraintWordings, keywordWordings, lengthWordings, WordingsError } from './wordings';

const REPOSITORY = 'microsoft/llm-steer-instruct';
/** Where the scripts are read: at the commit whose wordings we know, else the newest. */
const PINNED = '7c8ead8ac185965998da654ab83b432d6b5aae0a';
const REVISIONS = [PINNED, 'main'];

/** A script, by the names that it has had, the newest first; and what is read in it. */
interface Script {
  names: string[];
  read(source: string): object;
}

const LENGTH_VECTORS: Script = {
  names: ['length/compute_representations.py', 'length/compute_length_representations.py'],
  read: lengthWordings,
};
const LENGTH_EVALUATION: Script = {
  names: ['length/evaluate.py', 'length/evaluate_length_constraints.py'],
  read: constraintWordings,
};
const KEYWORD_VECTORS: Script = {
  names: ['keywords/compute_representations.py', 'keywords/compute_keywords_representations.py'],
  read: keywordWordings,
};

interface PhrasingsFile {
  name: string;
  scripts: Script[];
  /** That it has to have. */
  keys: string[];
  /** Of its content as JSON, at the commit that we know. */
  sha256: string;
}

/** The files that are made of them. */
export const PHRASINGS_FILES: PhrasingsFile[] = [
  {
    name: 'length/phrasings.yaml',
    scripts: [LENGTH_VECTORS, LENGTH_EVALUATION],
    keys: ['levels', 'sentences', 'one_sentence', 'constraints'],
    sha256: '22d6574b9bc9e5eedee90a5686f57157b8d4181c45329a6622f9b39fae29fdcc',
  },
  {
    name: 'keywords/phrasings.yaml',
    scripts: [KEYWORD_VECTORS],
    keys: ['include', 'exclude'],
    sha256: 'ecc7de31c764ed5942ec655214835a064c79a3ff488fa06e214b59df625601f3',
  },
];

/**
 * Reads the wordings of the paper's instructions out of the authors' scripts, into a folder, in the
 * form of our `phrasings.yaml` files. Those that are there stay as they are, unless they are broken.
 * @param update reads them again
 * @throws InputError for a script that the repository no longer has, or whose wordings are not found
 */
export async function downloadPhrasings(
  folder: string,
  network: Network,
  { update = false } = {},
): Promise<void> {
  for (const { name, scripts, keys, sha256 } of PHRASINGS_FILES) {
    const file = path.join(folder, name);
    if (!update && isWholeFile(file, keys)) {
      say(network, `${file} is there.`);
      continue;
    }
    const sources: string[] = [];
    let phrasings: Phrasings = {};
    for (const script of scripts) {
      const { from, wordings } = await readScript(script, network);
      sources.push(from);
      phrasings = merge(phrasings, wordings);
    }
    makeFolder(path.dirname(file));
    writeAtomic(file, `${headline(sources)}${stringify(phrasings, { lineWidth: 0 })}`);
    say(network, `${file}: read out of ${sources.join(' and ')}`);
    const found = createHash('sha256').update(JSON.stringify(phrasings)).digest('hex');
    if (found === sha256) continue;
    say(
      network,
      "  They are not the wordings that Tiller was written with: results may not compare with the paper's.",
    );
  }
}

type Phrasings = Record<string, unknown>;

/** Two scripts say something about one sentence. */
function merge(one: Phrasings, other: Phrasings): Phrasings {
  const both = { ...(one.one_sentence as object), ...(other.one_sentence as object) };
  return { ...one, ...other, ...(Object.keys(both).length ? { one_sentence: both } : {}) };
}

const headline = (sources: string[]) =>
  `# The wordings of the paper's instructions, by "${DOWNLOAD} data" out of\n` +
  sources.map((source) => `#   ${REPOSITORY}/${source}\n`).join('');

function isWholeFile(file: string, keys: string[]): boolean {
  if (!fs.existsSync(file)) return false;
  try {
    const value: unknown = parse(fs.readFileSync(file, 'utf8'));
    return keys.every((key) => Object.hasOwn(Object(value), key));
  } catch {
    return false;
  }
}

/** The wordings of a script, at the first place that has them. */
async function readScript({ names, read }: Script, network: Network) {
  const places = REVISIONS.flatMap((revision) => names.map((name) => `${revision}/${name}`));
  let problem = `has no ${names.join(' or ')} any more, neither at ${PINNED.slice(0, 7)} nor at main`;
  for (const from of places) {
    const bytes = await fetchRaw(`${REPOSITORY}/${from}`, network);
    if (!bytes) continue;
    try {
      const wordings = read(bytes.toString('utf8')) as Phrasings;
      if (!from.startsWith(PINNED)) {
        say(
          network,
          `  ${from} is not of the version that Tiller was written for (${PINNED.slice(0, 7)}): its wordings may be others.`,
        );
      }
      return { from, wordings };
    } catch (error) {
      if (!(error instanceof WordingsError)) throw error;
      problem = `has changed: the wordings in ${from} can't be read, ${error.message}`;
    }
  }
  throw new InputError(
    `${REPOSITORY} ${problem}. The prompt files are there; wordings of your own can be given by phrasings_path=<file> (see configs/*/phrasings.yaml).`,
  );
}
