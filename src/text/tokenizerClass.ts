import { InputError } from '../util/errors';
import { JsonPart } from './jsonPart';

type Json = Record<string, unknown>;

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
  /** Special tokens that it puts around a text, whatever the file's post-processor says. */
  around?: [start: string, end: string];
}

const AS_IS: TokenizerClass = { name: 'TokenizersBackend', defaults: {} };

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

const KNOWN = new Map([GPT2, LLAMA, GEMMA, BERT].map((one) => [one.name, one]));

/** Classes of transformers 5.18 that build otherwise, without "Tokenizer" at the end. */
const OTHERS = new Set(
  (
    'Albert Auto Bart Barthez Bartpho Basic BertGeneration BertJapanese Bertweet BigBird BioGpt ' +
    'Blenderbot BlenderbotSmall ByT5 CLIP CTRL Camembert Canine Character Clvp CodeGen CodeLlama ' +
    'Cohere ConvBert Cpm CpmAnt DPRContextEncoder DPRQuestionEncoder DPRReader Deberta DebertaV2 ' +
    'Dia DistilBert Esm Esmc FNet FSMT FastSpeech2Conformer Flaubert Funnel GPTNeoX ' +
    'GPTNeoXJapanese GPTSw3 Herbert LED Lasr LayoutLMv2 LayoutLMv3 LayoutXLM Luke Lxmert M2M100 ' +
    'MBart MBart50 MLuke MPNet Marian MarkupLM Mecab Mgpstr MobileBert Mvp MyT5 Nllb Nougat ' +
    'OpenAIGPT PLBart Parakeet Pegasus Perceiver Phobert Pop2Piano ProphetNet Qwen2 Qwen3_5 Rag ' +
    'Reformer RemBert RoCBert RoFormer Roberta SeamlessM4T Siglip Siglip2 Speech2Text SpeechT5 ' +
    'Splinter SqueezeBert T5 Tapas Tipsv2 Udop VideoPrism Vits Wav2Vec2CTC Wav2Vec2PhonemeCTC ' +
    'Whisper Wordpiece XGLM XLM XLMRoberta XLNet'
  ).split(' '),
);

/** The class that transformers takes for a `model_type`, whatever class the files name. */
const OF_MODEL_TYPE = new Map([
  ['gpt2', GPT2],
  ['gemma2', GEMMA],
  ['mistral', AS_IS],
  ['phi3', AS_IS],
]);

/** The text of a token that may be written as an object. */
export function contentOf(value: unknown): string | undefined {
  const text = typeof value === 'object' ? (value as Json | null)?.content : value;
  return typeof text === 'string' ? text : undefined;
}

/** A name that transformers doesn't know stands for a file that is taken as it is. */
function byName(part: JsonPart): TokenizerClass {
  const name = part.text('tokenizer_class').replace(/Fast$/, '');
  if (!OTHERS.has(name.replace(/Tokenizer$/, ''))) return KNOWN.get(name) ?? AS_IS;
  throw part.error(
    'tokenizer_class',
    `is "${name}", which opens tokenizer.json by rules of its own that Tiller doesn't know. ` +
      'If the file says all there is to say, write "PreTrainedTokenizerFast" there.',
  );
}

/**
 * The class that transformers 5.18's AutoTokenizer opens a folder with. For models of type mistral
 * and phi3 it takes tokenizer.json as it is, whatever class is named; for others a named class
 * counts.
 *
 * @param config tokenizer_config.json
 * @param model config.json
 * @throws InputError for a named class that isn't known here
 */
export function tokenizerClassOf(config: JsonPart, model: JsonPart | undefined): TokenizerClass {
  const registered = model && OF_MODEL_TYPE.get(String(model.values.model_type));
  const named = [config, model].find((part) => part?.has('tokenizer_class'));
  const ownCode = config.part('auto_map')?.has('AutoTokenizer') ?? false;
  if (!named) return registered ?? AS_IS;
  if (registered === AS_IS && !ownCode) return AS_IS;
  return byName(named);
}

/** A tokenizer.json as the class opens it. */
export function asOpenedBy(
  { name, rebuild }: TokenizerClass,
  data: JsonPart,
  config: JsonPart,
): JsonPart {
  if (config.flag('fix_mistral_regex')) {
    throw config.error('fix_mistral_regex', "isn't known to Tiller. Save the tokenizer with it.");
  }
  if (!rebuild) return data;
  const model = data.part('model');
  const type = name === 'BertTokenizer' ? 'WordPiece' : 'BPE';
  if (model?.values.type !== type) {
    throw new InputError(
      `${data.file} has no model of type ${type}, but ${config.file} names ${name}, which needs one.`,
    );
  }
  const { post_processor } = data.values;
  return new JsonPart(data.file, { ...rebuild(model.values, config), post_processor });
}
