/**
 * What a researcher imports. `loadModel` comes from `models`, which stands on all of this.
 *
 *     import { loadModel } from './models';
 *     import { findModelFolder, generate, loadTokenizer, useBackend } from './src';
 *
 *     await useBackend();
 *     const { dir } = findModelFolder('tiny-gemma2');
 *     const [model, tokenizer] = [loadModel(dir), loadTokenizer(dir)];
 *     const prompt = tokenizer.encodePrompt('How do I grow tomatoes?');
 *     const vector = new Float32Array(model.config.dModel).fill(0.1);
 *     const edits = [[{ kind: 'add', layer: 3, vector, weight: 2 } as const]];
 *     const [{ tokens }] = await generate(model, [prompt], { maxNewTokens: 50, edits });
 *     console.log(tokenizer.decode(tokens));
 */
export { type BackendInfo, useBackend } from './backend';
export { type GenerateOptions, type Generation, generate } from './engine/generate';
export { type HookFn, type Hooks, hookNames, residPost } from './engine/hooks';
export { KVCache } from './engine/kvCache';
export type { CausalLM, ForwardOptions, ModelDims } from './engine/model';
export { type LikelihoodOptions, meanNll, perplexityOf } from './engine/perplexity';
export { leftPad } from './engine/prefill';
export { type RunOptions, runWithCache } from './engine/runWithCache';
export { type Edit, POSITIONS, type Positions, Steering } from './engine/steering';
export { findModelFolder } from './hub/modelFolder';
export { loadTokenizer, type PromptStyle, type Tokenizer } from './text/tokenizer';
export { InputError } from './util/errors';
