/** What checkers take and give. */
import type { Span } from './spans';

export type Relation = 'less than' | 'at least';

/** Arguments of instructions, by their official names (misspelt ones included). */
export interface Kwargs {
  capital_frequency: number;
  capital_relation: Relation;
  end_phrase: string;
  first_word: string;
  forbidden_words: string[];
  frequency: number;
  keyword: string;
  keywords: string[];
  language: string;
  let_frequency: number;
  let_relation: Relation;
  letter: string;
  nth_paragraph: number;
  num_bullets: number;
  num_highlights: number;
  num_paragraphs: number;
  num_placeholders: number;
  num_sections: number;
  num_sentences: number;
  num_words: number;
  postscript_marker: string;
  prompt_to_repeat: string;
  relation: Relation;
  section_spliter: string;
}

/** Whether a response follows an instruction, and in a line, why. */
export interface Verdict {
  followed: boolean;
  evidence: string;
}

/** A pure function; it reads only the arguments of its own instruction. */
export type Checker = (response: string, kwargs: Kwargs) => Verdict;

/**
 * The pieces of a response that its checker counted or found wrong, in any order; none where the whole
 * text decides, or what is missing does.
 */
export type Marker = (response: string, kwargs: Kwargs) => Span[];
