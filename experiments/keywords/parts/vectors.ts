import * as path from 'node:path';
import { InputError } from '../../../src/util/errors';
import { hashOf } from '../../../src/util/hash';
import { hashFile } from '../../../src/util/hashFile';
import type { Provenance } from '../../../src/vectors/vectorFile';
import {
  baseName,
  usualSettings,
  type VectorFileSettings,
  vectorFileName,
} from '../../shared/command/names';
import { dataFileBeside, namesFile, phrasingsFile } from '../../shared/data/dataFolder';
import { drawFor } from '../../shared/data/draws';
import { type Question, readPhrasings } from '../../shared/data/questions';
import {
  findVectorFile,
  foreseen,
  inputMark,
  lacksLayers,
  parseList,
  vectorsThemselves,
  without,
} from '../../shared/earlierSteps';
import type { Session } from '../../shared/session';
import {
  computeDirections,
  modelProvenance,
  type RepresentationOptions,
} from '../../shared/vectors/compute';
import {
  describeInstruction,
  type KeywordType,
  type SpecificInstruction,
  type WordSet,
  wordSetOf,
} from './data';

/** Wordings of the two instructions; `{w}` is the word. */
export type KeywordPhrasings = Record<KeywordType, string[]>;

/**
 * Reads the phrasings, see `phrasingsFile`.
 * @throws InputError naming what is missing in them, or as `phrasingsFile`
 */
export function loadKeywordPhrasings(given: string | null, dataPath = ''): KeywordPhrasings {
  const file = phrasingsFile(given, dataPath, 'keyword_phrasings');
  const value = readPhrasings<KeywordPhrasings>(file);
  for (const type of ['include', 'exclude'] as const) {
    const list: unknown = value?.[type];
    const good = (one: unknown) => typeof one === 'string' && one.includes('{w}');
    if (Array.isArray(list) && list.length && list.every(good)) continue;
    throw new InputError(`${file}: ${type} must be a list of instructions that hold {w}.`);
  }
  return value as KeywordPhrasings;
}

/** The query with an instruction about the word, in a wording drawn for the two of them. */
export function withKeyword(
  { key, prompt }: Question,
  word: string,
  phrasings: string[],
  seed: number,
): string {
  return `${prompt} ${drawFor(phrasings, seed, key, word).replaceAll('{w}', () => word)}`;
}

/** What a set of keyword vectors is computed from. */
export interface KeywordVectorSettings extends VectorFileSettings {
  /** Whose vectors they are. */
  model_name: string;
  keyword_type: KeywordType;
  word_set: WordSet[];
  words_path: string | null;
  n_examples: number;
  seed: number;
  /** The file of base queries. */
  queries_file: string;
}

/** Where a set is kept. The name is for people: what a file is for stands in its metadata. */
export function keywordVectorFile(folder: string, settings: KeywordVectorSettings): string {
  const { keyword_type, word_set, words_path, n_examples, seed, queries_file } = settings;
  const words = words_path ? baseName(words_path) : [...new Set(word_set)].join('+');
  const data = baseName(queries_file);
  const shown = `${keyword_type}_${words}_${data}_${n_examples}examples_seed${seed}`;
  return path.join(folder, vectorFileName(STEP, shown, settings, settings.model_name));
}

/**
 * The file that `run.ts` computes for this step: its word sets (a test compares them), and this
 * step's settings.
 */
function usualVectorFile(type: KeywordType, evaluation: Record<string, unknown>): string {
  const model_name = String(evaluation.vectors_model ?? evaluation.model_name);
  const { seed, n_examples, data_path } = usualSettings(STEP, model_name);
  return keywordVectorFile('', {
    ...evaluation,
    model_name,
    keyword_type: type,
    word_set: USUAL_SETS[type],
    words_path: null,
    n_examples: Number(n_examples),
    seed: Number(seed),
    queries_file: queriesFor(String(evaluation.data_path), String(data_path)),
  });
}

/** The base queries beside an evaluation's rows; the usual ones where there are none. */
function queriesFor(dataPath: string, usual: string): string {
  try {
    return dataFileBeside(dataPath, 'questions');
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return dataFileBeside(usual, 'questions');
  }
}

/**
 * Step 1 of the keyword experiment: for every word, each query with an instruction about it against
 * the same query alone, at the last prompt token. One direction a word.
 * @throws InputError as `computeDirections`
 */
