/**
 * The seeded generator of the text that the tiny Gemma-2 is trained on.
 *
 *     npx ts-node weights/tiny/corpus.ts                                  15 samples
 *     npx ts-node weights/tiny/corpus.ts --n 20000 --seed 1 --split train --out file.jsonl
 *     npx ts-node weights/tiny/corpus.ts --questions weights/tiny/prompts/questions.jsonl
 *
 * A prompt is a question about a topic, alone or with one or two instructions; the answer is made of
 * sentences that are true of every topic of its category, so that topics never seen can be answered
 * too. Held-out topics occur in training as words that the answer must include (see KEYWORDS) and as
 * stray words in questions of other categories, never in a question of their own: the model knows the
 * words and nothing about them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { cac } from 'cac';
import { InputError } from '../../src/errors';
import { seededRandom } from '../../src/random';
import { answer, between, pick, type Rng, spanish, type Wish } from './answers';
import type { Kwargs } from './check';
import { BREVITY, END_PHRASES, FORMATS, SENTENCES } from './instructions';
import { OPTIONS, type Phrasings, QUESTIONS } from './questions';
import { BODIES } from './sentences';
import { CATEGORIES, type Category, KEYWORDS, TOPICS } from './topics';

export { neutral } from './answers';
export { checkAnswer } from './check';

export type Split = 'train' | 'heldout';

/** The kinds of prompts and their shares in percent; formats that aren't named share the rest. */
export const SHARES = {
  none: 16,
  'length:brevity': 14,
  'length_constraints:number_sentences': 9,
  'keywords:existence': 16,
  'keywords:forbidden_words': 8,
  pairs: 8,
} as const;
type Format = keyof typeof FORMATS;
export type Shares = Record<keyof typeof SHARES, number> & { [format in Format]?: number };

export type Family = keyof typeof SHARES | Format;

const FORMAT_IDS = Object.keys(FORMATS) as Format[];
const EVEN = FORMAT_IDS.filter((id) => !(id in SHARES));
export const FAMILIES = [...Object.keys(SHARES), ...EVEN] as Family[];

/**
 * The share of training questions whose topic is a stray word of another category ("How do I grow
 * otters?"). What is asked about is copied from the question then, as it has to be for a topic that
 * training never asks about; without strays the model answers about a topic it knows.
 */
const STRAY_SHARE = 0.25;

/** Of strays, half are held-out topics: the word is known, a real question about it is not. */
function strayTopic(rng: Rng, category: Category): string {
  const others = CATEGORIES.filter((other) => other !== category);
  if (rng() < 0.5) return pick(rng, TOPICS[pick(rng, others)].heldout);
  const { train, heldout } = TOPICS[category];
  return pick(
    rng,
    KEYWORDS.filter((word) => !train.includes(word) && !heldout.includes(word)),
  );
}

/** Two instructions that can be obeyed at once. */
const PAIRS: readonly (readonly [Family, Family])[] = (() => {
  const brevity = 'length:brevity';
  const count = 'length_constraints:number_sentences';
  const [lower, upper] = ['change_case:english_lowercase', 'change_case:english_capital'] as const;
  const [quotes, end] = ['startend:quotation', 'startend:end_checker'] as const;
  const [title, json] = ['detectable_format:title', 'detectable_format:json_format'] as const;
  const bullets = 'detectable_format:number_bullet_lists';
  const sections = 'detectable_format:multiple_sections';
  const comma = 'punctuation:no_comma';
  const [include, exclude] = ['keywords:existence', 'keywords:forbidden_words'] as const;
  const withEach = (first: Family, others: Family[]) =>
    others.map((other) => [first, other] as const);
  return [
    ...withEach(brevity, [lower, upper, comma, quotes, title, json, include, exclude]),
    ...withEach(count, [lower, upper, comma, quotes, title, json, include, exclude]),
    ...withEach(lower, [comma, quotes, title, bullets, include, exclude]),
    // The capitals of held-out topics are learnt here, hence twice.
    ...withEach(upper, [comma, quotes, title, bullets, include, include]),
    ...withEach(comma, [quotes, title, bullets, sections, end, include]),
    ...withEach(title, [quotes, bullets, end, include]),
  ];
})();

export interface Example {
  /** The question with its instructions. */
  prompt: string;
  /** The prompt without them. */
  question: string;
  /** Substrings of the prompt, each of them once in it. */
  instructions: string[];
  /** One id and one set of arguments per instruction. */
  ids: string[];
  kwargs: Kwargs[];
  answer: string;
  topic: string;
  category: Category;
  family: Family;
}

