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
export { evaluate, type Mode, type Result, type Share, type Summary, summarize } from './evaluate';
export { followLoose, followStrict, looseVariants, type Variant } from './follow';
export { type Instruction, InstructionError, parseInstruction } from './instruction';
export { type Entry, REGISTRY } from './registry';
export type { Row } from './rows';
export { countSentences, splitSentences } from './sentences';
export type { Checker, Kwargs, Relation, Verdict } from './types';
export { countWords } from './words';
