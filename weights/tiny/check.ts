/** Strict, simple checks of whether an answer obeys an instruction of the corpus. */
import { countSentences } from '../../ifeval/sentences';
import { BREVITY } from './instructions';
import { OPTIONS } from './questions';

/** Arguments of instructions; named as IFEval names them where it has them. */
export interface Kwargs {
  /** length:brevity: 0 (extremely concise) to 4 (extremely verbose). */
  level?: number;
  num_sentences?: number;
  relation?: 'exactly' | 'at most' | 'at least';
  capital_frequency?: number;
  capital_relation?: 'at least';
  end_phrase?: string;
  num_bullets?: number;
  num_highlights?: number;
  section_spliter?: string;
  num_sections?: number;
  language?: string;
  keywords?: string[];
  forbidden_words?: string[];
}

const hasWord = (text: string, word: string) => new RegExp(`\\b${word}\\b`, 'iu').test(text);
const isLower = (text: string) => text === text.toLowerCase() && /\p{L}/u.test(text);
const isUpper = (text: string) => text === text.toUpperCase() && /\p{L}/u.test(text);
const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

// Words of one language only; "a", "no", "me" and the like are words of both.
const SPANISH =
  /(?<!\p{L})(el|la|los|las|un|una|de|del|en|es|son|que|y|con|para|por|muy)(?!\p{L})/giu;
const ENGLISH =
  /(?<!\p{L})(the|and|of|to|is|are|you|your|it|they|that|for|with|in|when)(?!\p{L})/giu;

type Check = (answer: string, kwargs: Kwargs) => boolean;

/** By the id of a kind of instruction. */
export const CHECKS: Record<string, Check> = {
  'length:brevity': (answer, { level }) => {
    const [least, most] = BREVITY[level!].sentences;
    const n = countSentences(answer);
    return n >= least && n <= most;
  },
  'length_constraints:number_sentences': (answer, { num_sentences, relation }) => {
    const n = countSentences(answer);
    if (relation === 'at most') return n >= 1 && n <= num_sentences!;
    return relation === 'at least' ? n >= num_sentences! : n === num_sentences;
  },
  'change_case:english_lowercase': isLower,
  'change_case:english_capital': isUpper,
  'change_case:capital_word_frequency': (answer, { capital_frequency }) =>
    (answer.match(/\p{L}+/gu) ?? []).filter(isUpper).length >= capital_frequency!,
  'punctuation:no_comma': (answer) => answer.trim() !== '' && !answer.includes(','),
  'startend:quotation': (answer) => /^".+"$/s.test(answer.trim()),
  'startend:end_checker': (answer, { end_phrase }) =>
    answer.trim().toLowerCase().endsWith(end_phrase!.toLowerCase()),
  'detectable_format:number_bullet_lists': (answer, { num_bullets }) =>
    count(answer, /^\s*(\*[^*\n]|-).*$/gm) === num_bullets,
  'detectable_format:title': (answer) => /<<[^\n<>]*\S[^\n<>]*>>/.test(answer),
  'detectable_format:json_format': (answer) => {
    try {
      const value: unknown = JSON.parse(answer);
      return typeof value === 'object' && value !== null;
    } catch {
      return false;
    }
  },
  'detectable_format:number_highlighted_sections': (answer, { num_highlights }) =>
    count(answer, /\*[^\n*]*[^\n*\s][^\n*]*\*/g) >= num_highlights!,
  'detectable_format:constrained_response': (answer) =>
    OPTIONS.filter((option) => answer.includes(option)).length === 1,
  'detectable_format:multiple_sections': (answer, { section_spliter, num_sections }) =>
    count(answer, new RegExp(`${section_spliter}\\s?\\d+`, 'g')) === num_sections,
  'language:response_language': (answer) => {
    const spanish = count(answer, SPANISH);
    return spanish >= 2 && spanish > 2 * count(answer, ENGLISH);
  },
  'keywords:existence': (answer, { keywords }) => keywords!.every((word) => hasWord(answer, word)),
  'keywords:forbidden_words': (answer, { forbidden_words }) =>
    answer.trim() !== '' && !forbidden_words!.some((word) => hasWord(answer, word)),
};

/**
 * Whether an answer obeys one instruction. Stricter than IFEval in places: exactly as many sections
 * as asked for, exactly one of the options.
 * @throws Error for an id that the corpus doesn't have
 */
export function checkAnswer(id: string, kwargs: Kwargs, answer: string): boolean {
  const check = CHECKS[id];
  if (!check) throw new Error(`No check for the instruction id ${JSON.stringify(id)}.`);
  return check(answer, kwargs);
}

/** Whether a plain answer of 3 or 4 sentences may obey an instruction by what it asks for. */
export function obeyedByPlainAnswers({ level, num_sentences: n = 0, relation }: Kwargs): boolean {
  return (
    level === 2 ||
    (relation === 'at most' && n >= 3) ||
    (relation === 'at least' && n <= 4) ||
    (relation === 'exactly' && (n === 3 || n === 4))
  );
}
