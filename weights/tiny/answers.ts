/** Answers of the corpus: a body of plain sentences, then the form that instructions ask for. */
import type { Kwargs } from './check';
import { BREVITY, CARRIERS } from './instructions';
import { BODIES, type Line } from './sentences';
import { SPANISH } from './spanish';
import type { Category } from './topics';

/** A stream of numbers in [0, 1), such as `seededRandom(seed)` of src/random. */
export type Rng = () => number;

export const pick = <T>(rng: Rng, choices: readonly T[]): T =>
  choices[Math.floor(rng() * choices.length)];
/** A whole number from least to most, both included. */
export const between = (rng: Rng, least: number, most: number) =>
  least + Math.floor(rng() * (most - least + 1));

export interface BodyOptions {
  /** A word (the topic or an anchor of the category) that the sentences do without. */
  forbidden?: string;
  noComma?: boolean;
}

/** `{t~y}` and `{x~y}` read: the first part, or y where that holds the forbidden word. */
function read(line: Line, topic: string, { forbidden, noComma }: BodyOptions): string {
  const text = typeof line === 'string' ? line : line[noComma ? 1 : 0];
  return text.replace(/\{([^{}~]+)~?([^{}]*)\}/g, (_, first: string, instead: string) => {
    const words = first === 't' ? topic : first;
    return words
      .toLowerCase()
      .split(' ')
      .includes(forbidden ?? '')
      ? instead
      : words;
  });
}

/**
 * `n` sentences (1 to 8) about the topic, in the category's order, none twice.
 */
export function body(
  rng: Rng,
  category: Category,
  topic: string,
  n: number,
  options: BodyOptions = {},
): string[] {
  const { slots } = BODIES[category];
  const lines = slots.slice(0, n).map((slot) => between(rng, 0, slot.length - 1));
  const sentence = (slot: number, choice: number) =>
    read(pick(rng, slots[slot][choice]), topic, options);
  if (n <= slots.length) return lines.map((choice, slot) => sentence(slot, choice));
  // All seven slots and both sentences of the last.
  return [
    ...lines.slice(0, -1).map((choice, slot) => sentence(slot, choice)),
    sentence(6, 0),
    sentence(6, 1),
  ];
}

/** A plain answer of 3 or 4 sentences, as to a prompt without instruction. */
export function neutral(rng: Rng, category: Category, topic: string): string {
  return body(rng, category, topic, between(rng, 3, 4)).join(' ');
}

/** What an answer has to obey: an IFEval-like id with its arguments. */
export interface Wish {
  id: string;
  kwargs: Kwargs;
}

function sentencesWanted(rng: Rng, kwargs: Kwargs): number {
  if (kwargs.level !== undefined) return between(rng, ...BREVITY[kwargs.level].sentences);
  const n = kwargs.num_sentences;
  if (n !== undefined) {
    if (kwargs.relation === 'at most') return between(rng, Math.max(1, n - 1), n);
    return kwargs.relation === 'at least' ? between(rng, n, n + 1) : n;
  }
  if (kwargs.num_bullets) return kwargs.num_bullets;
  if (kwargs.num_sections) return kwargs.num_sections === 2 ? 4 : 3;
  const least = Math.max(3, kwargs.capital_frequency ?? 0);
  return between(rng, least, least + 1);
}

/** The last word of every sentence in capitals: an emphasis that is easy to learn. */
const emphasised = (sentence: string) =>
  sentence.replace(/\p{L}+(?=\.$)/u, (word) => word.toUpperCase());

/** A Spanish answer of 2 to 4 sentences. */
export function spanish(rng: Rng, category: Category): string {
  return SPANISH[category]
    .slice(0, between(rng, 2, 4))
    .map((pair) => pick(rng, pair))
    .join(' ');
}

/** An answer that obeys all wishes; they must not contradict each other. */
export function answer(rng: Rng, category: Category, topic: string, wishes: Wish[]): string {
  const kwargs: Kwargs = Object.assign({}, ...wishes.map((wish) => wish.kwargs));
  const asked = new Set(wishes.map((wish) => wish.id));
  const title = BODIES[category].title.replace('{t}', topic);

  const n = sentencesWanted(rng, kwargs);
  const keyword = kwargs.keywords?.[0];
  let sentences = body(rng, category, topic, keyword ? n - 1 : n, {
    forbidden: kwargs.forbidden_words?.[0],
    noComma: asked.has('punctuation:no_comma'),
  });
  if (keyword) {
    const carrier = pick(rng, CARRIERS).replace('{w}', keyword);
    sentences.splice(between(rng, 1, sentences.length), 0, carrier);
  }
  if (kwargs.capital_frequency) sentences = sentences.map(emphasised);
  sentences = sentences.map((sentence, i) =>
    i < (kwargs.num_highlights ?? 0) ? `*${sentence.slice(0, -1)}*.` : sentence,
  );

  let text = sentences.join(' ');
  if (kwargs.num_bullets) text = sentences.map((sentence) => `* ${sentence}`).join('\n');
  if (kwargs.num_sections) {
    const each = sentences.length / kwargs.num_sections;
    text = Array.from({ length: kwargs.num_sections }, (_, i) => {
      const part = sentences.slice(i * each, (i + 1) * each);
      return `${kwargs.section_spliter} ${i + 1}\n${part.join(' ')}`;
    }).join('\n');
  }
  if (asked.has('detectable_format:title')) text = `<<${title}>>\n${text}`;
  if (kwargs.end_phrase) text = `${text} ${kwargs.end_phrase}`;
  if (asked.has('detectable_format:json_format')) {
    text = `{"title": ${JSON.stringify(title)}, "text": ${JSON.stringify(text)}}`;
  }
  if (asked.has('startend:quotation')) text = `"${text}"`;
  if (asked.has('change_case:english_lowercase')) text = text.toLowerCase();
  if (asked.has('change_case:english_capital')) text = text.toUpperCase();
  return text;
}
