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
import type { Checker, Kwargs, Marker } from './types';

export interface Entry {
  check: Checker;
  marks: Marker;
  /** Names of the arguments, all of which must be given. */
  kwargs: (keyof Kwargs)[];
}

export const REGISTRY: Readonly<Record<string, Entry>> = {
  'change_case:capital_word_frequency': {
    check: changeCase.capitalWordFrequency,
    marks: changeCase.capitalWords,
    kwargs: ['capital_frequency', 'capital_relation'],
  },
  'change_case:english_capital': {
    check: changeCase.englishCapital,
    marks: changeCase.notCapital,
    kwargs: [],
  },
  'change_case:english_lowercase': {
    check: changeCase.englishLowercase,
    marks: changeCase.notLowercase,
    kwargs: [],
  },
  'combination:repeat_prompt': {
    check: combination.repeatPrompt,
    marks: combination.repeatedPart,
    kwargs: ['prompt_to_repeat'],
  },
  'combination:two_responses': {
    check: combination.twoResponses,
    marks: combination.responseDividers,
    kwargs: [],
  },
  'detectable_content:number_placeholders': {
    check: content.numberPlaceholders,
    marks: content.placeholders,
    kwargs: ['num_placeholders'],
  },
  'detectable_content:postscript': {
    check: content.postscript,
    marks: content.postscriptMark,
    kwargs: ['postscript_marker'],
  },
  'detectable_format:constrained_response': {
    check: format.constrainedResponse,
    marks: format.fixedAnswers,
    kwargs: [],
  },
  'detectable_format:json_format': {
    check: format.jsonFormat,
    marks: format.jsonMarks,
    kwargs: [],
  },
  'detectable_format:multiple_sections': {
    check: format.multipleSections,
    marks: format.sectionMarks,
    kwargs: ['section_spliter', 'num_sections'],
  },
  'detectable_format:number_bullet_lists': {
    check: format.numberBulletLists,
    marks: format.bullets,
    kwargs: ['num_bullets'],
  },
  'detectable_format:number_highlighted_sections': {
    check: format.numberHighlightedSections,
    marks: format.highlights,
    kwargs: ['num_highlights'],
  },
  'detectable_format:title': { check: format.title, marks: format.titleMark, kwargs: [] },
  'keywords:existence': {
    check: keywords.existence,
    marks: keywords.keywordMarks,
    kwargs: ['keywords'],
  },
  'keywords:forbidden_words': {
    check: keywords.forbiddenWords,
    marks: keywords.forbiddenMarks,
    kwargs: ['forbidden_words'],
  },
  'keywords:frequency': {
    check: keywords.frequency,
    marks: keywords.keywordOccurrences,
    kwargs: ['keyword', 'frequency', 'relation'],
  },
  'keywords:letter_frequency': {
    check: keywords.letterFrequency,
    marks: keywords.letterMarks,
    kwargs: ['letter', 'let_frequency', 'let_relation'],
  },
  'language:response_language': {
    check: language.responseLanguage,
    marks: language.noMarks,
    kwargs: ['language'],
  },
  'length_constraints:nth_paragraph_first_word': {
    check: length.nthParagraphFirstWord,
    marks: length.firstWordOfNth,
    kwargs: ['num_paragraphs', 'nth_paragraph', 'first_word'],
  },
  'length_constraints:number_paragraphs': {
    check: length.numberParagraphs,
    marks: length.paragraphDividers,
    kwargs: ['num_paragraphs'],
  },
  'length_constraints:number_sentences': {
    check: length.numberSentences,
    marks: length.sentenceEnds,
    kwargs: ['num_sentences', 'relation'],
  },
  'length_constraints:number_words': {
    check: length.numberWords,
    marks: length.decidingWord,
    kwargs: ['num_words', 'relation'],
  },
  'punctuation:no_comma': { check: punctuation.noComma, marks: punctuation.commas, kwargs: [] },
  'startend:end_checker': {
    check: startend.endChecker,
    marks: startend.endMarks,
    kwargs: ['end_phrase'],
  },
  'startend:quotation': { check: startend.quotation, marks: startend.quotationMarks, kwargs: [] },
};
