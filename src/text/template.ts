import { didYouMean, InputError } from '../util/errors';
import { compileTemplate } from './compileTemplate';
import type { JsonPart } from './jsonPart';
import type { JsonValue, Message } from './messages';
import type { TextFiles } from './textFiles';
import { withinSeconds } from './timeLimit';

type Variables = Record<string, JsonValue>;

/** A checkpoint's chat template. */
export interface ChatTemplate {
  /** Where it stands, for messages. */
  readonly file: string;
  /**
   * The text of a conversation, as `apply_chat_template` of transformers gives it.
   *
   * @param variables what else the template is told; they win over special tokens of that name
   * @throws InputError when the template is broken, refuses the conversation or takes too long, and
   *   for a variable that it never reads
   */
  render(messages: Message[], addGenerationPrompt: boolean, variables?: Variables): string;
}

const SECONDS = 2;

/** Where the chat template stands, and its text; undefined where the checkpoint has none. */
function findTemplate(
  files: TextFiles,
  config: JsonPart,
): { file: string; text(): string } | undefined {
  const own = files.read('chat_template.jinja');
  if (own !== undefined) return { file: files.pathOf('chat_template.jinja'), text: () => own };
  const { file } = config;
  if (!config.has('chat_template')) return undefined;
  if (!Array.isArray(config.values.chat_template)) {
    const text = config.text('chat_template');
    return { file, text: () => text };
  }
  const named = config.parts('chat_template');
  const found = named.find((part) => part.text('name') === 'default');
  return {
    file,
    text() {
      if (found) return found.text('template');
      const names = named.map((part) => `"${part.text('name')}"`).join(', ');
      throw config.error(
        'chat_template',
        `lists no template named "default" (only ${names}). Name one of them so.`,
      );
    },
  };
}

/** What a caller gives in another way. */
const GIVEN = ['messages', 'add_generation_prompt'];

/** A variable without effect is a mistyped one, or one of another model's. */
function checkVariables(variables: Variables, read: Set<string>, file: string): void {
  for (const name of Object.keys(variables)) {
    if (GIVEN.includes(name)) {
      throw new InputError(`"${name}" can't be given as a template variable.`);
    }
    if (read.has(name)) continue;
    throw new InputError(
      `${file}: the chat template has no variable "${name}", so it would change nothing.` +
        didYouMean(name, read),
    );
  }
}

/**
 * The chat template of a folder: chat_template.jinja, else `chat_template` of tokenizer_config.json.
 * A broken one is an error only where it is used.
 *
 * @param tokens the special tokens by name, as the template sees them
 */
export function chatTemplateOf(
  files: TextFiles,
  config: JsonPart,
  tokens: Map<string, string>,
): ChatTemplate | undefined {
  const template = findTemplate(files, config);
  if (!template) return undefined;
  let compiled: ReturnType<typeof compileTemplate> | undefined;
  return {
    file: template.file,
    render(messages, addGenerationPrompt, variables = {}) {
      const text = template.text();
      const late = `${template.file}: the chat template takes more than ${SECONDS} s to render.`;
      try {
        return withinSeconds(SECONDS, late, () => {
          compiled ??= compileTemplate(text);
          checkVariables(variables, compiled.names, template.file);
          return compiled.render({
            ...Object.fromEntries(tokens),
            tools: null,
            documents: null,
            ...variables,
            messages,
            add_generation_prompt: addGenerationPrompt,
          });
        });
      } catch (error) {
        if (error instanceof InputError) throw error;
        const why = error instanceof Error ? error.message : String(error);
        throw new InputError(`${template.file}: the chat template can't be rendered: ${why}`);
      }
    },
  };
}
