/** The pieces of an answer that decided, as IFEval marks them. */
import { type Instruction, marksOf, parseInstruction, type Span } from '../../../ifeval';
import { joined } from '../../../ifeval/spans';

const SENTENCES = parseInstruction('length_constraints:number_sentences', {
  num_sentences: 1,
  relation: 'at least',
});

/** The ends of the sentences, as lengths are counted: without the space around the response. */
export function sentenceMarks(response: string): Span[] {
  const before = response.length - response.trimStart().length;
  const spans = marksOf(SENTENCES, response.trim(), 'strict');
  return spans.map(([start, end]) => [start + before, end + before]);
}

/** Of several instructions, in their order, those that overlap as one. */
export function marksOfAll(
  instructions: Instruction[],
  response: string,
  mode: 'strict' | 'loose',
): Span[] {
  return joined(instructions.flatMap((one) => marksOf(one, response, mode)));
}
