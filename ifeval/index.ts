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
export { evaluate, type Result, type Summary, summarize } from './evaluate';
export { followLoose, followStrict, looseVariants } from './follow';
export { type Instruction, InstructionError, parseInstruction } from './instruction';
export { REGISTRY } from './registry';
export { countSentences, splitSentences } from './sentences';
export type { Checker, Kwargs, Verdict } from './types';
export { countWords } from './words';
