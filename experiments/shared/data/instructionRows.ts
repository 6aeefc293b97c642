import {
  followLoose,
  followStrict,
  type Instruction,
  InstructionError,
  parseInstruction,
} from '../../../ifeval';
import { isMap } from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';
import { keyOf, readJsonl, shorten, splitOf } from './questions';

/** A prompt with an instruction, and the same without it: the rows of format and keywords. */
export interface InstructionRow {
  /** Unique in its file, unless rows may share keys. */
  key: string;
  prompt: string;
  withoutInstruction: string;
  /**
   * The instruction that the row is about, e.g. `change_case:english_lowercase`; each language is one
   * of its own, as in the authors' files: `language:response_language_es`.
   */
  id: string;
  /** All instructions of the row; most experiments are about rows with one. */
  ids: string[];
  /** What the response is checked by; empty where the file has no arguments for it. */
  instructions: Instruction[];
  kwargs: Record<string, unknown>[];
  /** `train`, `validation` or `eval`, where the file says so. */
  split?: string;
}

/**
 * Reads rows as in the authors' files: `prompt`, `prompt_without_instruction`, `instruction_id_list`
 * (or `single_instruction_id`), `kwargs`. Rows may do without `kwargs` unless they are to be checked.
 * @param options.checked whether responses will be checked
 * @param options.sharedKeys whether a key is that of the query, which several rows may be about
 * @throws InputError naming file and row for each missing field, unknown id or bad argument
 */
export function loadInstructionRows(
  file: string,
  { checked, sharedKeys = false }: { checked: boolean; sharedKeys?: boolean },
): InstructionRow[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  const rows = readJsonl(file).map((row, index): InstructionRow => {
    const complain = (text: string) => problems.push(`${file}, row ${index + 1}: ${text}`);
    const textOf = (field: string) => {
      const value = row[field];
      if (typeof value === 'string' && value.trim()) return value.trim();
      complain(`no text in "${field}"`);
      return '';
    };
    const kwargs = kwargsOf(row, complain);
    const ids = idsOf(row, complain).map((id, i) => withLanguage(id, kwargs[i]));
    if (!ids.length) complain('no "instruction_id_list"');
    const key = keyOf(row, index, complain);
    if (seen.has(key) && !sharedKeys) complain(`key ${key} comes twice`);
    seen.add(key);
    if (checked && kwargs.length !== ids.length) {
      complain(`${kwargs.length} sets of kwargs for ${ids.length} instructions`);
    }
    const instructions = checked ? parse(ids, kwargs, complain) : [];
    return {
      key,
      prompt: textOf('prompt'),
      withoutInstruction: textOf('prompt_without_instruction'),
      id: ids[0] ?? '',
      ids,
      instructions,
      kwargs,
      split: splitOf(row, complain),
    };
  });
  if (problems.length) throw new InputError(`${problems.join('.\n')}.`);
  return rows;
}

/** The arguments of each instruction; none where the row has none. */
export function kwargsOf(
  { kwargs }: Record<string, unknown>,
  complain: (problem: string) => void,
): Record<string, unknown>[] {
  if (kwargs === undefined || kwargs === null) return [];
  if (Array.isArray(kwargs) && kwargs.every(isMap)) return kwargs;
  complain(`its kwargs are ${shorten(kwargs)}, not a list of objects`);
  return [];
}

function idsOf(row: Record<string, unknown>, complain: (problem: string) => void): string[] {
  const { single_instruction_id: single, instruction_id_list_for_eval, instruction_id_list } = row;
  const list = single ?? instruction_id_list_for_eval ?? instruction_id_list ?? [];
  const ids = Array.isArray(list) ? list : [list];
  if (ids.every((id) => typeof id === 'string')) return ids;
  complain(`its instructions are ${shorten(list)}, not a list of ids`);
  return [];
}

const LANGUAGE = 'language:response_language';

const withLanguage = (id: string, kwargs?: Record<string, unknown>) =>
  id === LANGUAGE && typeof kwargs?.language === 'string' ? `${id}_${kwargs.language}` : id;

/** The id by which IFEval knows an instruction: it takes the language as an argument. */
const officialId = (id: string) => (id.startsWith(`${LANGUAGE}_`) ? LANGUAGE : id);

function parse(
  ids: string[],
  kwargs: Record<string, unknown>[],
  complain: (text: string) => void,
): Instruction[] {
  return ids.flatMap((id, i) => {
    try {
      return [parseInstruction(officialId(id), kwargs[i] ?? {})];
    } catch (error) {
      if (!(error instanceof InstructionError)) throw error;
      error.problems.forEach(complain);
      return [];
    }
  });
}

/** Whether a response follows all instructions of its row. */
export function follows(row: InstructionRow, response: string, mode: 'strict' | 'loose'): boolean {
  const follow = mode === 'strict' ? followStrict : followLoose;
  return row.instructions.every((instruction) => follow(instruction, response).followed);
}
