import * as fs from 'node:fs';
import * as path from 'node:path';
import { parse, stringify } from 'yaml';
import { InputError } from '../../src/util/errors';
import { makeFolder, writeAtomic } from '../../src/util/files';
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

/** The files that are made of them, with the keys that they have to have. */
export const PHRASINGS_FILES = [
  {
    name: 'length/phrasings.yaml',
    scripts: [LENGTH_VECTORS, LENGTH_EVALUATION],
    keys: ['levels', 'sentences', 'one_sentence', 'constraints'],
  },
  {
    name: 'keywords/phrasings.yaml',
    scripts: [KEYWORD_VECTORS],
    keys: ['include', 'exclude'],
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
  for (const { name, scripts, keys } of PHRASINGS_FILES) {
    const file = path.join(folder, name);
    if (!update && isWholeFile(file, keys)) {
      say(network, `${file} is there.`);
      continue;
    }
    const sources: string[] = [];
    let phrasings: Phrasings = {};
    for (const script of scripts) {
      const { from, source } = await fetchScript(script, network);
      sources.push(from);
      phrasings = merge(phrasings, readScript(script, from, source));
    }
    makeFolder(path.dirname(file));
    writeAtomic(file, `${headline(sources)}${stringify(phrasings, { lineWidth: 0 })}`);
    say(network, `${file}: read out of ${sources.join(' and ')}`);
  }
}

type Phrasings = Record<string, unknown>;

/** Two scripts say something about one sentence. */
function merge(one: Phrasings, other: Phrasings): Phrasings {
  const both = { ...(one.one_sentence as object), ...(other.one_sentence as object) };
  return { ...one, ...other, ...(Object.keys(both).length ? { one_sentence: both } : {}) };
}

const headline = (sources: string[]) =>
  '# The wordings of the paper\'s instructions, by "npx ts-node weights/download.ts data" out of\n' +
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

async function fetchScript({ names }: Script, network: Network) {
  const places = REVISIONS.flatMap((revision) => names.map((name) => `${revision}/${name}`));
  for (const from of places) {
    const bytes = await fetchRaw(`${REPOSITORY}/${from}`, network);
    if (!bytes) continue;
    if (!from.startsWith(PINNED)) {
      say(
        network,
        `  ${from} is not of the version that Tiller was written for (${PINNED.slice(0, 7)}): its wordings may be others.`,
      );
    }
    return { from, source: bytes.toString('utf8') };
  }
  throw new InputError(
    `${REPOSITORY} has no ${names.join(' or ')} any more, neither at ${PINNED.slice(0, 7)} nor at main. ${OTHERWISE}`,
  );
}

const OTHERWISE =
  'The prompt files are there; wordings of your own can be given by phrasings_path=<file> (see configs/*/phrasings.yaml).';

function readScript({ read }: Script, from: string, source: string): Phrasings {
  try {
    return read(source) as Phrasings;
  } catch (error) {
    if (!(error instanceof WordingsError)) throw error;
    throw new InputError(
      `${REPOSITORY}/${from}: its wordings can't be read, the script has changed: ${error.message}. ${OTHERWISE}`,
    );
  }
}
