import type { JsonPart } from '../jsonPart';
import { AddedTokens } from './addedTokens';
import { decoderOf } from './decoders';
import { type Model, modelOf } from './models';
import { normalizerOf } from './normalizers';
import { postProcessorOf } from './postProcessor';
import { preTokenizerOf } from './preTokenizers';

/** What a tokenizer.json says, computed as the Rust library does. */
export interface Pipeline {
  readonly modelType: Model['type'];
  readonly added: AddedTokens;
  /** The highest id, plus one. */
  readonly end: number;
  /** Ids of a text, without what the post-processor adds. */
  encode(text: string): number[];
  /** Ids with what the post-processor adds. */
  process(ids: number[]): number[];
  decode(ids: number[], skipSpecialTokens: boolean): string;
}

/**
 * The pipeline of a tokenizer.json, still without added tokens.
 *
 * @param splitsSpecials whether special tokens in a text are text like any other
 * @throws InputError naming the key, for what is missing, malformed or not known here
 */
export function openPipeline(data: JsonPart, splitsSpecials: boolean): Pipeline {
  const modelPart = data.part('model');
  if (!modelPart) throw data.error('model', "is missing: this isn't a tokenizer.");
  const model = modelOf(modelPart);
  const [normalizer, preTokenizer, postProcessor, decoder] = [
    'normalizer',
    'pre_tokenizer',
    'post_processor',
    'decoder',
  ].map((key) => data.part(key));
  const normalize = normalizer ? normalizerOf(normalizer) : (text: string) => text;
  const preTokenize = preTokenizer && preTokenizerOf(preTokenizer);
  const process = postProcessor ? postProcessorOf(postProcessor) : (ids: number[]) => ids;
  const decode = decoder && decoderOf(decoder);
  const added = new AddedTokens(model.vocabulary, normalize, splitsSpecials);
  return {
    modelType: model.type,
    added,
    get end() {
      return Math.max(model.vocabulary.end, ...Array.from(added.all.keys(), (id) => id + 1));
    },
    encode(text) {
      // Half of a pair of surrogates is no character, in Rust as in files.
      const parts = added.split(text.replace(/[\ud800-\udfff]/gu, '\ufffd'));
      return parts.flatMap((part) => {
        if (typeof part === 'number') return part;
        const pieces = preTokenize ? preTokenize(part) : [part];
        return pieces.flatMap((piece) => (piece.text === '' ? [] : model.tokenize(piece.text)));
      });
    },
    process,
    decode(ids, skipSpecialTokens) {
      const tokens = ids
        .map((id) => added.textOf(id))
        .filter((text) => text !== undefined)
        .filter((text) => !(skipSpecialTokens && added.isSpecial(text)));
      return decode ? decode(tokens).join('') : tokens.join(' ');
    },
  };
}
