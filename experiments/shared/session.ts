import type { BackendInfo } from '../../src/backend';
import { type ConfigOf, nullable, oneOf, text } from '../../src/config';
import { InputError } from '../../src/errors';
import type { Generation } from '../../src/generate';
import type { CausalLM } from '../../src/model';
import type { Steer } from '../../src/steering';
import type { PromptStyle, Tokenizer } from '../../src/tokenizer';
import { WEIGHT_DTYPES } from '../../src/weightDtype';
import type { PromptActivations } from './activations';
import { findModel, type ModelFiles } from './provenance';

/** The config keys that opening a model needs. */
export const sessionSchema = {
  model_name: text(),
  backend: nullable(oneOf(['auto', 'tensorflow', 'wasm'])),
  device: nullable(oneOf(['cuda', 'cpu'])),
  dtype: nullable(oneOf(WEIGHT_DTYPES)),
  prompt_style: nullable(oneOf<PromptStyle>(['chat', 'qa', 'raw'])),
};

export interface Answer {
  response: string;
  /** New tokens. */
  tokens: number;
  stopped: Generation['stopped'];
}

/** A model that is loaded, and what the experiments do with it. */
export interface Session {
  files: ModelFiles;
  backend: BackendInfo;
  model: CausalLM;
  tokenizer: Tokenizer;
  promptStyle: PromptStyle;
  /** Ids of a formatted prompt. @throws InputError when it leaves no room in the context */
  encode(prompt: string): number[];
  /** Greedy answers, one batch, each prompt with its own edits. */
  answer(
    requests: { prompt: string; steering: Steer[] }[],
    maxNewTokens: number,
  ): Promise<Answer[]>;
  /** See `finalActivations`; of every layer. */
  activations(
    prompts: string[],
    options: { finalTokens: number; batchSize: number; onBatch?(prompts: number): void },
  ): Promise<PromptActivations[]>;
}

/** Loads backend, model and tokenizer. @throws InputError for a model or backend there isn't */
export async function openSession(config: ConfigOf<typeof sessionSchema>): Promise<Session> {
  const files = findModel(config.model_name);
  // Loaded here, not above: --help and --dry-run need none of it.
  const { useBackend } = require('../../src/backend') as typeof import('../../src/backend');
  const { generate } = require('../../src/generate') as typeof import('../../src/generate');
  const { loadTokenizer } = require('../../src/tokenizer') as typeof import('../../src/tokenizer');
  const { loadModel } = require('../../models') as typeof import('../../models');
  const { finalActivations } = require('./activations') as typeof import('./activations');

  if (config.device === 'cpu') process.env.CUDA_VISIBLE_DEVICES = '-1';
  const backend = await useBackend(config.backend ?? undefined);
  if (config.device === 'cuda' && !backend.gpu) {
    throw new InputError(
      `device=cuda, but ${backend.name} has no GPU (${backend.detail}). ` +
        '`npx ts-node src/cli.ts doctor` says why; device=null goes on without one.',
    );
  }
  const tokenizer = loadTokenizer(files.dir);
  const model = loadModel(files.dir, { dtype: config.dtype ?? undefined });
  const promptStyle = config.prompt_style ?? (tokenizer.hasChatTemplate ? 'chat' : 'qa');
  const { padId, stopIds } = tokenizer;

  const encode = (prompt: string) => {
    const ids = tokenizer.encodePrompt(prompt, { style: promptStyle });
    const { maxPositions } = model.dims;
    if (ids.length < maxPositions) return ids;
    throw new InputError(
      `A prompt has ${ids.length} tokens; ${files.name} takes ${maxPositions} with the answer: ` +
        `"${prompt.slice(0, 60)}…"`,
    );
  };
  return {
    files,
    backend,
    model,
    tokenizer,
    promptStyle,
    encode,
    async answer(requests, maxNewTokens) {
      const generations = await generate(
        model,
        requests.map(({ prompt }) => encode(prompt)),
        {
          maxNewTokens,
          stopIds,
          padId,
          batchSize: requests.length,
          steering: requests.map(({ steering }) => steering),
        },
      );
      return generations.map(({ tokens, stopped }) => {
        const text = tokenizer.decode(tokens, { skipSpecialTokens: true });
        // A base model goes on to ask itself the next question; the paper's answers end before it.
        const next = promptStyle === 'qa' ? text.indexOf('Q:') : -1;
        return {
          response: next < 0 ? text : text.slice(0, next),
          tokens: tokens.length,
          stopped: next < 0 ? stopped : 'stop',
        };
      });
    },
    activations: (prompts, options) =>
      finalActivations(model, prompts.map(encode), {
        ...options,
        layers: Array.from({ length: model.dims.nLayers }, (_, layer) => layer),
        padId,
      }),
  };
}
