import { didYouMean, InputError } from '../util/errors';

/** A value that JSON can write. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | JsonValue[]
  | { [key: string]: JsonValue };

/** One turn of a conversation. Templates may read more of it, such as `reasoning_content`. */
export interface Message {
  role: string;
  content: string;
  [field: string]: JsonValue;
}

/** The roles that published chat templates know. */
const ROLES = ['system', 'user', 'assistant', 'tool', 'developer', 'ipython'];

/**
 * Messages that come from outside: a file, a request.
 *
 * @param where what holds them, for the error: `chat.json`, `messages`
 * @throws InputError naming the message that is not `{role, content}` with texts, or has a role that
 *   no chat template knows
 */
export function checkMessages(value: unknown, where: string): Message[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new InputError(
      `${where} must be a list of at least one message: [{"role": "user", "content": "Hello"}].`,
    );
  }
  return value.map((message: unknown, i) => {
    const at = `${where}[${i}]`;
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      throw new InputError(`${at} must be an object: {"role": "user", "content": "Hello"}.`);
    }
    const { role, content } = message as Record<string, unknown>;
    for (const [key, one] of Object.entries({ role, content })) {
      if (typeof one === 'string') continue;
      const given = one === undefined ? 'is missing' : `is ${JSON.stringify(one).slice(0, 60)}`;
      throw new InputError(`${at}.${key} ${given}; it must be a text.`);
    }
    if (!ROLES.includes(role as string)) {
      const known = `${ROLES.slice(0, 3).join(', ')}, or ${ROLES.slice(3).join(', ')}`;
      const hint = didYouMean(role as string, ROLES);
      throw new InputError(`${at}.role is "${role}"; roles are ${known}.${hint}`);
    }
    return message as Message;
  });
}

/**
 * A prompt as messages: one user turn where it is a text, with the system prompt before it.
 *
 * @throws InputError when there are no messages, or two system prompts
 */
export function conversationOf(prompt: string | Message[], system?: string): Message[] {
  const turns =
    typeof prompt === 'string'
      ? [{ role: 'user', content: prompt }]
      : checkMessages(prompt, 'messages');
  if (system === undefined) return turns;
  if (turns[0].role === 'system') {
    throw new InputError(
      'There are two system prompts: the one given apart, and the first message. Give one of them.',
    );
  }
  return [{ role: 'system', content: system }, ...turns];
}
