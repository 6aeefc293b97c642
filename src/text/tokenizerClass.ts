import { InputError } from '../util/errors';
import { JsonPart } from './jsonPart';
import { AS_IS, CLASSES, type TokenizerClass } from './tokenizerClasses';

/** Classes of transformers 5.18 that build otherwise, without "Tokenizer" at the end. */
const OTHERS = new Set(
  (
    'Albert Auto Bart Barthez Bartpho Basic BertGeneration BertJapanese Bertweet BigBird BioGpt ' +
    'Blenderbot BlenderbotSmall ByT5 CLIP CTRL Camembert Canine Character Clvp CodeGen CodeLlama ' +
    'Cohere ConvBert Cpm CpmAnt DPRContextEncoder DPRQuestionEncoder DPRReader Deberta DebertaV2 ' +
    'Dia DistilBert Esm Esmc FNet FSMT FastSpeech2Conformer Flaubert Funnel GPTNeoX ' +
    'GPTNeoXJapanese GPTSw3 Herbert LED Lasr LayoutLMv2 LayoutLMv3 LayoutXLM Luke Lxmert M2M100 ' +
    'MBart MBart50 MLuke MPNet Marian MarkupLM Mecab Mgpstr MobileBert Mvp MyT5 Nllb Nougat ' +
    'OpenAIGPT PLBart Parakeet Pegasus Perceiver Phobert Pop2Piano ProphetNet Qwen3_5 Rag ' +
    'Reformer RemBert RoCBert RoFormer Roberta SeamlessM4T Siglip Siglip2 Speech2Text SpeechT5 ' +
    'Splinter SqueezeBert T5 Tapas Tipsv2 Udop VideoPrism Vits Wav2Vec2CTC Wav2Vec2PhonemeCTC ' +
    'Whisper Wordpiece XGLM XLM XLMRoberta XLNet'
  ).split(' '),
);

/** The class that transformers takes for a `model_type` where the files name none. */
const OF_MODEL_TYPE = new Map(
  Object.entries({
    gpt2: 'GPT2Tokenizer',
    gemma: 'GemmaTokenizer',
    gemma2: 'GemmaTokenizer',
    gemma3: 'GemmaTokenizer',
    gemma3_text: 'GemmaTokenizer',
    qwen2: 'Qwen2Tokenizer',
    qwen2_moe: 'Qwen2Tokenizer',
    qwen3: 'Qwen2Tokenizer',
    qwen3_moe: 'Qwen2Tokenizer',
  }).map(([type, name]) => [type, CLASSES.get(name)!]),
);
for (const type of ['mistral', 'mixtral', 'olmo2', 'olmo3', 'phi3']) OF_MODEL_TYPE.set(type, AS_IS);

/** Model types whose class counts more than a named one: published files name a wrong one. */
const NAMED_WRONGLY = new Set(['mistral', 'mixtral', 'olmo2', 'olmo3', 'phi3', 'qwen2']);

/** Models that transformers knows by their id on the Hub, here by the folder of the Hub's cache. */
const KNOWN_BY_ID = /models--deepseek-ai--deepseek-(r1-distill-llama|coder)-[^/\\]*[/\\]snapshots/i;

/** A name that transformers doesn't know stands for a file that is taken as it is. */
function byName(part: JsonPart): TokenizerClass {
  const name = part.text('tokenizer_class').replace(/Fast$/, '');
  if (!OTHERS.has(name.replace(/Tokenizer$/, ''))) return CLASSES.get(name) ?? AS_IS;
  throw part.error(
    'tokenizer_class',
    `is "${name}", which opens tokenizer.json by rules of its own that Tiller doesn't know. ` +
      'If the file says all there is to say, write "PreTrainedTokenizerFast" there.',
  );
}

/**
 * The class that transformers 5.18's AutoTokenizer opens a folder with: that of the `model_type`
 * where it counts more than a named one, else the named one, else that of the `model_type`, else
 * tokenizer.json is taken as it is.
 *
 * @param config tokenizer_config.json
 * @param model config.json
 * @throws InputError for a named class that isn't known here
 */
export function tokenizerClassOf(config: JsonPart, model: JsonPart | undefined): TokenizerClass {
  const type = String(model?.values.model_type);
  const registered = OF_MODEL_TYPE.get(type);
  const named = [config, model].find((part) => part?.has('tokenizer_class'));
  const ownCode = config.part('auto_map')?.has('AutoTokenizer') ?? false;
  if (!ownCode && KNOWN_BY_ID.test(config.file)) return AS_IS;
  if (!named) return registered ?? AS_IS;
  if (registered && NAMED_WRONGLY.has(type) && !ownCode) return registered;
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
  const { post_processor, decoder } = data.values;
  if (name === 'LlamaTokenizer' && JSON.stringify(decoder ?? null).includes('"ByteLevel"')) {
    throw config.error(
      'tokenizer_class',
      `is "${name}", but ${data.file} is byte-level: that class would take its words apart, in ` +
        'transformers too. Write "PreTrainedTokenizerFast" there to have the file as it is.',
    );
  }
  return new JsonPart(data.file, { ...rebuild(model.values, config), post_processor });
}
