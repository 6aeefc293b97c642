import type { JsonPart } from '../jsonPart';
import { bpe } from './bpe';
import { unigram } from './unigram';
import { Vocabulary } from './vocabulary';

/** What turns a piece of text into ids. */
export interface Model {
  readonly type: 'BPE' | 'Unigram' | 'WordPiece' | 'WordLevel';
  readonly vocabulary: Vocabulary;
  /** Ids of a piece that is not empty. */
  tokenize(text: string): number[];
}

/** The id of a word's unknown token; asked for only where one is needed. */
function unknownOf(part: JsonPart, vocabulary: Vocabulary, otherwise: string): () => number {
  const token = part.text('unk_token', otherwise);
  return () => {
    const id = vocabulary.idOf(token);
    if (id === undefined) throw part.error('unk_token', `is "${token}", which vocab lacks.`);
    return id;
  };
}

function wordLevel(part: JsonPart): Model {
  const vocabulary = Vocabulary.of(part);
  const unknown = unknownOf(part, vocabulary, '<unk>');
  return {
    type: 'WordLevel',
    vocabulary,
    tokenize: (text) => [vocabulary.idOf(text) ?? unknown()],
  };
}

/** The longest token from the left, again and again; a word with a hole is unknown as a whole. */
function wordPiece(part: JsonPart): Model {
  const vocabulary = Vocabulary.of(part);
  const unknown = unknownOf(part, vocabulary, '[UNK]');
  const prefix = part.text('continuing_subword_prefix', '##');
  const most = part.count('max_input_chars_per_word', 100);
  return {
    type: 'WordPiece',
    vocabulary,
    tokenize(text) {
      const characters = Array.from(text);
      if (characters.length > most) return [unknown()];
      const ids: number[] = [];
      for (let start = 0; start < characters.length; ) {
        let end = characters.length;
        let id: number | undefined;
        for (; end > start; end--) {
          const word = (start > 0 ? prefix : '') + characters.slice(start, end).join('');
          id = vocabulary.idOf(word);
          if (id !== undefined) break;
        }
        if (id === undefined) return [unknown()];
        ids.push(id);
        start = end;
      }
      return ids;
    },
  };
}

/** Files from before the type was written: it shows in what else stands there. */
function guessType(part: JsonPart): string {
  if (Array.isArray(part.values.vocab)) return 'Unigram';
  if (part.has('merges')) return 'BPE';
  return part.has('max_input_chars_per_word') ? 'WordPiece' : 'WordLevel';
}

/**
 * The model of a tokenizer.json, computed as the Rust library does.
 *
 * @throws InputError for a type that isn't known here
 */
export function modelOf(part: JsonPart): Model {
  const type = part.has('type') ? part.text('type') : guessType(part);
  switch (type) {
    case 'BPE':
      return bpe(part);
    case 'Unigram':
      return unigram(part);
    case 'WordPiece':
      return wordPiece(part);
    case 'WordLevel':
      return wordLevel(part);
    default:
      throw part.error('type', `"${type}" is a model that Tiller doesn't know.`);
  }
}
