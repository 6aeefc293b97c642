/** Files of prompts: a prompt a line. */
import { checkObject } from '../util/check';
import { didYouMean, InputError } from '../util/errors';
import { readText } from '../util/files';
import { jsonLines } from '../util/json';
import { checkMessages, type Message } from './messages';

/** A prompt to be answered. */
export interface Prompt {
  /** One turn of a user, or a conversation. */
  prompt: string | Message[];
  /** In place of --system. */
  system?: string;
  /** What else its line of a file holds: it goes with the answer. */
  row?: Record<string, unknown>;
}

/**
 * A file with a prompt a line: text, or JSON objects where it is called .jsonl.
 * @throws InputError naming the line that holds none; for a file without prompts
 */
export function readPromptFile(file: string): Prompt[] {
  const content = readText(file);
  const prompts = file.endsWith('.jsonl')
    ? jsonLines(file, content).map(({ value, where }) => promptOf(value, where))
    : content
        .split(/\r?\n/)
        .filter((line) => line.trim())
        .map((prompt) => ({ prompt }));
  if (prompts.length) return prompts;
  throw new InputError(`${file} holds no prompts.`);
}

const KEYS = ['prompt', 'messages', 'system'];

/** A line of a file of prompts; what it holds besides goes with the answer. */
function promptOf(value: unknown, where: string): Prompt {
  checkObject(where, value);
  const { prompt, messages, system, ...row } = value;
  for (const key of Object.keys(row)) {
    const hint = didYouMean(key, KEYS);
    if (hint) throw new InputError(`${where}: there is no "${key}".${hint}`);
  }
  if ((prompt === undefined) === (messages === undefined)) {
    throw new InputError(`${where} must hold "prompt", a text, or "messages", one of them.`);
  }
  for (const [key, one] of Object.entries({ prompt, system })) {
    if (one === undefined || (typeof one === 'string' && one.trim())) continue;
    throw new InputError(`${where}: "${key}" is ${JSON.stringify(one)}, not a text.`);
  }
  return {
    prompt: messages === undefined ? (prompt as string) : checkMessages(messages, where),
    ...(system !== undefined && { system: system as string }),
    ...(Object.keys(row).length && { row }),
  };
}
