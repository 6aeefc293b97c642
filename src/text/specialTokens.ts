import type { AddedToken } from './addedTokens';
import { JsonPart } from './jsonPart';
import type { TextFiles } from './textFiles';
import { contentOf, type TokenizerClass } from './tokenizerClasses';

/** The special tokens that have a name in transformers. */
const NAMES = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].map((name) => `${name}_token`);

/** A token as a file writes it: a text alone, or with flags; what is not said is undefined. */
type Written = { content: string; special: boolean } & Partial<Omit<AddedToken, 'normalized'>> & {
    normalized?: boolean;
  };

/** Which tokens a folder's files add to tokenizer.json, and which have a name. */
export interface SpecialTokens {
  /** Content by name (`bos_token`), also of names that only this model has (`image_token`). */
  named: Map<string, string>;
  /** In the order in which transformers adds them: tokens without an id get the next ones. */
  added: AddedToken[];
}

/** A token that is written as an object; `special: true` wins over what it says. */
function readToken(part: JsonPart, special = part.flag('special')): Written {
  return {
    content: part.text('content'),
    special,
    lstrip: part.flag('lstrip'),
    rstrip: part.flag('rstrip'),
    singleWord: part.flag('single_word'),
    normalized: part.has('normalized') ? part.flag('normalized') : undefined,
  };
}

const complete = (token: Written): AddedToken => ({
  lstrip: false,
  rstrip: false,
  singleWord: false,
  ...token,
  normalized: token.normalized ?? !token.special,
});

/** `added_tokens` of a tokenizer.json, in the order of the file. Their ids there don't count. */
export function addedTokensOf(data: JsonPart): AddedToken[] {
  return data.parts('added_tokens').map((part) => complete(readToken(part)));
}

/** A token under a key: a text, or an object with flags; undefined where there is none. */
function tokenUnder(part: JsonPart, key: string, special?: true): Written | string | undefined {
  if (!part.has(key)) return undefined;
  if (typeof part.values[key] === 'string') return part.text(key);
  return readToken(part.part(key)!, special);
}

/** The tokens of a list under a key. */
function tokensUnder(part: JsonPart, key: string, special?: true): (Written | string)[] {
  return part.list(key).map((value, i) => {
    if (typeof value === 'string') return value;
    if (contentOf(value) === undefined) throw part.error(`${key}[${i}]`, 'must be a token.');
    const written = new JsonPart(part.file, value as Record<string, unknown>, `${key}[${i}].`);
    return readToken(written, special);
  });
}

/** What the files say, gathered in the order in which transformers reads them. */
class Files {
  /** Tokens that are listed with an id; the id only orders them. */
  readonly listed = new Map<number, Written>();
  /** Tokens with a name; undefined where a file says that there is none. A later file wins. */
  readonly named = new Map<string, Written | string | undefined>();
  /** Special tokens without a name; undefined where no file has the key. */
  extra: (Written | string)[] | undefined;

  /** @param special whether all named tokens are special whatever their flag says */
  readNamed(part: JsonPart, special?: true): void {
    for (const key of Object.keys(part.values)) {
      const own = key.endsWith('_token') && contentOf(part.values[key]) !== undefined;
      if (own || NAMES.includes(key)) this.named.set(key, tokenUnder(part, key, special));
    }
  }

  /** `extra_special_tokens`: a list, or an object of named tokens. */
  readExtra(part: JsonPart, special?: true): void {
    const key = 'extra_special_tokens';
    if (Array.isArray(part.values[key])) {
      this.extra = [...(this.extra ?? []), ...tokensUnder(part, key, special)];
      return;
    }
    const named = part.part(key);
    for (const name of Object.keys(named?.values ?? {})) {
      this.named.set(name, tokenUnder(named!, name));
    }
  }
}

const isEmpty = (value: unknown) => !value || Object.keys(value).length === 0;

function readConfig(files: Files, config: JsonPart): void {
  const { extra_special_tokens: extra } = config.values;
  files.readNamed(config);
  files.readExtra(config);
  const taken = Array.isArray(extra) && !isEmpty(extra);
  if (!taken && 'additional_special_tokens' in config.values) {
    files.extra = tokensUnder(config, 'additional_special_tokens');
  }
}

