import { InputError } from '../util/errors';
import type { TokenizerLibrary, Vocabulary } from './library';

/** A part of a text between added tokens. */
export interface Piece {
  text: string;
  /** Whether it begins where the whole text begins. */
  first: boolean;
}

/** A token that stands beside the model's own, and is looked for in the text before it. */
export interface AddedToken {
  content: string;
  /** Left out of decoded text when specials are skipped. */
  special: boolean;
  /** Takes the white space on its left, on its right, away with it. */
  lstrip: boolean;
  rstrip: boolean;
  /** Only between characters that make no word. */
  singleWord: boolean;
  /** Its normalized content is looked for, in normalized text. */
  normalized: boolean;
}

const W = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]';
const STARTS_WITH_WORD = new RegExp(`^${W}`, 'u');
const ENDS_WITH_WORD = new RegExp(`${W}$`, 'u');
const SPACE = /\p{White_Space}/u;

/** Whether a word's character stands right before or after a part of a text. */
const isInWord = (text: string, start: number, end: number) =>
  ENDS_WITH_WORD.test(text.slice(Math.max(0, start - 2), start)) ||
  STARTS_WITH_WORD.test(text.slice(end, end + 2));

interface Entry {
  content: string;
  id: number;
}

/** Finds the leftmost of some texts, and of those that start there the longest. */
class Finder {
  private readonly byStart = new Map<string, Entry[]>();

  /** Of entries that are spelled alike, the last one is found. */
  constructor(entries: Entry[]) {
    for (const entry of entries.slice().reverse()) {
      const start = entry.content[0];
      const list = this.byStart.get(start);
      if (list) list.push(entry);
      else this.byStart.set(start, [entry]);
    }
    for (const list of this.byStart.values()) {
      list.sort((a, b) => b.content.length - a.content.length);
    }
  }

  *matches(text: string): Generator<{ id: number; start: number; end: number }> {
    if (this.byStart.size === 0) return;
    for (let at = 0; at < text.length; at++) {
      const found = this.byStart.get(text[at])?.find((one) => text.startsWith(one.content, at));
      if (!found) continue;
      const end = at + found.content.length;
      yield { id: found.id, start: at, end };
      at = end - 1;
    }
  }
}

/** The added tokens of a tokenizer, kept and found as the Rust library does. */
export class AddedTokens {
  private readonly ids = new Map<string, number>();
  private readonly byId = new Map<number, AddedToken>();
  /** What a token is in decoded text. */
  private readonly texts = new Map<number, string>();
  private readonly specials = new Set<string>();
  /** The id that the next new token gets. */
  private end: number;
  private plain = new Finder([]);
  private normalized = new Finder([]);

  private readonly vocabulary: Vocabulary;
  private readonly normalize: (text: string) => string;

  /** @param splitsSpecials whether special tokens in a text are text like any other */
  constructor(
    library: TokenizerLibrary,
    private readonly splitsSpecials: boolean,
  ) {
    this.vocabulary = library.vocabulary;
    this.normalize = library.normalize;
    this.end = this.vocabulary.size;
  }

  /**
   * Adds tokens, or gives those that are there already other flags. A token of the model's
   * vocabulary keeps its id; others get the next free ones.
   */
  add(tokens: AddedToken[]): void {
    for (const token of tokens) {
      if (token.content === '') continue;
      if (token.special) this.specials.add(token.content);
      const id = this.idOf(token.content) ?? this.end;
      this.ids.set(token.content, id);
      this.byId.set(id, token);
      this.end = Math.max(this.end, id + 1);
      // A token that was normalized once is decoded so for good.
      if (token.normalized) this.texts.set(id, this.normalize(token.content));
      else if (!this.texts.has(id)) this.texts.set(id, token.content);
    }
    const plain: Entry[] = [];
    const normalized: Entry[] = [];
    for (const [id, { content, normalized: normalizes }] of this.byId) {
      if (normalizes) normalized.push({ content: this.texts.get(id)!, id });
      else plain.push({ content, id });
    }
    this.plain = new Finder(plain);
    this.normalized = new Finder(normalized);
  }

  /** The tokens by id. */
  get all(): ReadonlyMap<number, AddedToken> {
    return this.byId;
  }

  idOf(content: string): number | undefined {
    return this.ids.get(content) ?? this.vocabulary.idOf(content);
  }

  textOf(id: number): string | undefined {
    return this.texts.get(id) ?? this.vocabulary.tokenOf(id);
  }

  isSpecial(text: string): boolean {
    return this.specials.has(text);
  }

  /** Ids of the added tokens in a text, and the normalized pieces between them, in order. */
  split(text: string): (number | Piece)[] {
    return this.cut({ text, first: true }, this.plain).flatMap((part) => {
      if (typeof part === 'number') return part;
      return this.cut({ text: this.normalize(part.text), first: part.first }, this.normalized);
    });
  }

  private cut({ text, first }: Piece, finder: Finder): (number | Piece)[] {
    const out: (number | Piece)[] = [];
    let done = 0;
    const between = (end: number) => {
      if (end > done) out.push({ text: text.slice(done, end), first: first && done === 0 });
    };
    for (const match of finder.matches(text)) {
      const token = this.byId.get(match.id)!;
      if (this.splitsSpecials && this.specials.has(token.content)) continue;
      let { start, end } = match;
      if (token.singleWord && isInWord(text, start, end)) continue;
      if (token.lstrip) {
        while (start > done && SPACE.test(text[start - 1])) start--;
        start = Math.max(start, done);
      }
      if (token.rstrip) while (end < text.length && SPACE.test(text[end])) end++;
      // White space that one token took may be another token: that one counts too, once more.
      if (start > end) {
        throw new InputError(`The added token ${JSON.stringify(token.content)} overlaps another.`);
      }
      between(start);
      if (end > start) out.push(match.id);
      done = end;
    }
    between(text.length);
    return out;
  }
}
