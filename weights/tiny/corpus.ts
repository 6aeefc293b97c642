/**
 * The seeded generator of the text that the tiny Gemma-2 is trained on.
 *
 *     npx ts-node weights/tiny/corpus.ts                                  15 samples
 *     npx ts-node weights/tiny/corpus.ts --n 20000 --seed 1 --split train --out file.jsonl
 *     npx ts-node weights/tiny/corpus.ts --prompts weights/tiny/prompts     those of the experiments
 *
 * A prompt is a question about a topic, alone or with one or two instructions; the answer is made of
 * sentences that are true of every topic of its category, so that topics never seen can be answered
 * too. Held-out topics occur in training as words that the answer must include (see KEYWORDS) and as
 * stray words in questions of other categories, never in a question of their own: the model knows the
 * words and nothing about them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { count, number, type Options, text } from '../../src/commands/command';
import { seededRandom } from '../../src/util/random';
import { oneOf, runAsProgram } from '../../src/util/script';
import { answer, between, pick, type Rng, spanish } from './answers';
import type { Kwargs } from './check';
import { FORMATS } from './instructions';
import { jsonl, promptFiles } from './promptRows';
import { OPTIONS, QUESTIONS } from './questions';
import { CATEGORIES, type Category, KEYWORDS, TOPICS } from './topics';
import { drawWish, type Format, phrasing, type Split, type WishId, wording } from './wishes';

export { neutral } from './answers';
export { checkAnswer } from './check';
export type { Split } from './wishes';

/** The kinds of prompts and their shares in percent; formats that aren't named share the rest. */
export const SHARES = {
  none: 16,
  'length:brevity': 14,
  'length_constraints:number_sentences': 9,
  'keywords:existence': 16,
  'keywords:forbidden_words': 8,
  pairs: 8,
} as const;
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
const PAIRS: readonly (readonly [WishId, WishId])[] = (() => {
  const brevity = 'length:brevity';
  const count = 'length_constraints:number_sentences';
  const [lower, upper] = ['change_case:english_lowercase', 'change_case:english_capital'] as const;
  const [quotes, end] = ['startend:quotation', 'startend:end_checker'] as const;
  const [title, json] = ['detectable_format:title', 'detectable_format:json_format'] as const;
  const bullets = 'detectable_format:number_bullet_lists';
  const sections = 'detectable_format:multiple_sections';
  const comma = 'punctuation:no_comma';
  const [include, exclude] = ['keywords:existence', 'keywords:forbidden_words'] as const;
  const withEach = (first: WishId, others: WishId[]) =>
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

function drawFamily(rng: Rng, shares: Shares): Family {
  let rest = rng() * 100;
  for (const [family, share] of Object.entries(shares)) {
    rest -= share;
    if (rest < 0) return family as Family;
  }
  return pick(rng, EVEN);
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

const CLI_OPTIONS = [
  ['--n <count>', 'How many examples --out holds (default: 20000)'],
  ['--seed <seed>', 'Seed of the generator (default: 1)'],
  ['--split <split>', 'Topics: train or heldout (default: train)'],
  ['--family <id>', 'Only this family'],
  ['--out <file>', 'JSONL to write; without it samples are printed'],
  ['--prompts <folder>', 'Write the prompts of the experiments instead'],
] as const;

function main(options: Options) {
  const prompts = text(options, 'prompts');
  if (prompts !== undefined) {
    for (const [name, content] of Object.entries(promptFiles())) {
      writeFile(path.join(prompts, name), content);
    }
    return;
  }
  const split = oneOf('--split', text(options, 'split') ?? 'train', ['train', 'heldout']);
  const wanted = text(options, 'family');
  const family = wanted === undefined ? undefined : oneOf('--family', wanted, FAMILIES);
  const n = count(options, 'n', 20_000);
  const out = text(options, 'out');
  const rng = seededRandom(number(options, 'seed', 1, 'a whole number', Number.isSafeInteger));
  const examples = Array.from({ length: out === undefined ? 15 : n }, () =>
    makeExample(rng, { split, family }),
  );
  if (out !== undefined) {
    writeFile(out, jsonl(examples));
    console.log(statistics(examples));
  } else {
    for (const { prompt, answer } of examples) console.log(`> ${prompt}\n${answer}\n`);
  }
}

runAsProgram(module, { options: CLI_OPTIONS }, ({ options }) => main(options));
