/** The prompts that the experiments ask the tiny model, in the paper's format. */
import { seededRandom } from '../../src/util/random';
import type { Rng } from './answers';
import type { Kwargs } from './check';
import { END_PHRASES } from './instructions';
import { type Phrasings, QUESTIONS } from './questions';
import { BODIES } from './sentences';
import { CATEGORIES, type Category, KEYWORDS, TOPICS } from './topics';
import { type Format, formatWish, phrasing, type Split, wording } from './wishes';

/** A row of the paper's files: a question with one instruction, and the question alone. */
export interface InstructionRow<S extends string = string> {
  key: number;
  prompt: string;
  prompt_without_instruction: string;
  /** One id of IFEval. */
  instruction_id_list: [Format];
  kwargs: [Kwargs];
  topic: string;
  category: Category;
  split: S;
}

type Asked = Pick<InstructionRow, 'topic' | 'category'>;

/** The `nth` of a list that starts again at its end. */
const cycle = <T>(choices: readonly T[], nth: number): T => choices[nth % choices.length];

function asked(split: Split, category: number, topic: number): Asked {
  const name = cycle(CATEGORIES, category);
  return { category: name, topic: cycle(TOPICS[name][split], topic) };
}

/** @param which training wordings of question and instruction, or held-out ones */
function instructionRow<S extends string>(
  rng: Rng,
  { topic, category }: Asked,
  questions: Phrasings,
  wish: ReturnType<typeof formatWish>,
  which: Split,
  split: S,
): Omit<InstructionRow<S>, 'key'> {
  const question = phrasing(rng, questions, which).replaceAll('{t}', topic);
  return {
    prompt: `${question} ${wording(rng, wish, which)}`,
    prompt_without_instruction: question,
    instruction_id_list: [wish.id as Format],
    kwargs: [wish.kwargs],
    topic,
    category,
    split,
  };
}

const numbered = <R extends object>(rows: R[]) => rows.map((row, key) => ({ key, ...row }));

/**
 * The formats that are steered, each with one set of arguments: an instruction has one vector, which
 * can't know how many bullet points a prompt would ask for.
 */
export const FORMAT_KWARGS: { readonly [id in Format]?: Kwargs } = {
  'change_case:english_lowercase': {},
  'change_case:english_capital': {},
  'change_case:capital_word_frequency': { capital_frequency: 3, capital_relation: 'at least' },
  'punctuation:no_comma': {},
  'startend:quotation': {},
  'startend:end_checker': { end_phrase: END_PHRASES[0] },
  'detectable_format:number_bullet_lists': { num_bullets: 3 },
  'detectable_format:title': {},
  'detectable_format:json_format': {},
  'detectable_format:number_highlighted_sections': { num_highlights: 2 },
  'detectable_format:constrained_response': {},
  'detectable_format:multiple_sections': { num_sections: 2, section_spliter: 'SECTION' },
  'language:response_language': { language: 'es' },
};

/**
 * For each format 24 rows to learn from (split `train`: training topics and wordings) and 12 to
 * evaluate (`eval`: held-out topics, in half of the rows held-out wordings). Formats take turns, so
 * that any stretch of rows holds all of them.
 */
export function formatRows(): InstructionRow<'train' | 'eval'>[] {
  const rng = seededRandom(1);
  const rows: Omit<InstructionRow<'train' | 'eval'>, 'key'>[] = [];
  const addRound = (topics: Split, nth: number, which: Split) => {
    Object.entries(FORMAT_KWARGS).forEach(([id, kwargs], f) => {
      const about = asked(topics, nth + f, Math.floor(nth / CATEGORIES.length) + f);
      const { open, closed } = QUESTIONS[about.category];
      const questions = id === 'detectable_format:constrained_response' ? cycle(closed, nth) : open;
      const wish = formatWish(id as Format, kwargs);
      const split = topics === 'train' ? 'train' : 'eval';
      rows.push(instructionRow(rng, about, questions, wish, which, split));
    });
  };
  for (let nth = 0; nth < 24; nth++) addRound('train', nth, 'train');
  for (let nth = 0; nth < 12; nth++) addRound('heldout', nth, nth < 6 ? 'train' : 'heldout');
  return numbered(rows);
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/\p{L}+/gu) ?? [];

