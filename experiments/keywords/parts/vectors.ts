import * as path from 'node:path';
import { InputError } from '../../../src/util/errors';
import { drawFor } from '../../shared/data/draws';
import { type Question, readPhrasings } from '../../shared/data/questions';
import { findVectorFile } from '../../shared/earlierSteps';
import { hashFile, hashOf } from '../../shared/provenance';
import type { Session } from '../../shared/session';
import {
  computeDirections,
  modelProvenance,
  type RepresentationOptions,
} from '../../shared/vectors/compute';
import type { Provenance } from '../../shared/vectors/vectorFile';
import {
  describeInstruction,
  type KeywordType,
  type SpecificInstruction,
  type WordSet,
  wordSetOf,
} from './data';

/** Wordings of the two instructions; `{w}` is the word. */
export type KeywordPhrasings = Record<KeywordType, string[]>;

/** Reads the phrasings file. @throws InputError naming what is missing in it */
export function loadKeywordPhrasings(file: string): KeywordPhrasings {
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
export interface KeywordVectorSettings {
  keyword_type: KeywordType;
  word_set: WordSet[];
  words_path: string | null;
  n_examples: number;
  seed: number;
  phrasings: KeywordPhrasings;
  /** The file of base queries. */
  queries_file: string;
}

/** Where a set is kept. The name is for people: what a file is for stands in its metadata. */
export function keywordVectorFile(folder: string, settings: KeywordVectorSettings): string {
  const { keyword_type, word_set, words_path, n_examples, seed, queries_file } = settings;
  const base = (file: string) => path.basename(file).replace(/\.\w+$/, '');
  const words = words_path ? base(words_path) : word_set.join('+');
  const name = `${keyword_type}_${words}_${base(queries_file)}_${n_examples}examples_seed${seed}`;
  return path.join(folder, `${name}.safetensors`);
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
  settings: KeywordVectorSettings,
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

const kindOf = (keyword_type: KeywordType) => ({ kind: 'keyword vectors', keyword_type });

/**
 * The newest file with vectors of all the words, made with the model that `provenance` says.
 * @param how the command that computes them
 * @throws InputError listing the words that each file lacks, and the command
 */
export function findKeywordVectors(
  folder: string,
  wanted: { type: KeywordType; words: string[]; provenance: Provenance },
  how: string,
): string {
  const expected = { ...kindOf(wanted.type), ...wanted.provenance };
  return findVectorFile(folder, expected, how, ({ words }) => {
    const there = new Set<unknown>(JSON.parse(String(words ?? '[]')));
    const missing = wanted.words.filter((word) => !there.has(word));
    const more = missing.length > 10 ? ` and ${missing.length - 10} more` : '';
    const shown = missing.slice(0, 10).join(', ') + more;
    return missing.length ? `it has no vectors of ${shown}` : undefined;
  });
}

/** The command that computes the vectors of an evaluation. */
export function representationsCommand(config: {
  specific_instruction: SpecificInstruction;
  model_name: string;
  vectors_model: string | null;
  data_path: string;
}): string {
  const { specific_instruction: name, vectors_model, model_name, data_path } = config;
  const words = path.extname(data_path) ? `words_path=${data_path}` : `word_set=${wordSetOf(name)}`;
  const data = path.extname(data_path) ? '' : ` data_path=${data_path}`;
  return (
    'npx ts-node experiments/keywords/compute_representations.ts ' +
    `model_name=${vectors_model ?? model_name} ` +
    `keyword_type=${describeInstruction(name).vectors} ${words}${data}`
  );
}
