/** Table of contents: the 25 instructions of IFEval, each with its checker and its arguments. */
import * as changeCase from './checkers/changeCase';
import * as combination from './checkers/combination';
import * as content from './checkers/content';
import * as format from './checkers/format';
import * as keywords from './checkers/keywords';
import * as language from './checkers/language';
import * as length from './checkers/length';
import * as punctuation from './checkers/punctuation';
import * as startend from './checkers/startend';
import type { Checker, Kwargs } from './types';

export interface Entry {
  check: Checker;
  /** Names of the arguments, all of which must be given. */
  kwargs: (keyof Kwargs)[];
}

export const REGISTRY: Readonly<Record<string, Entry>> = {
  'change_case:capital_word_frequency': {
    check: changeCase.capitalWordFrequency,
    kwargs: ['capital_frequency', 'capital_relation'],
  },
  'change_case:english_capital': { check: changeCase.englishCapital, kwargs: [] },
  'change_case:english_lowercase': { check: changeCase.englishLowercase, kwargs: [] },
  'combination:repeat_prompt': { check: combination.repeatPrompt, kwargs: ['prompt_to_repeat'] },
  'combination:two_responses': { check: combination.twoResponses, kwargs: [] },
  'detectable_content:number_placeholders': {
    check: content.numberPlaceholders,
    kwargs: ['num_placeholders'],
  },
  'detectable_content:postscript': { check: content.postscript, kwargs: ['postscript_marker'] },
  'detectable_format:constrained_response': { check: format.constrainedResponse, kwargs: [] },
  'detectable_format:json_format': { check: format.jsonFormat, kwargs: [] },
  'detectable_format:multiple_sections': {
    check: format.multipleSections,
    kwargs: ['section_spliter', 'num_sections'],
  },
  'detectable_format:number_bullet_lists': {
    check: format.numberBulletLists,
    kwargs: ['num_bullets'],
  },
  'detectable_format:number_highlighted_sections': {
    check: format.numberHighlightedSections,
    kwargs: ['num_highlights'],
  },
  'detectable_format:title': { check: format.title, kwargs: [] },
  'keywords:existence': { check: keywords.existence, kwargs: ['keywords'] },
  'keywords:forbidden_words': { check: keywords.forbiddenWords, kwargs: ['forbidden_words'] },
  'keywords:frequency': {
    check: keywords.frequency,
    kwargs: ['keyword', 'frequency', 'relation'],
  },
  'keywords:letter_frequency': {
    check: keywords.letterFrequency,
    kwargs: ['letter', 'let_frequency', 'let_relation'],
  },
  'language:response_language': { check: language.responseLanguage, kwargs: ['language'] },
  'length_constraints:nth_paragraph_first_word': {
    check: length.nthParagraphFirstWord,
    kwargs: ['num_paragraphs', 'nth_paragraph', 'first_word'],
  },
  'length_constraints:number_paragraphs': {
    check: length.numberParagraphs,
    kwargs: ['num_paragraphs'],
  },
  'length_constraints:number_sentences': {
    check: length.numberSentences,
    kwargs: ['num_sentences', 'relation'],
  },
  'length_constraints:number_words': {
    check: length.numberWords,
    kwargs: ['num_words', 'relation'],
  },
  'punctuation:no_comma': { check: punctuation.noComma, kwargs: [] },
  'startend:end_checker': { check: startend.endChecker, kwargs: ['end_phrase'] },
  'startend:quotation': { check: startend.quotation, kwargs: [] },
};
