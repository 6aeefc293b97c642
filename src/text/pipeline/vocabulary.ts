import type { JsonPart } from '../jsonPart';

/** The tokens of a model, without the added ones. */
export class Vocabulary {
  private readonly ids = new Map<string, number>();
  private readonly tokens: (string | undefined)[] = [];

  /** @param entries pairs of token and id */
  constructor(entries: Iterable<[string, number]>) {
    for (const [token, id] of entries) {
      this.ids.set(token, id);
      this.tokens[id] = token;
    }
  }

  /** `vocab` of a model, an object of ids. */
  static of(model: JsonPart): Vocabulary {
    const vocab = model.part('vocab');
    if (!vocab) throw model.error('vocab', 'is missing.');
    const entries = Object.entries(vocab.values);
    for (const [token, id] of entries) {
      // A hostile id would make a list of that length.
      if (!Number.isInteger(id) || (id as number) < 0 || (id as number) > 2 ** 26) {
        throw vocab.error(JSON.stringify(token), `must be an id, not ${JSON.stringify(id)}.`);
      }
    }
    return new Vocabulary(entries as [string, number][]);
  }

  /** Number of entries. */
  get size(): number {
    return this.ids.size;
  }

  /** The highest id, plus one. */
  get end(): number {
    return this.tokens.length;
  }

  idOf(token: string): number | undefined {
    return this.ids.get(token);
  }

  tokenOf(id: number): string | undefined {
    return this.tokens[id];
  }

  /** The ids of a text's bytes as byte tokens (`<0x41>`); undefined where one is missing. */
  bytesOf(text: string): number[] | undefined {
    const ids: number[] = [];
    for (const byte of Buffer.from(text, 'utf8')) {
      const id = this.ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
      if (id === undefined) return undefined;
      ids.push(id);
    }
    return ids;
  }
}
