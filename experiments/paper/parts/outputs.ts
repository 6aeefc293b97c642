/** Outputs as the authors published them: responses, with the verdicts that their scripts recorded. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isMap } from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';
import { idsOf, kwargsOf, withLanguage } from '../../shared/data/instructionRows';
import { readJsonl, shorten } from '../../shared/data/questions';

/** The files of the layer search: prompts without the instruction, and with it. */
export const SEARCHES = {
  without: 'layer_search_no_instr.jsonl',
  with: 'layer_search_instr.jsonl',
} as const;
export type Search = keyof typeof SEARCHES;

/** The files of the evaluation, in the order of its cells. */
export const CELLS = {
  none: 'format_no_instr.jsonl',
  steered: 'format_no_instr_steered.jsonl',
  instruction: 'format_instr.jsonl',
  both: 'format_instr_steered.jsonl',
} as const;
export type CellName = keyof typeof CELLS;

/** A response of a published file. */
export interface OutputRow {
  /** File and row: unique. */
  id: string;
  /** The instruction that the row is about; each language is one of its own. */
  instruction_id: string;
  /** All that a response is checked by; in these files the one. */
  ids: string[];
  kwargs: Record<string, unknown>[];
  /** Empty where the file has none. */
  prompt: string;
  response: string;
  /** The authors' verdict (`follow_all_instructions`), where the file has one. */
  recorded?: boolean;
}

/** A response of a layer search. */
export interface SearchRow extends OutputRow {
  /** null: unsteered. */
  layer: number | null;
  /** null: missing, or NaN. */
  perplexity: number | null;
}

export interface Outputs {
  searches: Partial<Record<Search, SearchRow[]>>;
  cells: Partial<Record<CellName, OutputRow[]>>;
  /** Names of the files that the folder lacks. */
  missing: string[];
}

/**
 * Reads the files that a folder has of the six.
 * @throws InputError for a folder with none of them, and naming file and row for what is wrong in them
 */
export function readOutputs(folder: string): Outputs {
  const names: string[] = [...Object.values(SEARCHES), ...Object.values(CELLS)];
  const missing = names.filter((name) => !fs.existsSync(path.join(folder, name)));
  if (missing.length === names.length) {
    const why = fs.existsSync(folder) ? 'has none of these files' : 'is not there';
    throw new InputError(`The folder ${folder} ${why}. Wanted: ${names.join(', ')}.`);
  }
  const problems: string[] = [];
  const read = <T>(name: string, rowOf: RowReader<T>) =>
    missing.includes(name) ? undefined : readRows(path.join(folder, name), rowOf, problems);
  const outputs: Outputs = {
    searches: {
      without: read(SEARCHES.without, searchRow),
      with: read(SEARCHES.with, searchRow),
    },
    cells: {
      none: read(CELLS.none, outputRow),
      steered: read(CELLS.steered, outputRow),
      instruction: read(CELLS.instruction, outputRow),
      both: read(CELLS.both, outputRow),
    },
    missing,
  };
  if (problems.length) throw new InputError(`${problems.join('.\n')}.`);
  return outputs;
}

type Fields = Record<string, unknown>;
type Complain = (problem: string) => void;
type RowReader<T> = (fields: Fields, id: string, complain: Complain) => T;

function readRows<T>(file: string, rowOf: RowReader<T>, problems: string[]): T[] {
  return readJsonl(file).map((fields, index) => {
    const place = `row ${index + 1}`;
    const complain = (problem: string) => problems.push(`${file}, ${place}: ${problem}`);
    return rowOf(fields, `${path.basename(file)}, ${place}`, complain);
  });
}

function outputRow(fields: Fields, id: string, complain: Complain): OutputRow {
  const given = kwargsIn(fields, complain);
  const ids = idsOf(fields, complain).map((one, i) => withLanguage(one, given[i]));
  if (!ids.length) complain('no "instruction_id_list"');
  const { prompt, response } = fields;
  if (typeof response !== 'string') complain('no text in "response"');
  return {
    id,
    instruction_id: ids[0] ?? '',
    ids,
    kwargs: ids.map((one, i) => withItsLanguage(one, given[i] ?? {})),
    prompt: typeof prompt === 'string' ? prompt : '',
    response: String(response),
    recorded: recordedIn(fields, complain),
  };
}

function searchRow(fields: Fields, id: string, complain: Complain): SearchRow {
  const { layer, perplexity = null } = fields;
  if (layer !== null && !(Number.isInteger(layer) && (layer as number) >= -1)) {
    complain(`its layer is ${shorten(layer)}, not a whole number from -1 (unsteered) on`);
  }
  if (perplexity !== null && typeof perplexity !== 'number') {
    complain(`its perplexity is ${shorten(perplexity)}, not a number`);
  }
  return {
    ...outputRow(fields, id, complain),
    layer: layer === -1 ? null : (layer as number | null),
    perplexity: perplexity as number | null,
  };
}

/** `kwargs`, or, in a row that is about one instruction, `single_instruction_kwargs`. */
function kwargsIn(fields: Fields, complain: Complain): Fields[] {
  const { kwargs, single_instruction_kwargs: single } = fields;
  if (isMap(kwargs)) return [kwargs];
  return (kwargs ?? null) === null && isMap(single) ? [single] : kwargsOf(fields, complain);
}

/** A language that only the id names, among the arguments. */
function withItsLanguage(id: string, kwargs: Fields): Fields {
  const [, language] = /^language:response_language_(.+)$/.exec(id) ?? [];
  return language && (kwargs.language ?? null) === null ? { ...kwargs, language } : kwargs;
}

/** pandas writes verdicts as 1 and 0 at times. */
function recordedIn({ follow_all_instructions: verdict }: Fields, complain: Complain) {
  if (verdict === undefined || verdict === null) return undefined;
  if (typeof verdict === 'boolean') return verdict;
  if (verdict === 0 || verdict === 1) return verdict === 1;
  complain(`its follow_all_instructions is ${shorten(verdict)}, not true or false`);
  return undefined;
}
