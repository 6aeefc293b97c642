import { allOf, type Check, checksOfRow, readChecks } from '../../../src/checks/answerChecks';
import type { ModelFiles } from '../../../src/hub/fingerprint';
import { readPromptFile } from '../../../src/text/promptFile';
import { InputError } from '../../../src/util/errors';
import { readText } from '../../../src/util/files';
import { parseJson } from '../../../src/util/json';
import { readPairs } from '../../../src/vectors/readPairs';
import { dataFile, namesFile } from '../../shared/data/dataFolder';
import { inputPath } from '../../shared/data/inputPath';
import { identityOf, loadQuestions } from '../../shared/data/questions';
import { promptEncoder } from '../../shared/prompts';
import type { SessionConfig } from '../../shared/session';

/** A prompt of an evaluation. */
export interface CustomPrompt {
  key: string;
  prompt: string;
  /** The same prompt with the instruction; null: there is none. */
  withIt: string | null;
  system?: string;
  /** Whether an answer obeys; null: nothing is checked. */
  check: Check | null;
}

export interface PromptsConfig extends SessionConfig {
  data_path: string | null;
  prompts: string[] | null;
  n_examples: number | null;
  instruction: string | null;
  system: string | null;
  include_instructions: boolean | 'both';
  check: string[] | null;
  regex: string[] | null;
  regex_flags: string | null;
  contains: string[] | null;
  not_contains: string[] | null;
}

/** A prompt, and what its row says besides. */
interface Given {
  prompt: string;
  withIt?: string;
  system?: string;
  row?: Record<string, unknown>;
}

/**
 * The prompts of a config, with their instructions and checks.
 * @param model that reads them
 * @throws InputError for a file that holds no prompts, a conversation, a check that is none; where only
 *   some prompts have an instruction or a check; for a system prompt that the model does not take
 */
export function loadPrompts(model: ModelFiles, config: PromptsConfig): CustomPrompt[] {
  const { file, given } = readGiven(config);
  const common = commonChecks(config);
  const rows = given.slice(0, config.n_examples ?? undefined).map((one, i): CustomPrompt => {
    const where = `${file}, row ${i + 1}`;
    const complain = (text: string): never => {
      throw new InputError(`${where}: ${text}.`);
    };
    const checks = common.length ? common : checksOfRow(one.row, where);
    const system = one.system ?? config.system ?? undefined;
    return {
      key: identityOf(one.row ?? {}, i, complain),
      prompt: one.prompt,
      withIt: one.withIt ?? withInstruction(one, config, complain),
      ...(system !== undefined && { system }),
      check: checks.length ? allOf(checks) : null,
    };
  });
  const allOrNone = (what: string, has: (row: CustomPrompt) => boolean, todo: string) => {
    const without = rows.findIndex((row) => !has(row));
    if (without < 0 || !rows.some(has)) return;
    throw new InputError(`${file}: row ${without + 1} has no ${what}, others have one. ${todo}`);
  };
  allOrNone('instruction', ({ withIt }) => withIt !== null, 'Give one for it: instruction=...');
  allOrNone('check', ({ check }) => check !== null, 'Give one for all: check=...');
  refuseSystem(model, config, rows);
  return rows;
}

function commonChecks(config: PromptsConfig): Check[] {
  const { check, regex, regex_flags, contains, not_contains } = config;
  return readChecks(
    {
      check: check ?? [],
      regex: regex ?? [],
      regex_flags: regex_flags ?? '',
      contains: contains ?? [],
      not_contains: not_contains ?? [],
    },
    (key) => key,
  );
}

function readGiven({ data_path, prompts }: PromptsConfig): { file: string; given: Given[] } {
  if (prompts !== null) {
    if (data_path === null)
      return { file: 'prompts', given: prompts.map((prompt) => ({ prompt })) };
    throw new InputError(
      `Prompts come from prompts and from data_path (${data_path}): give one of them. ` +
        'data_path=null does without a file.',
    );
  }
  if (data_path === null) throw new InputError('There are no prompts: give data_path or prompts.');
  const file = dataFile(data_path, 'questions');
  if (!namesFile(data_path)) return { file, given: loadQuestions(file).map(questionAsRow) };
  if (holdsPairs(file)) {
    const given = readPairs(file).map(({ positive, negative }) => {
      return { prompt: negative, withIt: positive };
    });
    return { file, given };
  }
  const given = readPromptFile(file).map(({ prompt, ...rest }, i) => {
    if (typeof prompt === 'string') return { prompt, ...rest };
    throw new InputError(
      `${file}, row ${i + 1} is a conversation: here a row is a "prompt", with a "system" prompt ` +
        'where it needs one.',
    );
  });
  return { file, given };
}

const questionAsRow = ({ key, prompt }: { key: string; prompt: string }): Given => {
  return { prompt, row: { key } };
};

/** CSV, or JSON lines of which the first is a pair of two whole texts. */
function holdsPairs(file: string): boolean {
  if (file.endsWith('.csv')) return true;
  if (!file.endsWith('.jsonl')) return false;
  const first = parseJson(readText(file).trimStart().split('\n')[0]);
  return typeof first === 'object' && first !== null && 'positive' in first;
}

function withInstruction(
  { prompt, row }: Given,
  { instruction }: PromptsConfig,
  complain: (text: string) => never,
): string | null {
  const own = row?.instruction ?? instruction;
  if (own === null) return null;
  if (typeof own !== 'string' || !own.trim()) complain('"instruction" is no text');
  return `${prompt} ${own}`;
}

/** Better before a model is loaded than after. */
function refuseSystem(model: ModelFiles, config: PromptsConfig, rows: CustomPrompt[]): void {
  for (const system of new Set(rows.map((row) => row.system))) {
    if (system !== undefined) promptEncoder(model, config).encode('a', system);
  }
}

/** For the record: what file the prompts come from; null: the config holds them. */
export const promptFile = (data_path: string | null): string | null =>
  data_path === null ? null : dataFile(inputPath(data_path), 'questions');
