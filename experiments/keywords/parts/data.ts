import * as fs from 'node:fs';
import { InputError } from '../../../src/util/errors';
import { readText } from '../../../src/util/files';
import { type DataRole, dataFileBeside, isFile } from '../../shared/data/dataFolder';
import { inputPath } from '../../shared/data/inputPath';
import {
  type InstructionRow,
  kwargsOf,
  loadInstructionRows,
} from '../../shared/data/instructionRows';
import { loadQuestions, type Question, readJsonl, shorten } from '../../shared/data/questions';

export const KEYWORD_TYPES = ['include', 'exclude'] as const;
export type KeywordType = (typeof KEYWORD_TYPES)[number];
export const WORD_SETS = ['ifeval_include', 'ifeval_exclude', 'validation'] as const;
export type WordSet = (typeof WORD_SETS)[number];

/** What is evaluated: rows about which instruction, steered by which vectors, which way. */
const INSTRUCTIONS = {
  existence: { data: 'include', vectors: 'include', away: false },
  /** Away from the vector that includes the word. */
  forbidden: { data: 'exclude', vectors: 'include', away: true },
  forbidden_w_forbidden_rep: { data: 'exclude', vectors: 'exclude', away: false },
} as const;

type Instruction = keyof typeof INSTRUCTIONS;
export type SpecificInstruction = Instruction | `${Instruction}_validation`;
const names = Object.keys(INSTRUCTIONS) as Instruction[];
export const SPECIFIC_INSTRUCTIONS: SpecificInstruction[] = [
  ...names,
  ...names.map((name) => `${name}_validation` as const),
];

/** E.g. `forbidden_validation`: validation rows about exclusion, away from include vectors. */
export function describeInstruction(name: SpecificInstruction): {
  data: KeywordType;
  vectors: KeywordType;
  away: boolean;
  validation: boolean;
} {
  const validation = name.endsWith('_validation');
  const plain = name.replace(/_validation$/, '') as Instruction;
  return { ...INSTRUCTIONS[plain], validation };
}

/** The words that rows of a specific instruction need vectors of. */
export function wordSetOf(name: SpecificInstruction): WordSet {
  const { data, validation } = describeInstruction(name);
  return validation ? 'validation' : `ifeval_${data}`;
}

/** Which file of a data folder holds the rows of a specific instruction. */
export function rowsRole(name: SpecificInstruction): DataRole {
  const { data, validation } = describeInstruction(name);
  return validation ? `${data}_validation` : data;
}

const KEYWORD_IDS = { include: 'keywords:existence', exclude: 'keywords:forbidden_words' };

/** A row of the evaluation: a query, and the words that its answer has to hold or do without. */
export interface KeywordQuery extends InstructionRow {
  /** Trimmed, otherwise as written; each gets its own edit. */
  words: string[];
}

/**
 * The rows of a specific instruction. Where the file says which rows are for validation and which
 * for evaluation, only those are taken. Rows about the same query have the same key.
 * @throws InputError as `loadInstructionRows`; for rows about something else, or given twice
 */
export function loadKeywordRows(file: string, name: SpecificInstruction): KeywordQuery[] {
  const { data, validation } = describeInstruction(name);
  const id = KEYWORD_IDS[data];
  const all = loadInstructionRows(file, { checked: true, sharedKeys: true }).map(
    (row, index): KeywordQuery => {
      const other = row.instructions.find((instruction) => instruction.id !== id);
      if (other) {
        throw new InputError(
          `${file}, row ${index + 1}: its instruction is ${other.id}; ${name} needs rows of ${id}.`,
        );
      }
      const words = wordsOf(row.kwargs);
      if (!words.length) throw new InputError(`${file}, row ${index + 1}: no words in its kwargs.`);
      return { ...row, words };
    },
  );
  const split = validation ? 'validation' : 'eval';
  const rows = all.filter((row) => row.split === undefined || row.split === split);
  if (!rows.length) throw new InputError(`${file} has no rows of split ${split}.`);
  const keys = new Map<string, string>();
  const seen = new Set<string>();
  return rows.map((row) => {
    const key = keys.get(row.withoutInstruction) ?? row.key;
    keys.set(row.withoutInstruction, key);
    const mark = JSON.stringify([key, row.words]);
    if (seen.has(mark)) {
      throw new InputError(`${file}: "${row.prompt.slice(0, 60)}…" comes twice with its words.`);
    }
    seen.add(mark);
    return { ...row, key };
  });
}

function wordsOf(kwargs: Record<string, unknown>[]): string[] {
  const words = kwargs.flatMap(
    ({ keywords, forbidden_words }) => keywords ?? forbidden_words ?? [],
  );
  const other = words.find((word) => typeof word !== 'string');
  if (other === undefined) return normalise(words as string[]);
  throw new InputError(`The words of a row hold ${shorten(other)}, which is no text.`);
}

/** Words are taken as written, without space around them; each once. */
function normalise(words: string[]): string[] {
  return [...new Set(words.map((word) => word.trim()).filter(Boolean))];
}

/**
 * The words that get vectors: of a file (one a line, or rows with kwargs), or of the word sets in a
 * data folder. `validation` is the words of both validation files.
 * @throws InputError for a file that is not there or holds no words
 */
export function loadWords(dataPath: string, sets: WordSet[], wordsPath: string | null): string[] {
  const files = wordsPath
    ? [inputPath(wordsPath)]
    : sets.flatMap((set) =>
        (set === 'validation'
          ? (['include_validation', 'exclude_validation'] as const)
          : ([set] as const)
        ).map((role) => dataFileBeside(dataPath, role)),
      );
  return normalise(files.flatMap(readWords));
}

function readWords(file: string): string[] {
  if (!isFile(file)) {
    const why = fs.existsSync(file)
      ? 'it is a folder. word_set=... takes the words of a folder (data_path)'
      : 'there is no such file';
    throw new InputError(`Can't read the words in ${file}: ${why}.`);
  }
  const words = file.endsWith('.jsonl')
    ? readJsonl(file).flatMap((row, index) =>
        wordsOf(
          kwargsOf(row, (problem) => {
            throw new InputError(`${file}, row ${index + 1}: ${problem}.`);
          }),
        ),
      )
    : normalise(readText(file, 'the words').split('\n'));
  if (!words.length) throw new InputError(`${file} holds no words.`);
  return words;
}

/**
 * The first `count` base queries for vectors: not those for evaluation, and none that came with an
 * instruction about keywords (its words may be evaluated on just that query).
 * @throws InputError when there are fewer
 */
export function keywordQueries(file: string, count: number): Question[] {
  const rows = readJsonl(file);
  const about = ({ instruction_id_list: ids }: Record<string, unknown>) =>
    Array.isArray(ids) && ids.some((id) => String(id).startsWith('keywords:'));
  const queries = loadQuestions(file).filter(({ split }, i) => {
    return (split ?? 'train') === 'train' && !about(rows[i]);
  });
  if (queries.length >= count) return queries.slice(0, count);
  throw new InputError(
    `${file} has ${queries.length} queries for representations (without those for evaluation and ` +
      `those with an instruction about keywords); n_examples asks for ${count}.`,
  );
}
