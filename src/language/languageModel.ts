import type { BackendInfo } from '../backend/info';
import type { WeightDtype } from '../backend/weightDtype';
import type { CausalLM } from '../engine/model';
import type { ModelFiles } from '../hub/fingerprint';
import type { PromptStyle, Tokenizer } from '../text/tokenizer';

/** A model that is open, with all that is needed to read and write text: see `openModel`. */
export interface LanguageModel extends ModelFiles {
  backend: BackendInfo;
  model: CausalLM;
  tokenizer: Tokenizer;
  /** What the weights are held in. */
  dtype: WeightDtype;
  /** How a prompt becomes text, unless a call says otherwise: chat where there is a chat template. */
  style: PromptStyle;
  /** Fills the left of shorter rows; never attended to. */
  padId: number;
  /**
   * Token ids of a prompt, BOS included.
   * @throws InputError when it leaves no room for an answer in the model's context
   */
  encode(prompt: string, options?: { style?: PromptStyle }): number[];
  /** Frees the weights. */
  dispose(): void;
}
