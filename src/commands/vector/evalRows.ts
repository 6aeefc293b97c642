/** The prompts that a search asks, and what counts as obeying: `--eval`, `--check` and the like. */
import { allOf, type Check, checksOfRow, readChecks } from '../../checks/answerChecks';
import { type Prompt, readPromptFile } from '../../text/promptFile';
import { InputError } from '../../util/errors';
import { list, type Options, text } from '../command';

export interface EvalRow extends Prompt {
  check: Check;
}

/**
 * The rows of `--eval`, each with what its answers are checked for: all that the options say, else the
 * row's own `instruction_id_list` and `kwargs`, as IFEval has them. Every check must hold.
 * @throws InputError for a row without a check, or a check that is none
 */
export function readEval(file: string, options: Options): EvalRow[] {
  const common = readChecks(
    {
      check: list(options, 'check'),
      regex: list(options, 'regex'),
      regex_flags: text(options, 'regex-flags') ?? '',
      contains: list(options, 'contains'),
      not_contains: list(options, 'not-contains'),
    },
    (key) => `--${key}`,
  );
  return readPromptFile(file).map((prompt, i) => {
    const where = `${file}, row ${i + 1}`;
    const own = common.length ? common : checksOfRow(prompt.row, where);
    if (own.length) return { ...prompt, check: allOf(own) };
    throw new InputError(
      `${where} says not what its answers must be: give --check, --regex, --contains or ` +
        '--not-contains, or rows with "instruction_id_list" and "kwargs".',
    );
  });
}

/** For a record: what is checked. */
export const checkWords = (options: Options): Record<string, string[]> =>
  Object.fromEntries(
    ['check', 'regex', 'contains', 'not-contains']
      .map((name) => [name, list(options, name)] as const)
      .filter(([, values]) => values.length),
  );
