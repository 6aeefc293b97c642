/** Where the prompts of `generate` come from: words, standard input, a file, conversations. */
import { checkMessages } from '../../text/messages';
import type { Message } from '../../text/tokenizer';
import { checkObject } from '../../util/check';
import { didYouMean, InputError } from '../../util/errors';
import { readStandardInput, readText } from '../../util/files';
import { jsonLines, parseJson } from '../../util/json';
import { type Options, text } from '../command';

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
 * The prompts that a command line asks for.
 * @throws InputError where there are none, or two places that they could come from
 */
export async function readPrompts(words: string[], options: Options): Promise<Prompt[]> {
  const [file, messages] = [text(options, 'prompts'), text(options, 'messages')];
  const given = [words.length && 'words', file && '--prompts', messages && '--messages'];
  const places = given.filter(Boolean);
  if (places.length > 1) {
    throw new InputError(`Prompts come from ${places.join(' and from ')}: give one of them.`);
  }
  if (options.lines && places.length) {
    throw new InputError(`--lines is for standard input; here prompts come from ${places[0]}.`);
  }
  if (file) return readPromptFile(file);
  if (messages) return conversationsOf(messages);
  const input = words.length ? words.join(' ') : await readStandardInput();
  const prompts = (options.lines ? input.split(/\r?\n/) : [input]).filter((line) => line.trim());
  if (prompts.length) return prompts.map((prompt) => ({ prompt }));
  throw new InputError('Give a prompt, as words or on standard input.');
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

/** Conversations as OpenAI's API has them: a list of messages, alone or under "messages". */
function conversationsOf(file: string): Prompt[] {
  const content = readText(file);
  const one = parseJson(content);
  const all =
    one === undefined ? jsonLines(file, content) : [{ value: one as unknown, where: file }];
  return all.map(({ value, where }) => {
    if (Array.isArray(value)) return { prompt: checkMessages(value, where) };
    checkObject(where, value);
    const others = Object.keys(value).filter((key) => key !== 'messages');
    if (others.length) {
      const hint = didYouMean(others[0], ['messages']);
      throw new InputError(`${where}: there is no "${others[0]}" beside "messages".${hint}`);
    }
    return { prompt: checkMessages(value.messages, `${where}: messages`) };
  });
}