export async function computeKeywordVectors(
  session: Session,
  queries: Question[],
  words: string[],
  settings: KeywordVectorSettings & { phrasings: KeywordPhrasings },
  file: string,
  options: RepresentationOptions,
): Promise<void> {
  const { keyword_type, seed } = settings;
  const phrasings = settings.phrasings[keyword_type];
  const without = queries.map(({ prompt }) => prompt);
  const groups = new Map(
    words.map((word) => {
      const withIt = queries.map((query) => withKeyword(query, word, phrasings, seed));
      return [word, { withIt, without }] as const;
    }),
  );
  const provenance: Provenance = {
    ...kindOf(keyword_type),
    ...modelProvenance(session),
    words: JSON.stringify(words),
    data_path: settings.queries_file,
    data_sha256: hashFile(settings.queries_file),
    example_keys: JSON.stringify(queries.map(({ key }) => key)),
    n_examples: String(settings.n_examples),
    seed: String(seed),
    phrasings: hashOf(phrasings),
  };
  await computeDirections(session, groups, file, provenance, options);
}

const STEP = 'keywords/compute_representations';

/** The word sets that `run.ts` computes vectors of. */
export const USUAL_SETS: Record<KeywordType, WordSet[]> = {
  include: ['ifeval_include', 'ifeval_exclude', 'validation'],
  exclude: ['ifeval_exclude'],
};

const kindOf = (keyword_type: KeywordType) => ({ kind: 'keyword vectors', keyword_type });

/** Where the vectors of an evaluation come from. */
export interface KeywordVectorSource {
  folder: string;
  type: KeywordType;
  /** The evaluation's settings. */
  config: Record<string, unknown>;
  chosen: string | null;
  made: readonly string[];
}

/** Which vectors an evaluation would take, for a dry run. */
export function foreseeKeywordVectors({ folder, type, config, ...source }: KeywordVectorSource) {
  const usual = usualVectorFile(type, config);
  const isOne = (name: string) => name.startsWith(`${type}_`);
  return inputMark(folder, foreseen(folder, { ...source, usual }, '.safetensors', isOne), usual);
}

/**
 * The file with vectors of all the words, made with the model that `provenance` says.
 * @param how the command that computes them
 * @returns the file, and what it adds to the name of what is made with it
 * @throws InputError listing the words that each file lacks, and the command; or in what several differ
 */
export function findKeywordVectors(
  { folder, type, config, ...source }: KeywordVectorSource,
  wanted: { words: string[]; layers: number[]; provenance: Provenance; backend: string },
  how: string,
): { file: string; mark: string[] } {
  const usual = usualVectorFile(type, config);
  const file = findVectorFile(folder, {
    ...source,
    expected: { ...kindOf(type), ...wanted.provenance },
    preferred: { backend: wanted.backend },
    lacks: (says) => lacksWords(says, wanted.words) ?? lacksLayers(says, wanted.layers),
    // A word's vector is the same, whatever other words and layers there are.
    same: (says) => without(vectorsThemselves(says), ['words', 'prompts']),
    usual,
    key: 'vectors_file',
    how,
  });
  return { file, mark: inputMark(folder, file, usual) };
}

function lacksWords({ words }: Record<string, unknown>, wanted: string[]): string | undefined {
  const there = new Set(parseList(words));
  const missing = wanted.filter((word) => !there.has(word));
  const more = missing.length > 10 ? ` and ${missing.length - 10} more` : '';
  const shown = missing.slice(0, 10).join(', ') + more;
  return missing.length ? `it has no vectors of ${shown}` : undefined;
}

/** The command that computes the vectors of an evaluation. */
export function representationsCommand(config: {
  specific_instruction: SpecificInstruction;
  model_name: string;
  vectors_model: string | null;
  data_path: string;
}): string {
  const { specific_instruction: name, vectors_model, model_name, data_path } = config;
  const isOne = namesFile(data_path);
  const words = isOne ? `words_path=${data_path}` : `word_set=${wordSetsFor(name)}`;
  const data = isOne ? '' : ` data_path=${data_path}`;
  return (
    'npx ts-node experiments/keywords/compute_representations.ts ' +
    `model_name=${vectors_model ?? model_name} ` +
    `keyword_type=${describeInstruction(name).vectors} ${words}${data}`
  );
}

/** The usual sets where they have the words, for one file of vectors to serve several evaluations. */
function wordSetsFor(name: SpecificInstruction): string {
  const set = wordSetOf(name);
  const usual = USUAL_SETS[describeInstruction(name).vectors];
  const sets = usual.includes(set) ? usual : [set];
  return sets.length > 1 ? `[${sets.join(',')}]` : sets[0];
}
