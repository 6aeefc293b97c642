/** What a tokenizer and a model have to agree on. */
import type { ModelDims } from '../engine/model';
import type { Tokenizer } from '../text/tokenizer';
import { InputError } from '../util/errors';

/** The id that fills shorter rows, where it is masked; a pad token that only the tokenizer has can't be looked up. */
export const padIdOf = ({ padId }: Tokenizer, { vocabSize }: ModelDims): number =>
  padId < vocabSize ? padId : 0;

/**
 * The ids of a prompt.
 * @param model for the message
 * @param text the prompt, for the message
 * @throws InputError when they leave no room for an answer in the model's context
 */
export function withRoom(
  ids: number[],
  { maxPositions }: ModelDims,
  { model, text }: { model: string; text: string },
): number[] {
  if (ids.length < maxPositions) return ids;
  throw new InputError(
    `A prompt has ${ids.length} tokens; ${model} takes ${maxPositions} with the answer: ` +
      `"${text.slice(0, 60)}…"`,
  );
}
