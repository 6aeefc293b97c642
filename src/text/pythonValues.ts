/** What Python does with the values of a template, where the npm library does otherwise. */

const WHITE_SPACE =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

/** What a Python program would write for a value; lists and objects aren't written. */
function text(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined) return '';
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Number.isInteger(value)) return String(value);
  throw new Error("it writes a list, an object or a fraction, as Tiller can't");
}

function strip(value: unknown, chars: unknown, left: boolean, right: boolean): string {
  if (typeof value !== 'string') throw new Error('it strips what is no text');
  const set = typeof chars === 'string' ? chars.replace(/[\\\]^-]/g, '\\$&') : WHITE_SPACE;
  if (set === '') return value;
  const cut = left ? value.replace(new RegExp(`^[${set}]+`, 'u'), '') : value;
  return right ? cut.replace(new RegExp(`[${set}]+$`, 'u'), '') : cut;
}

/** `text.split(separator, most)` */
function split(value: unknown, separator: unknown, most: unknown = -1): string[] {
  if (typeof value !== 'string') throw new Error('it splits what is no text');
  if (typeof separator === 'string' && separator !== '') {
    const parts = value.split(separator);
    const rest = (most as number) < 0 ? [] : parts.splice(most as number);
    return rest.length > 0 ? [...parts, rest.join(separator)] : parts;
  }
  if (separator === '' || most !== -1) throw new Error('it splits at nothing');
  return strip(value, undefined, true, true)
    .split(new RegExp(`[${WHITE_SPACE}]+`, 'u'))
    .filter((part) => part !== '');
}

/** A value as the library holds it, also inside a list or an object. */
export type Held = { type: string; value: unknown };

/** What it holds; its own null has no value, like what is undefined. */
export const open = (held: Held | undefined) => (held?.type === 'NullValue' ? null : held?.value);

function equal(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((one: Held, i) => equal(open(one), open(b[i])));
  }
  if (a instanceof Map && b instanceof Map) {
    const same = ([key, one]: [unknown, Held]) => b.has(key) && equal(open(one), open(b.get(key)));
    return a.size === b.size && [...a].every(same);
  }
  const number = (value: unknown) => (typeof value === 'boolean' ? Number(value) : value);
  return number(a) === number(b);
}

/** `+` of texts, of numbers and of lists; Python has none between other kinds. */
function plus(a: unknown, b: unknown): unknown {
  if (typeof a === 'string' && typeof b === 'string') return a + b;
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
  const kind = (value: unknown) => (value === null ? 'None' : typeof value);
  throw new Error(`it adds ${kind(a)} and ${kind(b)}`);
}

/** The items of a list that pass a test, or don't. */
function chosen(items: unknown, test: unknown, against: unknown, wanted: boolean): Held[] {
  if (!Array.isArray(items)) throw new Error('it selects from what is no list');
  const passes = (item: Held) => {
    if (['equalto', 'eq', '=='].includes(test as string)) return equal(open(item), against);
    if (test !== 'in' || !Array.isArray(against)) {
      throw new Error(`it selects by the test ${test}, which Tiller can't render as Python does`);
    }
    return against.some((one: Held) => equal(open(one), open(item)));
  };
  return items.filter((item: Held) => passes(item) === wanted);
}

/** `text.title()`; other letters than ASCII's have capitals of their own for it. */
function title(value: unknown): string {
  if (typeof value !== 'string' || !/^\p{ASCII}*$/u.test(value)) {
    throw new Error("it capitalizes words with .title(), which Tiller can't for this text");
  }
  return value.replace(/[a-z]+/gi, (word) => word[0].toUpperCase() + word.slice(1).toLowerCase());
}

function join(value: unknown, separator: unknown, attribute: unknown): string {
  const items =
    typeof value === 'string'
      ? Array.from(value, (c) => ({ type: 'StringValue', value: c }))
      : value;
  if (!Array.isArray(items)) throw new Error('it joins what is no list');
  const held = items.map((item: Held) => {
    const found =
      typeof attribute === 'string' ? (item.value as Map<string, Held>).get(attribute) : item;
    return text(open(found));
  });
  return held.join(separator === undefined ? '' : text(separator));
}

function length(value: unknown): number {
  if (typeof value === 'string') return Array.from(value).length;
  if (Array.isArray(value)) return value.length;
  return value instanceof Map ? value.size : 0;
}

/** As long as Jinja's sandbox allows. */
function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (!(count <= 100_000)) throw new Error('it asks for a range of more than 100000 numbers');
  return Array.from({ length: count }, (_, i) => from + i * step);
}

function strftime(format: string): string {
  const now = new Date();
  const named = (options: Intl.DateTimeFormatOptions) => now.toLocaleDateString('en-US', options);
  const two = (value: number) => String(value).padStart(2, '0');
  const parts: Record<string, string> = {
    '%Y': String(now.getFullYear()),
    '%m': two(now.getMonth() + 1),
    '%d': two(now.getDate()),
    '%B': named({ month: 'long' }),
    '%b': named({ month: 'short' }),
    '%A': named({ weekday: 'long' }),
    '%a': named({ weekday: 'short' }),
    '%H': two(now.getHours()),
    '%M': two(now.getMinutes()),
    '%S': two(now.getSeconds()),
    '%%': '%',
  };
  return format.replace(/%./g, (sign) => {
    if (sign in parts) return parts[sign];
    throw new Error(`strftime_now doesn't know ${sign} in Tiller`);
  });
}

/** Functions for templates, by names that no template can write. */
export const OURS = {
  '@text': text,
  '@concat': (a: unknown, b: unknown) => text(a) + text(b),
  '@equal': equal,
  '@unequal': (a: unknown, b: unknown) => !equal(a, b),
  '@strip': (value: unknown, chars: unknown) => strip(value, chars, true, true),
  '@lstrip': (value: unknown, chars: unknown) => strip(value, chars, true, false),
  '@rstrip': (value: unknown, chars: unknown) => strip(value, chars, false, true),
  '@split': split,
  '@plus': plus,
  '@select': (items: unknown, test: unknown, arg: unknown) => chosen(items, test, arg, true),
  '@reject': (items: unknown, test: unknown, arg: unknown) => chosen(items, test, arg, false),
  '@title': title,
  '@join': join,
  '@length': length,
  '@range': range,
  '@strftime_now': strftime,
};
