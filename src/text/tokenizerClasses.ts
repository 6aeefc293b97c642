import type { JsonPart } from './jsonPart';

type Json = Record<string, unknown>;

/** The text of a token that may be written as an object. */
export function contentOf(value: unknown): string | undefined {
  const text = typeof value === 'object' ? (value as Json | null)?.content : value;
  return typeof text === 'string' ? text : undefined;
}

/** How one of transformers' classes opens a tokenizer.json. */
export interface TokenizerClass {
  name: string;
  /** Special tokens that it has where tokenizer_config.json names none. */
  defaults: Record<string, string | null>;
  /**
   * What it makes of the file; undefined for a class that takes it as it is. Such a class keeps the
   * model's vocabulary and merges and the post-processor, and builds the rest itself. Added tokens
   * of the file are then forgotten.
   */
  rebuild?(model: Json, config: JsonPart): Json;
  /** Whether its special tokens lose the flags that the files give them. */
  plainSpecials?: boolean;
  /** Special tokens that it puts around a text, whatever the file's post-processor says. */
  around?: [start: string, end: string];
}

export const AS_IS: TokenizerClass = { name: 'TokenizersBackend', defaults: {} };

const replace = (from: string, content: string) => ({
  type: 'Replace',
  pattern: { String: from },
  content,
});

const bpe = ({ vocab, merges }: Json, options: Json) => ({
  type: 'BPE',
  vocab,
  merges,
  ...options,
});

const GPT2: TokenizerClass = {
  name: 'GPT2Tokenizer',
  defaults: {
    bos_token: '<|endoftext|>',
    eos_token: '<|endoftext|>',
    unk_token: '<|endoftext|>',
    pad_token: null,
  },
  rebuild: (model, config) => ({
    model: bpe(model, {}),
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: config.flag('add_prefix_space') },
    decoder: { type: 'ByteLevel' },
  }),
};

const LLAMA: TokenizerClass = {
  name: 'LlamaTokenizer',
  defaults: { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
  rebuild: (model, config) => {
    const prefixed = config.flag('add_prefix_space', true);
    const scheme = config.flag('legacy') ? 'always' : 'first';
    return {
      model: bpe(model, { fuse_unk: true, byte_fallback: true }),
      pre_tokenizer: {
        type: 'Metaspace',
        prepend_scheme: prefixed ? scheme : 'never',
        split: false,
      },
      decoder: {
        type: 'Sequence',
        decoders: [
          replace('▁', ' '),
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          ...(prefixed ? [{ type: 'Strip', content: ' ', start: 1 }] : []),
        ],
      },
    };
  },
};

const GEMMA: TokenizerClass = {
  name: 'GemmaTokenizer',
  defaults: {
    bos_token: '<bos>',
    eos_token: '<eos>',
    unk_token: '<unk>',
    pad_token: '<pad>',
    mask_token: '<mask>',
  },
  rebuild: (model, config) => ({
    model: bpe(model, {
      unk_token: contentOf(config.values.unk_token) ?? '<unk>',
      fuse_unk: true,
      byte_fallback: true,
    }),
    normalizer: replace(' ', '▁'),
    pre_tokenizer: {
      type: 'Split',
      pattern: { String: ' ' },
      behavior: 'MergedWithPrevious',
      invert: false,
    },
    decoder: {
      type: 'Sequence',
      decoders: [replace('▁', ' '), { type: 'ByteFallback' }, { type: 'Fuse' }],
    },
  }),
};

const BERT: TokenizerClass = {
  name: 'BertTokenizer',
  defaults: {
    unk_token: '[UNK]',
    sep_token: '[SEP]',
    pad_token: '[PAD]',
    cls_token: '[CLS]',
    mask_token: '[MASK]',
  },
  around: ['cls_token', 'sep_token'],
  rebuild: ({ vocab }, config) => ({
    model: {
      type: 'WordPiece',
      vocab,
      unk_token: contentOf(config.values.unk_token) ?? '[UNK]',
      continuing_subword_prefix: '##',
    },
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config.flag('tokenize_chinese_chars', true),
      strip_accents: config.values.strip_accents,
      lowercase: config.flag('do_lower_case', true),
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  }),
};

/** Words of the byte-level vocabularies of Qwen: as Llama 3's, with digits one by one. */
const QWEN2_WORDS =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" +
  '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

const QWEN2: TokenizerClass = {
  name: 'Qwen2Tokenizer',
  defaults: {
    bos_token: null,
    eos_token: '<|endoftext|>',
    unk_token: '<|endoftext|>',
    pad_token: '<|endoftext|>',
  },
  plainSpecials: true,
  rebuild: (model, config) => ({
    model: bpe(model, {}),
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: QWEN2_WORDS }, behavior: 'Isolated', invert: false },
        {
          type: 'ByteLevel',
          add_prefix_space: config.flag('add_prefix_space'),
          use_regex: false,
        },
      ],
    },
    decoder: { type: 'ByteLevel' },
  }),
};

/** The classes that rebuild, by name. */
export const CLASSES = new Map([GPT2, LLAMA, GEMMA, BERT, QWEN2].map((one) => [one.name, one]));
