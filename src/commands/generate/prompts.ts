/** Where the prompts of `generate` come from: words, standard input, a file, conversations. */
import { checkMessages } from '../../text/messages';
import { type Prompt, readPromptFile } from '../../text/promptFile';
import { checkObject } from '../../util/check';
import { didYouMean, InputError } from '../../util/errors';
import { readStandardInput, readText } from '../../util/files';
import { jsonLines, parseJson } from '../../util/json';
import { type Options, text } from '../command';

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
