import type { BackendInfo } from '../backend/info';
import type { WeightDtype } from '../backend/weightDtype';
import type { CausalLM } from '../engine/model';
import type { ModelFiles } from '../hub/fingerprint';
import type { EncodePromptOptions, Message, PromptStyle, Tokenizer } from '../text/tokenizer';
import { checkKeys } from '../util/check';
import { padIdOf, withRoom } from './context';

/** How a prompt becomes tokens: its style, a system prompt before it, variables of the template. */
export type EncodeOptions = Pick<EncodePromptOptions, 'style' | 'system' | 'templateVariables'>;

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
   * Token ids of a prompt, or of a conversation, BOS included.
   * @throws InputError when it leaves no room for an answer in the model's context; for a system
   *   prompt or turns that the style or the chat template lacks
   */
  encode(prompt: string | Message[], options?: EncodeOptions): number[];
  /** Frees the weights. */
  dispose(): void;
}

/** What a `LanguageModel` is made of. */
export interface LanguageModelParts
  extends Pick<LanguageModel, 'backend' | 'model' | 'tokenizer'>,
    Partial<Pick<LanguageModel, 'dtype' | 'style'>> {
  files: ModelFiles;
}

/** A model and its tokenizer as one. */
export function languageModel(parts: LanguageModelParts): LanguageModel {
  const { files, backend, model, tokenizer, dtype = 'float32' } = parts;
  const usual = parts.style ?? (tokenizer.hasChatTemplate ? 'chat' : 'raw');
  return {
    ...files,
    ...{ backend, model, tokenizer, dtype },
    style: usual,
    padId: padIdOf(tokenizer, model.config),
    encode(prompt, options = {}) {
      checkKeys('encode: options', options, ['style', 'system', 'templateVariables']);
      const ids = tokenizer.encodePrompt(prompt, { ...options, style: options.style ?? usual });
      const text = typeof prompt === 'string' ? prompt : (prompt.at(-1)?.content ?? '');
      return withRoom(ids, model.config, { model: files.name, text });
    },
    dispose: () => model.dispose(),
  };
}
