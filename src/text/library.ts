import { Tokenizer as Library } from '@huggingface/tokenizers';
import { InputError } from '../util/errors';
import { correct, DECODERS, NORMALIZERS, type Part, PRE_TOKENIZERS } from './corrections';
import type { JsonPart } from './jsonPart';
import { checkModel, encoderOf, type Model, typeOf } from './wordEncoder';

/**
 * The npm library computes a tokenizer.json. Where it differs from the Rust library, which made the
 * vocabularies' ids what they are, a part is corrected (corrections.ts, wordEncoder.ts), or the file is refused.
 * docs/tokenizers.md lists the differences; scripts/compare_tokenizers.py finds them.
 */
export interface TokenizerLibrary {
  readonly modelType: string;
  readonly vocabulary: Vocabulary;
  normalize(text: string): string;
  /** Ids of a text between added tokens; `first` says that the whole text begins with it. */
  encode(text: string, first: boolean): number[];
  /** Ids with those that the post-processor adds. */
  process(ids: number[]): number[];
  decode(tokens: string[]): string;
}

/** The tokens of a model, without added ones. */
export interface Vocabulary {
  readonly size: number;
  /** The highest id, plus one. */
  readonly end: number;
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
}

/** Ids of the special tokens that a post-processor names. */
function specialIdsOf(part: JsonPart | undefined): Map<unknown, number[]> {
  const found = new Map<unknown, number[]>();
  for (const one of part ? [part, ...part.parts('processors')] : []) {
    for (const name of Object.keys(one.part('special_tokens')?.values ?? {})) {
      found.set(name, one.part('special_tokens')!.part(name)!.list('ids') as number[]);
    }
    for (const key of ['cls', 'sep']) {
      const [name, id] = one.list(key);
      found.set(name, [id as number]);
    }
  }
  return found;
}

/**
 * The library over a tokenizer.json, made to agree with Rust.
 *
 * @throws InputError naming the key, for what is missing, malformed or not known here
 */
export function openLibrary(data: JsonPart): TokenizerLibrary {
  const modelPart = data.part('model');
  if (!modelPart) throw data.error('model', "is missing: this isn't a tokenizer.");
  const type = typeOf(modelPart);
  checkModel(modelPart, type);
  const parts = ['normalizer', 'pre_tokenizer', 'decoder', 'post_processor'] as const;
  const [normalizer, preTokenizer, decoder, postProcessor] = parts.map((key) => data.part(key));
  let library: Library;
  try {
    const none = Object.fromEntries(parts.map((key) => [key, null]));
    library = new Library({ ...none, ...data.values, added_tokens: [] } as never, {} as never);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InputError(`${data.file} isn't a tokenizer that can be used: ${why}.`);
  }
  const built = library as unknown as Record<'normalizer' | 'pre_tokenizer' | 'decoder', Part> & {
    model: Model;
  };
  correct(normalizer, built.normalizer, NORMALIZERS, ['normalizers', 'normalizers']);
  correct(preTokenizer, built.pre_tokenizer, PRE_TOKENIZERS, ['pretokenizers', 'tokenizers']);
  correct(decoder, built.decoder, DECODERS, ['decoders', 'decoders']);
  const { model } = built;
  const encodeWord = encoderOf(model, modelPart, type);
  const specialIds = specialIdsOf(postProcessor);
  const normalize = (text: string) => (normalizer ? built.normalizer.normalize(text) : text);
  return {
    modelType: type,
    vocabulary: {
      size: type === 'Unigram' ? model.vocab.length : model.tokens_to_ids.size,
      end: model.vocab.length,
      idOf: (token) => model.tokens_to_ids.get(token),
      tokenOf: (id) => model.vocab[id],
    },
    normalize,
    encode(text, first) {
      const words = preTokenizer
        ? built.pre_tokenizer.pre_tokenize(text, { section_index: first ? 0 : 1 })
        : [text];
      return words.flatMap((word) => (word === '' ? [] : encodeWord(word)));
    },
    process(ids) {
      if (!library.post_processor) return ids;
      const { tokens } = library.post_processor.post_process(ids as never);
      return (tokens as unknown[]).flatMap((token): number[] =>
        typeof token === 'number' ? [token] : (specialIds.get(token) ?? []),
      );
    },
    decode: (tokens) => (decoder ? built.decoder.decode_chain(tokens).join('') : tokens.join(' ')),
  };
}
