/**
 * Reads the string literals out of a Python script: those assigned to names, alone or in lists, and
 * f-strings. Nothing is run. Other expressions are passed over.
 */

/** A string, or an f-string: text and, between braces, expressions. */
export type PythonString = ({ text: string } | { field: string })[];

/** What a name stands for: a string, a list (or tuple) of such values, or another name. */
export type PythonValue =
  | { kind: 'string'; string: PythonString }
  | { kind: 'list'; items: PythonValue[] }
  | { kind: 'name'; name: string };

export interface Assignment {
  name: string;
  value: PythonValue;
}

interface Token {
  /** `end` is that of a line. */
  kind: 'string' | 'name' | 'sign' | 'end';
  /** Of a string the literal with prefix and quotes. */
  text: string;
}

const TOKENS = new RegExp(
  [
    /[ \t\f\r]+|\\\r?\n|#[^\n]*/u,
    /(?<string>[rRbBuUfF]{0,2}(?:"""(?:[^\\]|\\[\s\S])*?"""|'''(?:[^\\]|\\[\s\S])*?'''|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'))/u,
    /(?<name>[\p{L}_][\p{L}\p{N}_]*)/u,
    /(?<end>\n)/u,
    /(?<sign>[=!<>:]=|[\s\S])/u,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gu',
);

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  for (const { 0: text, groups } of source.matchAll(TOKENS)) {
    const kind = (['string', 'name', 'end', 'sign'] as const).find((one) => groups?.[one]);
    if (kind) tokens.push({ kind, text });
  }
  return tokens;
}

/** `name = value` on lines of their own, in the order of the script; arguments of calls are none. */
export function readAssignments(source: string): Assignment[] {
  const tokens = tokensOf(source);
  const found: Assignment[] = [];
  let depth = 0;
  tokens.forEach(({ kind, text }, at) => {
    if (kind === 'sign' && '([{'.includes(text)) depth++;
    if (kind === 'sign' && ')]}'.includes(text)) depth--;
    const begins = at === 0 || [';', ':', '\n'].includes(tokens[at - 1].text);
    if (kind !== 'name' || depth || !begins || tokens[at + 1]?.text !== '=') return;
    const parsed = readValue(tokens, at + 2, false);
    const next = parsed && tokens[parsed.next];
    // Followed by anything else, it is part of a larger expression.
    if (parsed && (!next || next.kind === 'end' || next.text === ';')) {
      found.push({ name: text, value: parsed.value });
    }
  });
  return found;
}

/** All strings of a script, wherever they stand, but for bytes and what can't be read. */
export function readStrings(source: string): PythonString[] {
  return tokensOf(source).flatMap(({ kind, text }) => {
    const string = kind === 'string' ? readString(text) : undefined;
    return string ? [string] : [];
  });
}

interface Parsed {
  value: PythonValue;
  /** The place of the token after it. */
  next: number;
}

/** @param inside whether lines may end within it */
function readValue(tokens: Token[], start: number, inside: boolean): Parsed | undefined {
  const skip = (at: number) => {
    while (inside && tokens[at]?.kind === 'end') at++;
    return at;
  };
  let at = skip(start);
  const first = tokens[at];
  if (first?.kind === 'name') {
    return { value: { kind: 'name', name: first.text }, next: skip(at + 1) };
  }
  if (first?.kind === 'sign' && '[('.includes(first.text)) return readList(tokens, at, inside);
  const string: PythonString = [];
  // Literals side by side are one string.
  for (; tokens[at]?.kind === 'string'; at = skip(at + 1)) {
    const part = readString(tokens[at].text);
    if (!part) return undefined;
    string.push(...part);
  }
  return string.length
    ? { value: { kind: 'string', string: joined(string) }, next: at }
    : undefined;
}

function readList(tokens: Token[], start: number, inside: boolean): Parsed | undefined {
  const closing = tokens[start].text === '[' ? ']' : ')';
  const items: PythonValue[] = [];
  let comma = false;
  let at = start + 1;
  for (;;) {
    while (tokens[at]?.kind === 'end') at++;
    if (tokens[at]?.text === closing) break;
    if (items.length && !comma) return undefined;
    const item = readValue(tokens, at, true);
    if (!item) return undefined;
    items.push(item.value);
    at = item.next;
    comma = tokens[at]?.text === ',';
    if (comma) at++;
  }
  at++;
  while (inside && tokens[at]?.kind === 'end') at++;
  // Parentheses around one value are no tuple.
  if (closing === ')' && items.length === 1 && !comma) return { value: items[0], next: at };
  return { value: { kind: 'list', items }, next: at };
}

const joined = (parts: PythonString): PythonString =>
  parts.reduce<PythonString>((all, part) => {
    const last = all.at(-1);
    if (last && 'text' in last && 'text' in part) last.text += part.text;
    else all.push({ ...part });
    return all;
  }, []);

/** @returns undefined for bytes, and for what Python would refuse */
function readString(literal: string): PythonString | undefined {
  const [, prefix, quote] = /^([a-z]*)("""|'''|"|')/i.exec(literal) as RegExpExecArray;
  const body = literal.slice(prefix.length + quote.length, -quote.length);
  const is = (letter: string) => prefix.toLowerCase().includes(letter);
  if (is('b')) return undefined;
  const decode = is('r') ? (text: string) => text : decodeEscapes;
  try {
    return is('f') ? readFields(body, decode) : [{ text: decode(body) }];
  } catch {
    return undefined;
  }
}

/** `a {b:>3} {{c}}` → text, field `b:>3`, text with single braces. */
function readFields(body: string, decode: (text: string) => string): PythonString {
  // The braces of \N{...} are no field.
  const pieces = body.matchAll(
    /(?<field>(?<!\\N)\{(?!\{)[^{}]*\})|\{\{|\}\}|\\N\{[^{}]*\}|[\s\S]/g,
  );
  const parts = [...pieces].map(({ 0: piece, groups }): { text: string } | { field: string } => {
    if (groups?.field) return { field: piece.slice(1, -1).trim() };
    if (piece === '{' || piece === '}') throw new SyntaxError(`a single ${piece}`);
    return { text: piece === '{{' || piece === '}}' ? piece[0] : piece };
  });
  return joined(parts).map((part) => ('text' in part ? { text: decode(part.text) } : part));
}

const ESCAPES: Record<string, string> = {
  ...{ n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' },
  ...{ '\\': '\\', "'": "'", '"': '"', '\n': '' },
};

/** @throws SyntaxError for an escape that Python refuses, and for `\N{name}` */
function decodeEscapes(text: string): string {
  const hex = (digits: number) => `([0-9a-fA-F]{${digits}})`;
  const escapes = new RegExp(
    String.raw`\\(?:([0-7]{1,3})|x${hex(2)}|u${hex(4)}|U${hex(8)}|(\r\n|[\s\S]))`,
    'g',
  );
  return text.replace(escapes, (all, octal, two, four, eight, other?: string) => {
    if (octal) return String.fromCodePoint(Number.parseInt(octal, 8));
    const code = two ?? four ?? eight;
    if (code) return String.fromCodePoint(Number.parseInt(code, 16));
    if (other === '\r\n') return '';
    if ('xuUN'.includes(other as string)) throw new SyntaxError(`the escape ${all}`);
    // Python leaves a backslash before any other character.
    return ESCAPES[other as string] ?? all;
  });
}
