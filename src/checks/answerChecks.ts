/** What answers are checked for, as people write it: IFEval's instructions, patterns, texts. */
import { followLoose, type Instruction, InstructionError, parseInstruction } from '../../ifeval';
import { REGISTRY } from '../../ifeval/registry';
import { didYouMean, InputError } from '../util/errors';
import { parseJson } from '../util/json';

/** Whether an answer obeys. */
export type Check = (answer: string) => boolean;

/** What all answers must be. */
export interface WantedChecks {
  /** IFEval's: `change_case:english_lowercase`, or with arguments `keywords:existence:{"keywords":["tea"]}`. */
  check: string[];
  /** Patterns that must match. */
  regex: string[];
  /** Of JavaScript, for `regex`. */
  regex_flags: string;
  contains: string[];
  not_contains: string[];
}

/**
 * The checks that are asked for.
 * @param named what a key is called in errors: `--check`
 * @throws InputError for an instruction that IFEval lacks or can't read, or a pattern that is none
 */
export function readChecks(wanted: WantedChecks, named: (key: string) => string): Check[] {
  return [
    ...wanted.check.map((given) => checkBy(readInstruction(given, named('check')))),
    ...wanted.regex.map((pattern) => regexCheck(pattern, wanted.regex_flags, named('regex'))),
    ...wanted.contains.map((part) => (answer: string) => answer.includes(part)),
    ...wanted.not_contains.map((part) => (answer: string) => !answer.includes(part)),
  ];
}

/**
 * The checks that a row brings along, as IFEval's rows do: `instruction_id_list` and `kwargs`.
 * @param where the row, for errors
 * @returns none where it brings none
 * @throws InputError for what IFEval lacks or can't read
 */
export function checksOfRow(row: Record<string, unknown> | undefined, where: string): Check[] {
  const { instruction_id_list: ids, kwargs } = row ?? {};
  if (ids === undefined) return [];
  const given = kwargs ?? (Array.isArray(ids) ? ids.map(() => ({})) : []);
  if (!Array.isArray(ids) || !Array.isArray(given) || ids.length !== given.length || !ids.length) {
    throw new InputError(`${where}: instruction_id_list and kwargs must be lists of one length.`);
  }
  return ids.map((id, i) => checkBy(instructionOf(String(id), given[i], where)));
}

/** Holds where all of them hold. */
export const allOf =
  (checks: Check[]): Check =>
  (answer) =>
    checks.every((check) => check(answer));

function regexCheck(pattern: string, flags: string, name: string): Check {
  try {
    // No g or y: such a pattern would remember where it stopped.
    const regex = new RegExp(pattern, flags.replace(/[gy]/g, ''));
    return (answer) => regex.test(answer);
  } catch (error) {
    throw new InputError(`${name} "${pattern}": ${(error as Error).message}.`);
  }
}

/**
 * An instruction of IFEval as it is written in `check`.
 * @param name what to call it in errors
 * @throws InputError for one that IFEval lacks or can't read
 */
export function readInstruction(given: string, name: string): Instruction {
  const at = given.indexOf(':{');
  const [id, json] = at < 0 ? [given, '{}'] : [given.slice(0, at), given.slice(at + 1)];
  const kwargs = parseJson(json);
  if (kwargs === undefined) throw new InputError(`${name} "${given}": ${json} is not JSON.`);
  return instructionOf(id, kwargs, `${name} "${given}"`);
}

const checkBy =
  (instruction: Instruction): Check =>
  (answer) =>
    followLoose(instruction, answer).followed;

function instructionOf(id: string, kwargs: unknown, what: string): Instruction {
  try {
    return parseInstruction(id, kwargs);
  } catch (error) {
    if (!(error instanceof InstructionError)) throw error;
    const hint = Object.hasOwn(REGISTRY, id) ? '' : didYouMean(id, Object.keys(REGISTRY));
    throw new InputError(`${what}: ${error.message}.${hint}`);
  }
}
