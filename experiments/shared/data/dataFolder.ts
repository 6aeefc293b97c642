/**
 * A data folder holds all inputs of the experiments, under our names (`weights/tiny/prompts`) or the
 * authors' (`data`, from `weights/download.ts data`). `data_path=data` means the right file in every
 * step: each asks for the file of its role.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../../../src/util/errors';
import { projectRoot } from '../../../src/util/version';
import { inputPath } from './inputPath';

/** What a file is for: in words, and its names from the folder on, ours first. */
const ROLES = {
  questions: {
    what: 'the base queries',
    names: ['questions.jsonl', 'ifeval_wo_instructions.jsonl'],
  },
  /** What format vectors come from and layers are searched with. */
  format_training: {
    what: 'the prompts for format vectors',
    names: ['format.jsonl', 'format/ifeval_augmented_filtered.jsonl'],
  },
  format_evaluation: {
    what: 'the prompts for the evaluation of formats',
    names: ['format.jsonl', 'format/ifeval_single_instr_format.jsonl'],
  },
  include: {
    what: 'the rows that ask for a word',
    names: ['keywords_include.jsonl', 'keywords/ifeval_single_keyword_include.jsonl'],
  },
  exclude: {
    what: 'the rows that forbid a word',
    names: ['keywords_exclude.jsonl', 'keywords/ifeval_single_keyword_exclude.jsonl'],
  },
  include_validation: {
    what: 'the validation rows that ask for a word',
    names: ['keywords_include.jsonl', 'keywords/inclusion_validation.jsonl'],
  },
  exclude_validation: {
    what: 'the validation rows that forbid a word',
    names: ['keywords_exclude.jsonl', 'keywords/exclusion_validation.jsonl'],
  },
  ifeval_include: {
    what: 'the words to include',
    names: ['keywords_include.txt', 'keywords/ifeval_keywords_include.txt'],
  },
  ifeval_exclude: {
    what: 'the words to exclude',
    names: ['keywords_exclude.txt', 'keywords/ifeval_keywords_exclude.txt'],
  },
  length_phrasings: { what: 'the wordings about length', names: ['length/phrasings.yaml'] },
  keyword_phrasings: { what: 'the wordings about words', names: ['keywords/phrasings.yaml'] },
};
export type DataRole = keyof typeof ROLES;

/** Parts of the authors' folder: given one of them, the others are found beside it. */
const PARTS = ['format', 'keywords', 'length'];

const DOWNLOAD = 'npx ts-node weights/download.ts data';

/** Whether a file is there (links are followed). */
export const isFile = (place: string) =>
  fs.statSync(place, { throwIfNoEntry: false })?.isFile() ?? false;

/** Whether a config's path names one file: one that is there, or by its ending. */
export function namesFile(given: string): boolean {
  const place = inputPath(given);
  if (isFile(place)) return true;
  return !fs.existsSync(place) && path.extname(place) !== '';
}

/**
 * The file for a role: the one that is given, or the one in the folder that is given.
 * @param given a file or folder, from the working directory or from the project's folder
 * @param key the config key that gives it, for messages
 * @throws InputError for a folder without it, saying what was looked for and what to do; for a file
 *   that is not there
 */
export function dataFile(given: string, role: DataRole, key = 'data_path'): string {
  if (!namesFile(given)) return findIn(inputPath(given), role, key);
  const file = inputPath(given);
  if (isFile(file)) return file;
  const ours = role.endsWith('_phrasings') ? ` Or take our wordings: ${key}=configs` : '';
  throw new InputError(
    `Can't read ${file} (${key}): there is no such file.${downloadHint(file)}${ours}`,
  );
}

/**
 * The file for a role in the folder that is given, or beside the file that is given.
 * @param key the config key that would give it alone, for messages
 * @throws InputError when it is not there, as `dataFile`
 */
export function dataFileBeside(given: string, role: DataRole, key = 'data_path'): string {
  const place = inputPath(given);
  return findIn(namesFile(given) ? path.dirname(place) : place, role, key);
}

/**
 * The file of wordings: the one that is given, or in the folder that is given; else the one of the
 * data folder. Where that has none it is the project's own, and this is said.
 * @param given the config key `phrasings_path`
 * @param dataPath the config key `data_path`
 * @throws InputError as `dataFile`
 */
export function phrasingsFile(
  given: string | null,
  dataPath: string,
  role: 'length_phrasings' | 'keyword_phrasings',
): string {
  if (given !== null) return dataFile(given, role, 'phrasings_path');
  const place = inputPath(dataPath);
  const folder = namesFile(dataPath) ? path.dirname(place) : place;
  const found = lookIn(folder, role);
  if (found) return found;
  const own = path.join('configs', ROLES[role].names[0]);
  console.log(
    `Careful: ${folder} has no ${ROLES[role].names[0]}, so ${ROLES[role].what} are Tiller's own (${own}), ` +
      `not the paper's; "${DOWNLOAD}" fetches those.`,
  );
  return path.join(projectRoot, own);
}

function lookIn(folder: string, role: DataRole): string | undefined {
  const inPart = PARTS.includes(path.basename(path.resolve(folder)));
  const folders = [folder, ...(inPart ? [path.join(folder, '..')] : [])];
  return folders
    .flatMap((one) => namesIn(ROLES[role].names).map((name) => path.join(one, name)))
    .find(isFile);
}

function findIn(folder: string, role: DataRole, key: string): string {
  const { what, names } = ROLES[role];
  const found = lookIn(folder, role);
  if (found) return found;
  const wanted = names.map((name) => namesIn([name])[0]).join(' or ');
  const lacks = fs.existsSync(folder)
    ? `The folder ${folder} has no ${wanted}: ${what}, which this step needs.`
    : `There is no folder ${folder}, where ${what} (${wanted}) would be.`;
  throw new InputError(
    `${lacks} Give the file itself (${key}=...), or a folder that has it; "${DOWNLOAD}" fetches ` +
      "the authors' files into data, for data_path=data.",
  );
}

/** From a part of the authors' folder on, its files need no folder before their names. */
function namesIn(names: string[]): string[] {
  return names.flatMap((name) => {
    const plain = path.basename(name);
    // Wordings of length and of words have the same plain name.
    return name === plain || plain === 'phrasings.yaml' ? [name] : [plain, name];
  });
}

/** What to do about a missing file, where it is one that a download puts there; else ''. */
export function downloadHint(file: string): string {
  const full = path.resolve(file);
  const folders = [path.resolve('data'), path.join(projectRoot, 'data')];
  return folders.some((folder) => full.startsWith(folder + path.sep))
    ? ` Fetch the authors' files first: "${DOWNLOAD}".`
    : '';
}
