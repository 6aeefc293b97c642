/** What counts as obeying, and the prompts that a search asks: `--eval`, `--check` and the like. */
import { followLoose, InstructionError, parseInstruction } from '../../../ifeval';
import { REGISTRY } from '../../../ifeval/registry';
import { didYouMean, InputError } from '../../util/errors';
import { parseJson } from '../../util/json';
import { list, type Options, text } from '../command';
import { type Prompt, readPromptFile } from '../generate/prompts';

/** Whether an answer obeys. */
export type Check = (answer: string) => boolean;

export interface EvalRow extends Prompt {
  check: Check;
}

/**
 * The rows of `--eval`, each with what its answers are checked for: all that the options say, else the
 * row's own `instruction_id_list` and `kwargs`, as IFEval has them. Every check must hold.
 * @throws InputError for a row without a check, or a check that is none
 */
export function readEval(file: string, options: Options): EvalRow[] {
  const common = checksOf(options);
  return readPromptFile(file).map((prompt, i) => {
    const { instruction_id_list: ids, kwargs } = prompt.row ?? {};
    const where = `${file}, row ${i + 1}`;
    const own = common.length ? common : rowChecks(ids, kwargs, where);
    return { ...prompt, check: (answer) => own.every((check) => check(answer)) };
  });
}

/** For a record: what is checked. */
export const checkWords = (options: Options): Record<string, string[]> =>
  Object.fromEntries(
    ['check', 'regex', 'contains', 'not-contains']
      .map((name) => [name, list(options, name)] as const)
      .filter(([, values]) => values.length),
  );

function checksOf(options: Options): Check[] {
  const flags = text(options, 'regex-flags') ?? '';
  return [
    ...list(options, 'check').map(ifevalCheck),
    ...list(options, 'regex').map((pattern) => regexCheck(pattern, flags)),
    ...list(options, 'contains').map((part) => (answer: string) => answer.includes(part)),
    ...list(options, 'not-contains').map((part) => (answer: string) => !answer.includes(part)),
  ];
}

function regexCheck(pattern: string, flags: string): Check {
  try {
    // No g or y: such a pattern would remember where it stopped.
    const regex = new RegExp(pattern, flags.replace(/[gy]/g, ''));
    return (answer) => regex.test(answer);
  } catch (error) {
    throw new InputError(`--regex "${pattern}": ${(error as Error).message}.`);
  }
}

/** `change_case:english_lowercase`, or with arguments: `keywords:existence:{"keywords":["tea"]}`. */
function ifevalCheck(given: string): Check {
  const at = given.indexOf(':{');
  const [id, json] = at < 0 ? [given, '{}'] : [given.slice(0, at), given.slice(at + 1)];
  const kwargs = parseJson(json);
  if (kwargs === undefined) throw new InputError(`--check "${given}": ${json} is not JSON.`);
  return instructionCheck(id, kwargs, `--check "${given}"`);
}

function instructionCheck(id: string, kwargs: unknown, what: string): Check {
  try {
    const instruction = parseInstruction(id, kwargs);
    return (answer) => followLoose(instruction, answer).followed;
  } catch (error) {
    if (!(error instanceof InstructionError)) throw error;
    const hint = Object.hasOwn(REGISTRY, id) ? '' : didYouMean(id, Object.keys(REGISTRY));
    throw new InputError(`${what}: ${error.message}.${hint}`);
  }
}

function rowChecks(ids: unknown, kwargs: unknown, where: string): Check[] {
  if (ids === undefined) {
    throw new InputError(
      `${where} says not what its answers must be: give --check, --regex, --contains or ` +
        '--not-contains, or rows with "instruction_id_list" and "kwargs".',
    );
  }
  const given = kwargs ?? (Array.isArray(ids) ? ids.map(() => ({})) : []);
  if (!Array.isArray(ids) || !Array.isArray(given) || ids.length !== given.length || !ids.length) {
    throw new InputError(`${where}: instruction_id_list and kwargs must be lists of one length.`);
  }
  return ids.map((id, i) => instructionCheck(String(id), given[i], where));
}
