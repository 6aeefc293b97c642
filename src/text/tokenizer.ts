import { InputError } from '../util/errors';
import { AddedTokens } from './addedTokens';
import { JsonPart } from './jsonPart';
import { openLibrary, type TokenizerLibrary } from './library';
import { checkMessages, conversationOf, type Message } from './messages';
import { chatText, type FormatChatOptions, type PromptStyle, plainText } from './prompt';
import { addedTokensOf, resolveSpecialTokens } from './specialTokens';
import { findEndOfTurn, stopIdsOf } from './stopIds';
import { chatTemplateOf } from './template';
import type { TextFiles } from './textFiles';
import { lateStream, type TextStream, textStream } from './textStream';
import { withinSeconds } from './timeLimit';
import { asOpenedBy, tokenizerClassOf } from './tokenizerClass';

export type { JsonValue, Message } from './messages';
export type { FormatChatOptions, PromptStyle } from './prompt';
export type { TextStream } from './textStream';

export interface EncodePromptOptions extends Pick<FormatChatOptions, 'templateVariables'> {
  /** Default `'chat'`. */
  style?: PromptStyle;
  /** A system prompt before the first turn. Only in style chat, where the template takes one. */
  system?: string;
  /**
   * Tokenize the formatted text with special tokens once more, as the paper's scripts did: chat
   * text that holds BOS already then starts with two.
   */
  doubleBos?: boolean;
}

export interface Tokenizer {
  /** Ids run from 0 to vocabSize - 1, added tokens included. */
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  /** The padding token, else the end-of-sequence token, else 0. */
  readonly padId: number;
  /** Ids that end a generation, ascending, without repeats. */
  readonly stopIds: number[];
  /** The token that the chat template writes right after a model turn. */
  readonly endOfTurnId: number | undefined;
  readonly hasChatTemplate: boolean;
  /**
   * Token ids of a text. Special tokens written in it count as such. `bos: true` puts BOS in front
   * unless it is there; `bos: false` adds nothing; left out, the checkpoint's own rule holds: the
   * post-processor of tokenizer.json (`add_bos_token` changes nothing, as in transformers 5).
   */
  encode(text: string, options?: { bos?: boolean }): number[];
  /** Text of ids; ids outside the vocabulary are left out. `decode([])` is `''`. */
  decode(ids: number[], options?: { skipSpecialTokens?: boolean }): string;
  /** The chat template's text for one user turn, ready for the model's answer. */
  formatPrompt(prompt: string): string;
  /**
   * The chat template's text for a conversation.
   *
   * @throws InputError where there is no template, or it refuses the conversation, leaves a message
   *   out or reads no variable of that name
   */
  formatChat(messages: Message[], options?: FormatChatOptions): string;
  /**
   * Ids of a formatted prompt, or conversation. BOS comes exactly once, whether the template writes it, the
   * post-processor adds it, both or neither. None is added where the checkpoint has no BOS token,
   * or says `"add_bos_token": false` and nothing else adds one: it was trained without.
   *
   * @throws InputError as `formatChat`, and for turns or a system prompt that the style can't write
   */
  encodePrompt(prompt: string | Message[], options?: EncodePromptOptions): number[];
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  stream(options?: { skipSpecialTokens?: boolean }): TextStream;
}

/** Takes the spaces away that a tokenizer of words leaves before signs, as transformers does. */
const cleanUp = (text: string): string =>
  [' .', ' ?', ' !', ' ,', " ' ", " n't", " 'm", " 's", " 've", " 're"].reduce(
    (out, spaced) => out.replaceAll(spaced, spaced.trim()),
    text,
  );

/** Seconds that a text may take under the regular expressions of a tokenizer.json. */
const secondsFor = (text: string) => 5 + text.length / 100_000;

/** Encoding without special tokens, and decoding, as a tokenizer.json and the added tokens say. */
function pipeline(data: JsonPart, library: TokenizerLibrary, added: AddedTokens) {
  const encode = (text: string): number[] =>
    // Half of a pair of surrogates is no character, in Rust as in files.
    added
      .split(text.replace(/[\ud800-\udfff]/gu, '\ufffd'))
      .flatMap((part) => (typeof part === 'number' ? part : library.encode(part.text, part.first)));
  const decode = (ids: number[], skipSpecialTokens: boolean): string => {
    const tokens = ids
      .map((id) => added.textOf(id))
      .filter((text) => text !== undefined)
      .filter((text) => !(skipSpecialTokens && added.isSpecial(text)));
    return tokens.length === 0 ? '' : library.decode(tokens);
  };
  const { normalizer, pre_tokenizer, decoder } = data.values;
  const parts = JSON.stringify([normalizer, pre_tokenizer, decoder]);
  if (!parts.includes('"Regex"')) return { encode, decode };
  const what = `${data.file}: its regular expressions take too long on this text.`;
  return {
    encode: (text: string) => withinSeconds(secondsFor(text), what, () => encode(text)),
    decode: (ids: number[], skip: boolean) => withinSeconds(5, what, () => decode(ids, skip)),
  };
}

