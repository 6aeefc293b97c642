/** What a step would compute, told by its dry run: plans of several steps add it up. */
import type { WeightDtype } from '../../../src/backend/weightDtype';
import type { PromptStyle } from '../../../src/text/tokenizer';

/** The settings of the model that reads prompts. */
interface OfModel {
  model_name: string;
  prompt_style: PromptStyle | null;
  dtype: WeightDtype | null;
  batch_size: number;
}

export type PlannedWork =
  /** Prompts that are read for their activations. */
  | { kind: 'vectors'; place: string; model: OfModel; prompts: string[] }
  /** Prompts that are answered by so many new tokens at most. */
  | { kind: 'answers'; place: string; model: OfModel; prompts: string[]; newTokens: number }
  /** The answers that `answers` holds, read by a language model. */
  | { kind: 'judged'; place: string; judge: string; answers: string };