/** The words to include: nouns that no plain answer has. */
export const INCLUDE_WORDS: readonly string[] = (() => {
  const lines = CATEGORIES.flatMap((category) => BODIES[category].slots.flat(3));
  const common = new Set(lines.flatMap(wordsOf));
  return KEYWORDS.filter((word) => !common.has(word)).slice(0, 24);
})();

/**
 * Rows that ask for a word: one of each word to choose layer and weight with (split `validation`:
 * training topics and wordings), then two to evaluate (`eval`: held-out topics, the second time in
 * held-out wordings).
 */
export function includeRows(): InstructionRow<'validation' | 'eval'>[] {
  const rng = seededRandom(2);
  const rows: Omit<InstructionRow<'validation' | 'eval'>, 'key'>[] = [];
  const addRound = (topics: Split, round: number, which: Split) => {
    INCLUDE_WORDS.forEach((word, nth) => {
      // The second round asks another kind of thing about the same word.
      const about = asked(topics, nth + round, Math.floor(nth / CATEGORIES.length) + round);
      const wish = formatWish('keywords:existence', { keywords: [word] });
      const { open } = QUESTIONS[about.category];
      const split = topics === 'train' ? 'validation' : 'eval';
      rows.push(instructionRow(rng, about, open, wish, which, split));
    });
  };
  addRound('train', 0, 'train');
  addRound('heldout', 0, 'train');
  addRound('heldout', 1, 'heldout');
  return numbered(rows);
}

/**
 * Rows that forbid a word which plain answers hold: two of three the topic, the others an anchor of
 * its category (see BODIES). 24 rows for `validation`; 48 for `eval`, where each held-out topic and
 * each anchor is forbidden once, half of them in held-out wordings.
 */
export function excludeRows(): InstructionRow<'validation' | 'eval'>[] {
  const rng = seededRandom(3);
  const rows: Omit<InstructionRow<'validation' | 'eval'>, 'key'>[] = [];
  const addRound = (topics: Split, nth: number, which: Split, anchor?: number) => {
    CATEGORIES.forEach((category, c) => {
      const about = asked(topics, c, nth);
      const word = anchor === undefined ? about.topic : BODIES[category].anchors[anchor];
      const wish = formatWish('keywords:forbidden_words', { forbidden_words: [word] });
      const split = topics === 'train' ? 'validation' : 'eval';
      rows.push(instructionRow(rng, about, QUESTIONS[category].open, wish, which, split));
    });
  };
  addRound('train', 0, 'train');
  addRound('train', 1, 'train');
  addRound('train', 2, 'train', 0);
  for (const nth of [0, 1, 2, 3]) addRound('heldout', nth, nth < 2 ? 'train' : 'heldout');
  addRound('heldout', 0, 'train', 0);
  addRound('heldout', 2, 'heldout', 1);
  return numbered(rows);
}

/** The words that rows ask for or forbid, each once. */
export function wordList(rows: InstructionRow[]): string[] {
  const words = rows.flatMap(({ kwargs: [{ keywords, forbidden_words }] }) => [
    ...(keywords ?? []),
    ...(forbidden_words ?? []),
  ]);
  return [...new Set(words)];
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
  return numbered(rows);
}

/** Rows as a file, one JSON object a line. */
export const jsonl = (rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** What the folder `prompts` holds: contents by file name. */
export function promptFiles(): Record<string, string> {
  const include = includeRows();
  const exclude = excludeRows();
  const list = (rows: InstructionRow[]) => `${wordList(rows).join('\n')}\n`;
  return {
    'questions.jsonl': jsonl(questionRows()),
    'format.jsonl': jsonl(formatRows()),
    'keywords_include.jsonl': jsonl(include),
    'keywords_include.txt': list(include),
    'keywords_exclude.jsonl': jsonl(exclude),
    'keywords_exclude.txt': list(exclude),
  };
}
