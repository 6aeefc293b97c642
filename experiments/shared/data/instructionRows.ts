import {
  followLoose,
  followStrict,
  type Instruction,
  InstructionError,
  parseInstruction,
} from '../../../ifeval';
import { isMap } from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';
import { identityField, identityOf, readJsonl, shorten, splitOf } from './questions';

/** A prompt with an instruction, and the same without it: the rows of format and keywords. */
export interface InstructionRow {
  /** Unique in its file, unless rows may share keys: see `identityOf`. */
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

interface LoadOptions {
  /** Whether responses will be checked. */
  checked: boolean;
  /** Whether a `key` is that of the query, which several rows may be about. */
  sharedKeys?: boolean;
  /** For files that are not quite like the others. */
  reader?: RowReader;
}

export interface RowReader {
  /** A row in the usual form; undefined leaves it out. */
  adapt(row: Record<string, unknown>): Record<string, unknown> | undefined;
  /** Whether a row whose responses can't be checked is left out; else it is refused. */
  spare(row: Record<string, unknown>, problem: string): boolean;
}

/**
 * Reads rows as in the authors' files: `prompt`, `prompt_without_instruction`, `instruction_id_list`
 * (or `single_instruction_id`), `kwargs`. Rows may do without `kwargs` unless they are to be checked.
 * @throws InputError naming file and row for each missing field, unknown id, bad argument, or for an
 *   identity that comes twice
 */
export function loadInstructionRows(
  file: string,
  { checked, sharedKeys = false, reader }: LoadOptions,
): InstructionRow[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  const all = readJsonl(file);
  if (all.every((row) => row.prompt_without_instruction === undefined)) {
    throw new InputError(
      `${file}: no row has "prompt_without_instruction". This step needs prompts with an instruction ` +
        'beside the same prompts without it; in a folder (data_path=<folder>) it finds the right file.',
    );
  }
  const rows = all.flatMap((given, index): InstructionRow | [] => {
    const row = reader ? reader.adapt(given) : given;
    if (!row) return [];
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
    const key = identityOf(row, index, complain);
    const field = identityField(row);
    const shared = sharedKeys && field === 'key';
    if (seen.has(key) && !shared) complain(`${field} ${key} comes twice`);
    seen.add(key);
    if (checked && kwargs.length !== ids.length) {
      complain(`${kwargs.length} sets of kwargs for ${ids.length} instructions`);
    }
    const faults: string[] = [];
    const instructions = checked ? parse(ids, kwargs, (fault) => faults.push(fault)) : [];
    if (faults.length && reader?.spare(given, `row ${index + 1}, ${faults[0]}`)) return [];
    faults.forEach(complain);
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

/** The instructions of a row, from whichever field of the authors' files names them. */
export function idsOf(row: Record<string, unknown>, complain: (problem: string) => void): string[] {
  const { single_instruction_id: single, instruction_id_list_for_eval, instruction_id_list } = row;
  const list = single ?? instruction_id_list_for_eval ?? instruction_id_list ?? [];
  const ids = Array.isArray(list) ? list : [list];
  if (ids.every((id) => typeof id === 'string')) return ids;
  complain(`its instructions are ${shorten(list)}, not a list of ids`);
  return [];
}

const LANGUAGE = 'language:response_language';

/** Each language is an instruction of its own. */
export const withLanguage = (id: string, kwargs?: Record<string, unknown>) =>
  id === LANGUAGE && typeof kwargs?.language === 'string' ? `${id}_${kwargs.language}` : id;

/** The id by which IFEval knows an instruction: it takes the language as an argument. */
export const officialId = (id: string) => (id.startsWith(`${LANGUAGE}_`) ? LANGUAGE : id);

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
