/**
 * IFEval as a library:
 *
 *     const instruction = parseInstruction('length_constraints:number_words', {
 *       num_words: 300,
 *       relation: 'at least',
 *     });
 *     followLoose(instruction, response); // { followed: false, evidence: '287 words, …' }
 */
export { DIVERGENCES, type Divergence } from './divergences';
export { evaluate, type Result, type Share, type Summary, summarize } from './evaluate';
export {
  followLoose,
  followStrict,
  looseVariants,
  type Mode,
  marksOf,
  type Variant,
} from './follow';
export { type Instruction, InstructionError, parseInstruction } from './instruction';
export { type Entry, REGISTRY } from './registry';
export type { Row } from './rows';
export { countSentences, splitSentences } from './sentences';
export type { Span } from './spans';
export type { Checker, Kwargs, Marker, Relation, Verdict } from './types';
export { countWords } from './words';
