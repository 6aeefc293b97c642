import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { Tokenizer as Library } from '@huggingface/tokenizers';
import { InputError } from '../util/errors';
import { spaceAsRust, type TokenizerParts, trimAsPython } from './whiteSpace';

/** How a prompt becomes text: the chat template, as it is, or base Gemma's `Q: …\nA:`. */
export type PromptStyle = 'chat' | 'raw' | 'qa';

export interface EncodePromptOptions {
  /** Default `'chat'`. */
  style?: PromptStyle;
  /**
   * Tokenize the formatted text with special tokens once more, as the paper's scripts did: chat
   * text that holds BOS already then starts with two.
   */
  doubleBos?: boolean;
}

/**
 * Turns tokens into text as they come; multi-byte characters appear once they are whole. The pieces
 * add up to what `decode` gives for all ids, as long as these spell whole characters.
 */
export interface TextStream {
  /** Text that the new token completes; empty while a character is unfinished. */
  push(id: number): string;
  /** What is left at the end; bytes that never became a character come out as U+FFFD. */
  end(): string;
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
   * unless it is there; `bos: false` adds nothing; left out, the checkpoint's own rule holds
   * (`add_bos_token` in tokenizer_config.json, else the post-processor of tokenizer.json).
   */
  encode(text: string, options?: { bos?: boolean }): number[];
  /** Text of ids; ids outside the vocabulary are left out. `decode([])` is `''`. */
  decode(ids: number[], options?: { skipSpecialTokens?: boolean }): string;
  /** The chat template's text for one user turn, ready for the model's answer. */
  formatPrompt(prompt: string): string;
  /**
   * Ids of a formatted prompt. BOS comes exactly once, whether the template writes it, the
   * post-processor adds it, both or neither. None is added where the checkpoint has no BOS token,
   * or says `"add_bos_token": false` and its template writes none: it was trained without.
   */
  encodePrompt(prompt: string, options?: EncodePromptOptions): number[];
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  stream(options?: { skipSpecialTokens?: boolean }): TextStream;
}

type Json = Record<string, unknown>;

/** What the library keeps about a decoder, and about each part of a sequence of them. */
interface DecoderPart {
  config: { type: string };
  decoders?: DecoderPart[];
  decode_chain(tokens: string[]): string[];
}

const SPECIAL_NAMES = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].map((n) => `${n}_token`);

/** A JSON object read from a file; undefined where there is no such file. */
function readJson(file: string): Json | undefined {
  if (!existsSync(file)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InputError(`${file} can't be read as JSON (${why}). Fetch the file again.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError(`${file} must hold a JSON object. Fetch the file again.`);
  }
  return value as Json;
}

/**
 * Byte tokens of a decoder chain become characters, as in the Rust library: a run of bytes that
 * isn't UTF-8 gives one U+FFFD per byte, and a byte order mark is kept. (The npm library differs in
 * both.)
 */
function joinBytes(tokens: string[]): string[] {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    try {
      out.push(utf8.decode(Uint8Array.from(bytes)));
    } catch {
      out.push('\uFFFD'.repeat(bytes.length));
    }
    bytes = [];
  };
  for (const token of tokens) {
    if (/^<0x[0-9A-Fa-f]{2}>$/.test(token)) {
      bytes.push(Number.parseInt(token.slice(3, 5), 16));
    } else {
      flush();
      out.push(token);
    }
  }
  flush();
  return out;
}

/** The library's tokenizer over tokenizer.json, with the byte decoder above. */
function openLibrary(file: string, config: Json): Library {
  const data = readJson(file);
  if (!data) {
    throw new InputError(
      `${file} is missing. Tiller reads the Hugging Face format: put tokenizer.json beside ` +
        'config.json (a checkpoint with only tokenizer.model has to be converted first).',
    );
  }
  try {
    const library = new Library({ added_tokens: [], ...data } as never, config as never);
    spaceAsRust(library as unknown as TokenizerParts);
    const decoder = library.decoder as DecoderPart | null;
    for (const part of decoder?.decoders ?? (decoder ? [decoder] : [])) {
      if (part.config.type === 'ByteFallback') part.decode_chain = joinBytes;
    }
    return library;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InputError(`${file} isn't a tokenizer that can be used: ${why}. Fetch it again.`);
  }
}

/** Where the chat template stands, and its text; undefined where the checkpoint has none. */
function findTemplate(dir: string, config: Json): { file: string; text: string } | undefined {
  const own = join(dir, 'chat_template.jinja');
  if (existsSync(own)) return { file: own, text: readFileSync(own, 'utf8') };
  const file = join(dir, 'tokenizer_config.json');
  let value = config.chat_template;
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) {
    const named = value as { name?: unknown; template?: unknown }[];
    value = named.find((entry) => entry?.name === 'default')?.template;
    if (value === undefined) {
      throw new InputError(
        `${file}: chat_template lists no template named "default". Name one of them so.`,
      );
    }
  }
  if (typeof value !== 'string') {
    throw new InputError(`${file}: chat_template must be a text (a Jinja template).`);
  }
  return { file, text: value };
}

