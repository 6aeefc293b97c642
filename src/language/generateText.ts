import { type GenerateOptions, type Generation, generate } from '../engine/generate';
import type { Edit } from '../engine/steering';
import type { Message } from '../text/tokenizer';
import { checkList } from '../util/check';
import type { EncodeOptions, LanguageModel } from './languageModel';

export interface TextOptions
  extends Omit<GenerateOptions, 'edits' | 'maxNewTokens' | 'padId'>,
    EncodeOptions {
  /** Default 256. */
  maxNewTokens?: number;
  /** Edits of every prompt, or a list of edits for each. */
  edits?: Edit[] | Edit[][];
}

/** A text that a model wrote. */
export interface GeneratedText extends Generation {
  /** Without special tokens. */
  text: string;
}

/**
 * Answers prompts: encodes them, generates, decodes.
 * @param prompts as a user writes them, or conversations; the chat template is put around each
 * @returns one text for each prompt, in their order
 * @throws InputError as `generate`, and for a prompt that leaves no room in the context
 */
export async function generateText(
  lm: LanguageModel,
  prompts: (string | Message[])[],
  options: TextOptions = {},
): Promise<GeneratedText[]> {
  checkList('generateText: prompts', prompts, 'a list of texts or conversations');
  const { style, system, templateVariables, edits = [], maxNewTokens = 256, ...rest } = options;
  const perPrompt = Array.isArray(edits[0]);
  const generations = await generate(
    lm.model,
    prompts.map((prompt) => lm.encode(prompt, { style, system, templateVariables })),
    {
      stopIds: lm.tokenizer.stopIds,
      ...rest,
      maxNewTokens,
      padId: lm.padId,
      edits: perPrompt ? (edits as Edit[][]) : prompts.map(() => edits as Edit[]),
    },
  );
  return generations.map((generation) => ({
    ...generation,
    text: lm.tokenizer.decode(generation.tokens, { skipSpecialTokens: true }),
  }));
}