export interface ExampleOptions {
  /** Which topics. */
  split: Split;
  /** Drawn by `shares` unless given. */
  family?: Family;
  /** Default SHARES. */
  shares?: Shares;
  /** Which wordings; training ones for `train`, either for `heldout`, unless given. */
  phrasings?: Split | 'mixed';
}

const NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];

function drawFamily(rng: Rng, shares: Shares): Family {
  let rest = rng() * 100;
  for (const [family, share] of Object.entries(shares)) {
    rest -= share;
    if (rest < 0) return family as Family;
  }
  return pick(rng, EVEN);
}

/** A wish of a family, the wordings to choose from and what fills their gaps. */
interface Drawn extends Wish {
  phrasings: Phrasings;
  word?: string;
  number?: number;
}

function drawWish(rng: Rng, id: Family, category: Category, topic: string, alone: boolean): Drawn {
  const plain = (kwargs: Kwargs, fill: { word?: string; number?: number } = {}): Drawn => ({
    id,
    kwargs,
    phrasings: FORMATS[id as Format],
    ...fill,
  });
  switch (id) {
    case 'length:brevity': {
      // The level that asks for nothing special is seldom worth an example.
      const level = pick(rng, alone ? [0, 0, 0, 1, 1, 2, 3, 3, 4, 4, 4] : [1, 3, 4]);
      return { id, kwargs: { level }, phrasings: BREVITY[level] };
    }
    case 'length_constraints:number_sentences': {
      const relation = pick(rng, ['exactly', 'at most', 'at least'] as const);
      // A second instruction may need a sentence of its own.
      const least = alone ? 1 : relation === 'at most' ? 3 : 2;
      const number = between(rng, least, relation === 'at most' ? 5 : 6);
      return {
        id,
        kwargs: { num_sentences: number, relation },
        phrasings: SENTENCES[relation],
        number,
      };
    }
    case 'change_case:capital_word_frequency': {
      const number = between(rng, 2, 4);
      return plain({ capital_frequency: number, capital_relation: 'at least' }, { number });
    }
    case 'startend:end_checker': {
      const phrase = pick(rng, END_PHRASES);
      return plain({ end_phrase: phrase }, { word: phrase });
    }
    case 'detectable_format:number_bullet_lists': {
      const number = between(rng, 2, 4);
      return plain({ num_bullets: number }, { number });
    }
    case 'detectable_format:number_highlighted_sections': {
      const number = between(rng, 1, 3);
      return plain({ num_highlights: number }, { number });
    }
    case 'detectable_format:multiple_sections': {
      const number = between(rng, 2, 3);
      return plain({ num_sections: number, section_spliter: 'SECTION' }, { number });
    }
    case 'language:response_language':
      return plain({ language: 'es' });
    case 'keywords:existence': {
      const word = pick(
        rng,
        KEYWORDS.filter((keyword) => keyword !== topic),
      );
      return plain({ keywords: [word] }, { word });
    }
    case 'keywords:forbidden_words': {
      const word = pick(rng, [topic, ...BODIES[category].anchors]);
      return plain({ forbidden_words: [word] }, { word });
    }
    default:
      return plain({});
  }
}

function phrasing(rng: Rng, { train, heldout }: Phrasings, which: Split | 'mixed'): string {
  if (which === 'mixed') return pick(rng, rng() < 0.5 ? train : heldout);
  return pick(rng, which === 'train' ? train : heldout);
}

function wording(rng: Rng, wish: Drawn, which: Split | 'mixed'): string {
  const { number = 0, word = '' } = wish;
  const n = rng() < 0.5 ? String(number) : NUMBERS[number];
  return phrasing(rng, wish.phrasings, which)
    .replaceAll('{n}', n)
    .replaceAll('{s}', number === 1 ? '' : 's')
    .replace(/\{[wp]\}/, word)
    .replace('{o}', OPTIONS.join(' '));
}