/** `eos_token_id` of a file: a number, a list of numbers, or absent. */
function eosIdsOf(file: string, json: Json | undefined): number[] {
  const value = json?.eos_token_id;
  if (value === undefined || value === null) return [];
  const ids = Array.isArray(value) ? value : [value];
  if (!ids.every((id) => Number.isInteger(id) && id >= 0)) {
    throw new InputError(
      `${file}: eos_token_id must be a token id or a list of them, not ${JSON.stringify(value)}.`,
    );
  }
  return ids as number[];
}

/**
 * The tokenizer of a checkpoint folder: tokenizer.json, and where they exist tokenizer_config.json,
 * special_tokens_map.json, chat_template.jinja, generation_config.json and config.json.
 *
 * Stop ids are generation_config.json's `eos_token_id`, else config.json's, plus the tokenizer's EOS
 * and the token that the chat template writes right after a model turn.
 *
 * @throws InputError naming the file, when one is missing or malformed. A missing or broken chat
 *   template is an error only where it is used.
 */
export function loadTokenizer(dir: string): Tokenizer {
  if (!existsSync(dir)) {
    throw new InputError(`There is no folder ${dir}. Give the folder of a checkpoint.`);
  }
  const configFile = join(dir, 'tokenizer_config.json');
  const config = readJson(configFile) ?? {};
  const library = openLibrary(join(dir, 'tokenizer.json'), config);

  const named = { ...readJson(join(dir, 'special_tokens_map.json')), ...config };
  const specialTokens: Record<string, string> = {};
  for (const name of SPECIAL_NAMES) {
    const value = named[name] as string | { content?: unknown } | null | undefined;
    const content = typeof value === 'object' ? value?.content : value;
    if (typeof content === 'string') specialTokens[name] = content;
  }
  const idOfSpecial = (name: string): number | undefined => {
    const token = specialTokens[name];
    if (token === undefined) return undefined;
    const id = library.token_to_id(token);
    if (id === undefined) {
      throw new InputError(
        `${configFile}: ${name} is "${token}", which tokenizer.json doesn't know. ` +
          'Take both files from the same checkpoint.',
      );
    }
    return id;
  };
  const bosId = idOfSpecial('bos_token');
  const eosId = idOfSpecial('eos_token');
  const addBos = typeof config.add_bos_token === 'boolean' ? config.add_bos_token : undefined;
  const special = new Set(
    [...library.get_added_tokens_decoder().values()]
      .filter((token) => token.special)
      .map((token) => token.id),
  );

  const template = findTemplate(dir, config);
  let compiled: Template | undefined;
  const render = (messages: { role: string; content: string }[], generate: boolean): string => {
    if (!template) {
      throw new InputError(
        `${dir} has no chat template (neither chat_template in tokenizer_config.json nor ` +
          'chat_template.jinja). Use prompt style raw or qa, or take an instruction-tuned model.',
      );
    }
    try {
      compiled ??= new Template(template.text);
      return compiled.render({
        ...specialTokens,
        messages,
        tools: null,
        documents: null,
        add_generation_prompt: generate,
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new InputError(`${template.file}: the chat template can't be rendered: ${why}`);
    }
  };

  const plain = (text: string) => library.encode(text, { add_special_tokens: false }).ids;
  const encode = (text: string, { bos }: { bos?: boolean } = {}): number[] => {
    if (bos === undefined) {
      if (addBos === undefined) return library.encode(text).ids;
      return addBos && bosId !== undefined ? [bosId, ...plain(text)] : plain(text);
    }
    const ids = plain(text);
    return bos && bosId !== undefined && ids[0] !== bosId ? [bosId, ...ids] : ids;
  };
  const decode = (ids: number[], { skipSpecialTokens = false } = {}): string => {
    const known = ids.filter(
      (id) => library.id_to_token(id) !== undefined && !(skipSpecialTokens && special.has(id)),
    );
    if (known.length === 0) return '';
    return library.decode(known, { clean_up_tokenization_spaces: false });
  };
  const formatPrompt = (prompt: string) =>
    trimAsPython(prompt, template?.text ?? '', (content) =>
      render([{ role: 'user', content }], true),
    );

  /** The added token that the template writes after the model's words; undefined where none is. */
  const findEndOfTurn = (): number | undefined => {
    if (!template) return undefined;
    const words = 'tillerEndOfTurnProbe';
    let after: string;
    try {
      const turn = (role: string, content: string) => ({ role, content });
      const text = render([turn('user', 'Hello'), turn('assistant', words)], false);
      if (!text.includes(words)) return undefined;
      after = text.slice(text.lastIndexOf(words) + words.length).trimStart();
    } catch {
      return undefined; // Such a template has no model turns, or fails where it is really used.
    }
    let end: { content: string; id: number } | undefined;
    for (const token of library.get_added_tokens_decoder().values()) {
      if (token.content.trim() === '' || !after.startsWith(token.content)) continue;
      if (!end || token.content.length > end.content.length) end = token;
    }
    return end?.id;
  };
  const endOfTurnId = findEndOfTurn();
  const generationFile = join(dir, 'generation_config.json');
  const generation = readJson(generationFile);
  const modelFile = join(dir, 'config.json');
  const model = readJson(modelFile);
  const declared = eosIdsOf(generationFile, generation);
  const stops = declared.length > 0 ? declared : eosIdsOf(modelFile, model);
  const stopIds = [...new Set([...stops, eosId, endOfTurnId])]
    .filter((id) => id !== undefined)
    .sort((a, b) => a - b);

  return {
    vocabSize: library.model?.vocab.length ?? 0,
    bosId,
    eosId,
    padId: idOfSpecial('pad_token') ?? eosId ?? 0,
    stopIds,
    endOfTurnId,
    hasChatTemplate: template !== undefined,
    encode,
    decode,
    formatPrompt,
    encodePrompt: (prompt, { style = 'chat', doubleBos = false } = {}) => {
      let text = prompt;
      if (style === 'chat') text = formatPrompt(prompt);
      else if (style === 'qa') text = `Q: ${prompt}\nA:`;
      return doubleBos ? encode(text) : encode(text, { bos: addBos !== false });
    },
    tokenToId: (token) => library.token_to_id(token),
    idToToken: (id) => library.id_to_token(id),
    stream: (options = { skipSpecialTokens: true }) => textStream((ids) => decode(ids, options)),
  };
}

/**
 * A stream over a decoder. Only the last few tokens are decoded again at each step: those since the
 * text was last whole, and the ones just before them, which decide about spaces at the seam.
 */
function textStream(decode: (ids: number[]) => string): TextStream {
  const ids: number[] = [];
  let start = 0;
  let shown = 0;
  const take = (final: boolean): string => {
    const before = decode(ids.slice(start, shown));
    const now = decode(ids.slice(start));
    if (now.length <= before.length || (!final && now.endsWith('\uFFFD'))) return '';
    start = shown;
    shown = ids.length;
    return now.slice(before.length);
  };
  return {
    push(id) {
      ids.push(id);
      return take(false);
    },
    end: () => take(true),
  };
}