/** tokenizer.json as the folder's class opens it, with the tokens that the other files add. */
function open(files: TextFiles, config: JsonPart, model: JsonPart | undefined) {
  const data = JsonPart.read(files, 'tokenizer.json');
  if (!data) {
    throw new InputError(
      `${files.pathOf('tokenizer.json')} is missing. Tiller reads the Hugging Face format: put tokenizer.json beside ` +
        'config.json (a checkpoint with only tokenizer.model has to be converted first).',
    );
  }
  const opener = tokenizerClassOf(config, model);
  const opened = asOpenedBy(opener, data, config);
  const special = resolveSpecialTokens(files, data, config, opener);
  const library = openLibrary(opened);
  const added = new AddedTokens(library, config.flag('split_special_tokens'));
  added.add(addedTokensOf(opened));
  added.add(special.added);
  const [start, end] = (opener.around ?? []).map((name) => {
    const token = special.named.get(name);
    return token === undefined ? undefined : added.idOf(token);
  });
  const around = (ids: number[]) => [start!, ...ids, end!];
  const process = start === undefined || end === undefined ? library.process : around;
  return { library, added, named: special.named, process, ...pipeline(opened, library, added) };
}

/**
 * The tokenizer of a checkpoint: tokenizer.json, and where they exist tokenizer_config.json,
 * special_tokens_map.json, added_tokens.json, chat_template.jinja, generation_config.json and
 * config.json. Which file wins, docs/tokenizers.md says.
 *
 * Stop ids are generation_config.json's `eos_token_id`, else config.json's, plus the tokenizer's EOS
 * and the token that the chat template writes right after a model turn.
 *
 * @throws InputError naming file and key, when a file is missing or malformed, or asks for what
 *   isn't known here. A missing or broken chat template is an error only where it is used.
 */
export function openTokenizer(files: TextFiles): Tokenizer {
  const configName = 'tokenizer_config.json';
  const config = JsonPart.read(files, configName) ?? new JsonPart(files.pathOf(configName), {});
  const model = JsonPart.read(files, 'config.json');
  const generation = JsonPart.read(files, 'generation_config.json');
  const opened = open(files, config, model);
  const { library, added, named, process } = opened;
  const idOfSpecial = (name: string) => {
    const token = named.get(name);
    return token === undefined ? undefined : added.idOf(token);
  };
  const bosId = idOfSpecial('bos_token');
  const eosId = idOfSpecial('eos_token');
  const template = chatTemplateOf(files, config, named);
  const endOfTurnId = findEndOfTurn(template, added);
  const stopIds = stopIdsOf([generation, model], [eosId, endOfTurnId]);

  const encode = (text: string, { bos }: { bos?: boolean } = {}): number[] => {
    const ids = opened.encode(text);
    if (bos === undefined) return process(ids);
    return bos && bosId !== undefined && ids[0] !== bosId ? [bosId, ...ids] : ids;
  };
  // Some say that they add none while their post-processor does; transformers believes that one.
  const wantsBos =
    !(config.has('add_bos_token') && !config.flag('add_bos_token')) ||
    (bosId !== undefined && process([])[0] === bosId);
  // As in transformers, where it would spoil what byte-pair encoding writes.
  const cleansBpe = config.flag(
    'clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output',
  );
  const cleans =
    config.flag('clean_up_tokenization_spaces') && (library.modelType !== 'BPE' || cleansBpe);
  const decode = (ids: number[], { skipSpecialTokens = false } = {}): string => {
    const text = opened.decode(ids, skipSpecialTokens);
    return cleans ? cleanUp(text) : text;
  };
  const chat = (messages: Message[], options?: FormatChatOptions): string => {
    if (template) return chatText(template, messages, options);
    throw new InputError(
      `${files.place} has no chat template (neither chat_template in tokenizer_config.json nor ` +
        'chat_template.jinja). Use prompt style raw or qa, or take an instruction-tuned model.',
    );
  };
  const promptText = (prompt: string | Message[], options: EncodePromptOptions): string => {
    const { style = 'chat', system, templateVariables } = options;
    if (style === 'chat') return chat(conversationOf(prompt, system), { templateVariables });
    if (templateVariables && Object.keys(templateVariables).length > 0) {
      throw new InputError(`Prompt style ${style} has no template, and so no template variables.`);
    }
    return plainText(prompt, style, system);
  };

  return {
    vocabSize: Math.max(library.vocabulary.end, ...Array.from(added.all.keys(), (id) => id + 1)),
    bosId,
    eosId,
    padId: idOfSpecial('pad_token') ?? eosId ?? 0,
    stopIds,
    endOfTurnId,
    hasChatTemplate: template !== undefined,
    encode,
    decode,
    formatPrompt: (prompt) => chat(conversationOf(prompt)),
    formatChat: (messages, options) => chat(checkMessages(messages, 'messages'), options),
    encodePrompt: (prompt, options = {}) => {
      const text = promptText(prompt, options);
      return options.doubleBos ? encode(text) : encode(text, { bos: wantsBos });
    },
    tokenToId: (token) => added.idOf(token),
    idToToken: (id) => added.textOf(id),
    stream: (options = { skipSpecialTokens: true }) =>
      (cleans ? lateStream : textStream)((ids) => decode(ids, options)),
  };
}
