import { useBackend } from '../src/backend';
import type { WeightDtype } from '../src/backend/weightDtype';
import { findModel } from '../src/hub/fingerprint';
import { type LanguageModel, languageModel } from '../src/language/languageModel';
import { loadTokenizer } from '../src/text/loadTokenizer';
import type { PromptStyle } from '../src/text/tokenizer';
import { checkKeys } from '../src/util/check';
import { loadModel } from '.';

export interface OpenOptions {
  /** Default: the environment's TILLER_BACKEND, else tensorflow where it works, else wasm. */
  backend?: string;
  /** How matrices are kept; default float32. The 16-bit ones on tensorflow only. */
  dtype?: WeightDtype;
  /** How prompts become text; default: chat where there is a chat template, else raw. */
  style?: PromptStyle;
}

/**
 * Opens a model with its tokenizer, on a backend: all that generating and steering text needs.
 * @param given an alias (`phi-3`), an id on the Hub, or a folder; nothing is fetched
 * @throws InputError for a model or backend there isn't, saying how to get it; as `loadModel`
 */
export async function openModel(given: string, options: OpenOptions = {}): Promise<LanguageModel> {
  checkKeys('openModel: options', options, ['backend', 'dtype', 'style']);
  const { dtype, style } = options;
  const files = findModel(given);
  const tokenizer = loadTokenizer(files.dir);
  const backend = await useBackend(options.backend);
  const model = loadModel(files.dir, { dtype });
  return languageModel({ files, backend, model, tokenizer, dtype, style });
}