/** added_tokens.json: ids by content. */
function readAddedTokens(files: Files, added: JsonPart, config: JsonPart, map?: JsonPart): void {
  const named = NAMES.filter((name) => {
    // A token that the config itself writes as an object isn't recognized.
    const fromMap = map !== undefined && name in map.values;
    return fromMap || typeof config.values[name] === 'string';
  }).map((name) => files.named.get(name));
  const special = new Set([...named, ...(files.extra ?? [])].map(contentOf));
  for (const content of Object.keys(added.values)) {
    const isSpecial = special.has(content);
    files.listed.set(added.count(content), {
      content,
      special: isSpecial,
      normalized: !isSpecial,
    });
  }
}

/**
 * The special and the added tokens of a folder, as transformers 5.18 resolves them.
 *
 * Files saved since transformers 4.34 have `added_tokens_decoder` in tokenizer_config.json: it says
 * all, and special_tokens_map.json and added_tokens.json are not read. In older ones the map wins
 * over the config; added_tokens.json and the tokens of tokenizer.json give the flags.
 *
 * @param data tokenizer.json
 * @param config tokenizer_config.json
 * @throws InputError naming file and key, for what isn't a token
 */
export function resolveSpecialTokens(
  folder: TextFiles,
  data: JsonPart,
  config: JsonPart,
  { defaults, rebuild, plainSpecials }: TokenizerClass,
): SpecialTokens {
  const files = new Files();
  readConfig(files, config);
  if ('added_tokens_decoder' in config.values) {
    const decoder = config.part('added_tokens_decoder');
    for (const id of Object.keys(decoder?.values ?? {})) {
      const token = decoder!.part(id);
      if (!/^\d+$/.test(id) || !token) throw decoder!.error(id, 'must be an id and its token.');
      files.listed.set(Number(id), readToken(token));
    }
  } else {
    // special_tokens_map.json counts only here.
    const map = JsonPart.read(folder, 'special_tokens_map.json');
    if (map) {
      files.readNamed(map, true);
      files.readExtra(map, true);
    }
    const added = JsonPart.read(folder, 'added_tokens.json');
    if (added) readAddedTokens(files, added, config, map);
    // An object of named tokens leaves the place open.
    const { extra_special_tokens: own } = config.values;
    const open = !files.extra || (!isEmpty(own) && !Array.isArray(own));
    if (open && map?.has('additional_special_tokens')) {
      files.extra = tokensUnder(map, 'additional_special_tokens');
    }
    for (const part of data.parts('added_tokens'))
      files.listed.set(part.count('id'), readToken(part));
  }

  const padding = data.part('padding');
  const otherwise: Record<string, string | null> = {
    ...(padding?.has('pad_token') ? { pad_token: padding.text('pad_token') } : {}),
    ...defaults,
  };
  const named = new Map<string, Written | string>();
  for (const name of new Set([...NAMES, ...files.named.keys()])) {
    const token = files.named.has(name) ? files.named.get(name) : otherwise[name];
    if (token) named.set(name, token);
  }
  const listed = [...files.listed].sort(([a], [b]) => a - b).map(([, token]) => token);
  const there = new Set(listed.map((token) => token.content));
  if (!rebuild) for (const token of addedTokensOf(data)) there.add(token.content);
  const missing = new Map<string, Written>();
  for (const token of [...named.values(), ...(files.extra ?? [])]) {
    // Two that have the same content are both added, and the flags of the last one hold.
    const key = JSON.stringify(token);
    if (there.has(contentOf(token)!) || missing.has(key)) continue;
    missing.set(key, typeof token === 'string' ? { content: token, special: true } : token);
  }
  const contents = Array.from(named, ([name, token]) => [name, contentOf(token)!] as const);
  const isNamed = new Set(contents.map(([, content]) => content));
  const added = [...listed, ...missing.values()].map((token) =>
    complete({ ...token, special: token.special || isNamed.has(token.content) }),
  );
  const specials = [...isNamed, ...(files.extra ?? []).map((token) => contentOf(token)!)];
  const plain = plainSpecials
    ? specials.map((content) => complete({ content, special: true }))
    : [];
  return { named: new Map(contents), added: [...added, ...plain] };
}