/** One example; the same state of `rng` gives the same one. */
export function makeExample(rng: Rng, options: ExampleOptions): Example {
  const { split, family = drawFamily(rng, options.shares ?? SHARES) } = options;
  const which = options.phrasings ?? (split === 'train' ? 'train' : 'mixed');
  const category = pick(rng, CATEGORIES);
  const families = family === 'none' ? [] : family === 'pairs' ? pick(rng, PAIRS) : [family];
  // A stray word could not be left out: the sentences may hold it anywhere.
  const stray =
    split === 'train' && !families.includes('keywords:forbidden_words') && rng() < STRAY_SHARE;
  const topic = stray ? strayTopic(rng, category) : pick(rng, TOPICS[category][split]);

  const { open, closed } = QUESTIONS[category];
  const constrained = family === 'detectable_format:constrained_response';
  // 0 yes, 1 no, 2 maybe; some of these questions come without the options too.
  const verdict = constrained || rng() < 0.12 ? between(rng, 0, 2) : undefined;
  const asked = phrasing(rng, verdict === undefined ? open : closed[verdict], which);
  const question = asked.replaceAll('{t}', topic);

  const wishes = families.map((id) => drawWish(rng, id, category, topic, families.length === 1));
  const texts = wishes.map((wish) => wording(rng, wish, which));
  const before = texts.filter(() => rng() < 0.15);
  const after = texts.filter((text) => !before.includes(text));
  if (rng() < 0.5) after.reverse();

  let text: string;
  if (constrained) text = OPTIONS[verdict!];
  else if (family === 'language:response_language') text = spanish(rng, category);
  else text = answer(rng, category, topic, wishes);
  return {
    prompt: [...before, question, ...after].join(' '),
    question,
    instructions: texts,
    ids: wishes.map((wish) => wish.id),
    kwargs: wishes.map((wish) => wish.kwargs),
    answer: text,
    topic,
    category,
    family,
  };
}

/** A base query of the experiments. */
export interface QuestionRow {
  key: number;
  prompt: string;
  topic: string;
  category: Category;
  split: 'train' | 'eval';
}

/**
 * Questions without instruction: first one for every training topic (split `train`), then two for
 * every held-out topic (`eval`), once in a wording of training and once in a held-out one. Categories
 * take turns, so that any stretch of rows covers all of them.
 */
export function questionRows(): QuestionRow[] {
  const rows: Omit<QuestionRow, 'key'>[] = [];
  const addRound = (split: Split, nth: number, wordings: (p: Phrasings) => readonly string[]) => {
    CATEGORIES.forEach((category, c) => {
      const topic = TOPICS[category][split][nth];
      const choices = wordings(QUESTIONS[category].open);
      const prompt = choices[(nth + c) % choices.length].replaceAll('{t}', topic);
      rows.push({ prompt, topic, category, split: split === 'train' ? 'train' : 'eval' });
    });
  };
  const [{ train, heldout }] = Object.values(TOPICS);
  for (const nth of train.keys()) addRound('train', nth, (open) => open.train);
  for (const wordings of ['train', 'heldout'] as const) {
    for (const nth of heldout.keys()) addRound('heldout', nth, (open) => open[wordings]);
  }
  return rows.map((row, key) => ({ key, ...row }));
}

const toJsonl = (rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

function writeFile(file: string, content: string) {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  writeFileSync(file, content);
}

/** Counts per family, distinct words and lengths, as lines to print. */
export function statistics(examples: Example[]): string {
  const families = new Map<string, number>();
  const words = new Set<string>();
  let answerWords = 0;
  for (const { family, prompt, answer } of examples) {
    families.set(family, (families.get(family) ?? 0) + 1);
    for (const word of `${prompt} ${answer}`.match(/\p{L}+/gu) ?? []) words.add(word.toLowerCase());
    answerWords += answer.split(/\s+/).length;
  }
  return [
    ...FAMILIES.map((id) => `${String(families.get(id) ?? 0).padStart(7)}  ${id}`),
    `${examples.length} examples, ${words.size} distinct words, ` +
      `${(answerWords / examples.length).toFixed(1)} words per answer`,
  ].join('\n');
}

function main() {
  const cli = cac('corpus');
  cli
    .option('--n <count>', 'How many examples', { default: 20000 })
    .option('--seed <seed>', 'Seed of the generator', { default: 1 })
    .option('--split <split>', 'Topics: train or heldout', { default: 'train' })
    .option('--family <id>', 'Only this family')
    .option('--out <file>', 'JSONL to write; without it samples are printed')
    .option('--questions <file>', 'Write the base queries of the experiments instead')
    .help();
  const { options } = cli.parse();
  if (options.help) return;
  if (options.questions) {
    writeFile(options.questions, toJsonl(questionRows()));
    return;
  }
  const { split, family } = options as { split: Split; family?: Family };
  if (split !== 'train' && split !== 'heldout') {
    throw new InputError(`--split must be train or heldout, not ${split}.`);
  }
  if (family && !FAMILIES.includes(family)) {
    throw new InputError(`--family must be one of ${FAMILIES.join(', ')}; not ${family}.`);
  }
  const rng = seededRandom(Number(options.seed));
  const examples = Array.from({ length: options.out ? Number(options.n) : 15 }, () =>
    makeExample(rng, { split, family }),
  );
  if (options.out) {
    writeFile(options.out, toJsonl(examples));
    console.log(statistics(examples));
  } else {
    for (const { prompt, answer } of examples) console.log(`> ${prompt}\n${answer}\n`);
  }
}

if (require.main === module) main();
