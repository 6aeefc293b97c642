import { InputError, sentence } from '../util/errors';
import { conversationOf, type JsonValue, type Message } from './messages';
import type { ChatTemplate } from './template';

/**
 * How a prompt becomes text: the chat template, as it is, or base Gemma's `Q: …\nA:`. With several
 * turns, qa is `Q: …\nA: …\n\nQ: …\nA:`, and raw has none.
 */
export type PromptStyle = 'chat' | 'raw' | 'qa';

export interface FormatChatOptions {
  /** Ends with the start of the model's turn, where the template has such a thing. Default true. */
  addGenerationPrompt?: boolean;
  /**
   * What else the template is told: `{ enable_thinking: false }` for Qwen 3, `{ date_string: … }` for
   * Llama 3. A name that the template never reads is refused.
   */
  templateVariables?: Record<string, JsonValue>;
}

const ADVICE = 'Put its text at the start of the first user message instead.';
const isSystem = ({ role }: Message) => role === 'system';

/**
 * The text of a conversation under a chat template.
 *
 * @throws InputError as the template does; and where it takes no system prompt, whether it says so
 *   (Gemma 2) or would leave it out without a word, with what to do
 */
export function chatText(
  template: ChatTemplate,
  messages: Message[],
  { addGenerationPrompt = true, templateVariables = {} }: FormatChatOptions = {},
): string {
  const render = (some: Message[]) => template.render(some, addGenerationPrompt, templateVariables);
  const renders = (some: Message[]) => attempt(() => render(some)) !== undefined;
  let text: string;
  try {
    text = render(messages);
  } catch (error) {
    if (!(error instanceof InputError) || !messages.some(isSystem)) throw error;
    const said = sentence(error.message);
    if (renders(messages.filter((message, i) => i === 0 || !isSystem(message)))) {
      throw new InputError(`${said} This model takes a system prompt as the first message only.`);
    }
    if (!renders(messages.filter((message) => !isSystem(message)))) throw error;
    throw new InputError(`${said} This model takes no system prompt. ${ADVICE}`);
  }
  messages.forEach((message, i) => {
    if (['user', 'assistant'].includes(message.role) || message.content === '') return;
    const changed = { ...message, content: `${message.content} tillerRoleProbe` };
    if (attempt(() => render(messages.with(i, changed))) !== text) return;
    throw new InputError(
      `${template.file}: the chat template leaves out message ${i + 1}, of role ${message.role}. ` +
        (isSystem(message) ? ADVICE : 'Use a role that it knows.'),
    );
  });
  return text;
}

/** The result, or undefined where a template refuses. */
function attempt(run: () => string): string | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** A prompt as text without a chat template. @throws InputError for turns that the style lacks */
export function plainText(
  prompt: string | Message[],
  style: 'raw' | 'qa',
  system?: string,
): string {
  const turns = conversationOf(prompt, system);
  if (turns.some(isSystem)) {
    throw new InputError(
      `Prompt style ${style} has no system prompt. Put its text at the start of the prompt, or use ` +
        'style chat with an instruction-tuned model.',
    );
  }
  if (style === 'raw') {
    if (turns.length === 1 && turns[0].role === 'user') return turns[0].content;
    throw new InputError(
      'Prompt style raw has no turns. Give one text, or use style chat or qa for a conversation.',
    );
  }
  const wrong = turns.findIndex(({ role }, i) => role !== (i % 2 === 0 ? 'user' : 'assistant'));
  if (wrong >= 0 || turns.length % 2 === 0) {
    const which = wrong < 0 ? 'the last is of the assistant' : `message ${wrong + 1} does not`;
    throw new InputError(
      'In prompt style qa, messages of user and assistant take turns, from a user to a user: ' +
        `${which}.`,
    );
  }
  const written = turns.map(({ role, content }) =>
    role === 'user' ? `Q: ${content}\nA:` : ` ${content}\n\n`,
  );
  return written.join('');
}
