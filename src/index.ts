/**
 * What a researcher imports: `tiller` where it is installed, `./src` in a clone.
 *
 *     import { directionFromPairs, generateText, openModel, steer } from 'tiller';
 *
 *     const lm = await openModel('tiny-gemma2');
 *     const asked = ['tomatoes', 'apples', 'herbs'].map((topic) => `How do I grow ${topic}?`);
 *     const pairs = asked.map((text) => ({ positive: `${text} Be concise.`, negative: text }));
 *     const vectors = await directionFromPairs(lm, pairs);
 *     const edits = [steer(vectors, { layer: 3, weight: '1x' })];
 *     const [answer] = await generateText(lm, ['How do I grow roses?'], { edits });
 *     console.log(answer.text);
 */
export { loadModel } from '../models';
export { type OpenOptions, openModel } from '../models/open';
export { type BackendInfo, type BackendName, useBackend } from './backend';
export type { LoadOptions } from './checkpoint/weights';
export { ActivationCache, type Stack } from './engine/activationCache';
export { type GenerateOptions, type Generation, generate } from './engine/generate';
export {
  type HookFn,
  type HookRow,
  type Hooks,
  hookName,
  hookNames,
  hookTable,
  residPost,
} from './engine/hooks';
export { KVCache } from './engine/kvCache';
export type { ScoredToken, TokenLogprob } from './engine/logprobs';
export type { CausalLM, ForwardOptions, ModelDims } from './engine/model';
export { type LikelihoodOptions, meanNll, perplexityOf } from './engine/perplexity';
export { leftPad } from './engine/prefill';
export { type RunOptions, runWithCache } from './engine/runWithCache';
export {
  type Condition,
  EDIT_KINDS,
  type Edit,
  type EditKindName,
  POSITIONS,
  type Positions,
  Steering,
} from './engine/steering';
export { findModelFolder } from './hub/modelFolder';
export { type GeneratedText, generateText, type TextOptions } from './language/generateText';
export type { EncodeOptions, LanguageModel } from './language/languageModel';
export { type ModelServer, type ServeOptions, serve, VectorShelf } from './serve';
export type { Exchange, Route } from './serve/http';
export { loadTokenizer } from './text/loadTokenizer';
export type { JsonValue } from './text/messages';
export type { FormatChatOptions } from './text/prompt';
export type { TextStream } from './text/textStream';
export type { EncodePromptOptions, Message, PromptStyle, Tokenizer } from './text/tokenizer';
export { InputError } from './util/errors';
export type { Direction, SteeringVector } from './vectors/direction';
export type { ExtraTensors, SaveOptions } from './vectors/files/types';
export { METHODS, type Method } from './vectors/finders';
export type { FittingModel } from './vectors/fit';
export {
  directionFromPairs,
  type FromPairsOptions,
  type Pair,
  type VectorOfPairs,
} from './vectors/fromPairs';
export type { Vectors } from './vectors/lookUp';
export type { Provenance } from './vectors/provenance';
export type { Setting, SettingCondition, TriedSetting } from './vectors/setting';
export { type SteerCondition, type SteerOptions, steer } from './vectors/steer';
export type { SteerSpec } from './vectors/steerSpec';
export {
  type LoadOptions as LoadVectorsOptions,
  loadVectors,
  saveVectors,
  type VectorFile,
} from './vectors/vectorFile';
export type { Weight } from './vectors/weight';
