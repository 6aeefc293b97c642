import type { BackendInfo } from '../../src/backend';
import { WEIGHT_DTYPES, type WeightDtype } from '../../src/backend/weightDtype';
import type { Generation } from '../../src/engine/generate';
import type { CausalLM } from '../../src/engine/model';
import type { Edit } from '../../src/engine/steering';
import { findModel, type ModelFiles } from '../../src/hub/fingerprint';
import { padIdOf, withRoom } from '../../src/language/context';
import { type ConfigOf, nullable, oneOf, text } from '../../src/runs/config';
import type { PromptStyle, Tokenizer } from '../../src/text/tokenizer';
import { InputError } from '../../src/util/errors';
import type { ActivationOptions, PromptActivations } from '../../src/vectors/activations';
import { type Compat, compatCheck, isOn } from './command/compat';
import { promptEncoder } from './prompts';

/** The config keys that opening a model needs. */
export const sessionSchema = {
  model_name: text(),
  backend: nullable(oneOf(['auto', 'tensorflow', 'wasm'])),
  device: nullable(oneOf(['cuda', 'cpu'])),
  dtype: nullable(oneOf(WEIGHT_DTYPES)),
  prompt_style: nullable(oneOf<PromptStyle>(['chat', 'qa', 'raw'])),
  compat: compatCheck,
};
export type SessionConfig = ConfigOf<typeof sessionSchema>;

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
  /** What the weights are held in. */
  dtype: WeightDtype;
  /** The faults of the authors' scripts that are switched on and change answers or activations. */
  compat: Compat[];
  /** Ids of a formatted prompt. @throws InputError when it leaves no room in the context */
  encode(prompt: string, system?: string): number[];
  /** Greedy answers, one batch, each prompt with its own edits. */
  answer(
    requests: { prompt: string; system?: string; edits: Edit[] }[],
    maxNewTokens: number,
  ): Promise<Answer[]>;
  /** See `finalActivations`; of every layer unless `layers` says otherwise. */
  activations(
    prompts: string[],
    options: Partial<ActivationOptions> & Pick<ActivationOptions, 'finalTokens' | 'batchSize'>,
  ): Promise<PromptActivations[]>;
}

let open: { key: string; session: Session } | undefined;

/**
 * Loads backend, model and tokenizer. The model stays open for the next step of the same process
 * that asks for the same; another one takes its place.
 * @throws InputError for a model or backend there isn't
 */
export async function openSession(config: SessionConfig): Promise<Session> {
  const key = JSON.stringify(
    Object.keys(sessionSchema).map((name) => config[name as keyof SessionConfig]),
  );
  if (open?.key === key) return open.session;
  open?.session.model.dispose();
  open = undefined;
  const session = await load(config);
  open = { key, session };
  return session;
}

let loaded: { key: string; backend: BackendInfo } | undefined;

/**
 * Loads the backend alone: what a judge needs where no model is steered. The one that is in use
 * already is not loaded again.
 * @throws InputError for a backend or GPU there isn't
 */
export async function openBackend({
  backend: name,
  device,
}: Pick<SessionConfig, 'backend' | 'device'>): Promise<BackendInfo> {
  const { useBackend } = require('../../src/backend') as typeof import('../../src/backend');
  const { getBackend } = require('@tensorflow/tfjs-core') as typeof import('@tensorflow/tfjs-core');
  const key = JSON.stringify([name, device, process.env.TILLER_BACKEND]);
  if (loaded?.key === key && loaded.backend.name === getBackend()) return loaded.backend;
  if (device === 'cpu') process.env.CUDA_VISIBLE_DEVICES = '-1';
  const backend = await useBackend(name ?? undefined);
  if (device === 'cuda' && !backend.gpu) {
    throw new InputError(
      `device=cuda, but ${backend.name} has no GPU (${backend.detail}). ` +
        '`npx ts-node src/cli.ts doctor` says why; device=null goes on without one.',
    );
  }
  loaded = { key, backend };
  return backend;
}

async function load(config: SessionConfig): Promise<Session> {
  const files = findModel(config.model_name);
  // Loaded here, not above: --help and --dry-run need none of it.
  const { generate } =
    require('../../src/engine/generate') as typeof import('../../src/engine/generate');
  const { loadModel } = require('../../models') as typeof import('../../models');
  const { finalActivations } =
    require('../../src/vectors/activations') as typeof import('../../src/vectors/activations');

  const backend = await openBackend(config);
  const { tokenizer, style: promptStyle, encode: idsOf } = promptEncoder(files, config);
  const model = loadModel(files.dir, { dtype: config.dtype ?? undefined });
  const { stopIds } = tokenizer;
  const padId = padIdOf(tokenizer, model.config);
  const compat = (['double_bos', 'drop_last_token'] as const).filter((fault) =>
    isOn(fault, config.compat),
  );
  const dropLast = compat.includes('drop_last_token');

  const encode = (prompt: string, system?: string) =>
    withRoom(idsOf(prompt, system), model.config, { model: files.name, text: prompt });
  const asksNext = (tokens: number[]) => tokenizer.decode(tokens.slice(-4)).includes('Q:');
  return {
    files,
    backend,
    model,
    tokenizer,
    promptStyle,
    dtype: config.dtype ?? 'float32',
    compat,
    encode,
    async answer(requests, maxNewTokens) {
      const generations = await generate(
        model,
        requests.map(({ prompt, system }) => encode(prompt, system)),
        {
          maxNewTokens,
          stopIds,
          padId,
          // A base model goes on to ask itself the next question; the paper's answers end before it.
          stopWhen: promptStyle === 'qa' ? asksNext : undefined,
          batchSize: requests.length,
          edits: requests.map(({ edits }) => edits),
        },
      );
      return generations.map(({ tokens, stopped }, i) => {
        const cut = dropLast && stopped === 'length' && requests[i].edits.length > 0;
        const kept = cut ? tokens.slice(0, -1) : tokens;
        const text = tokenizer.decode(kept, { skipSpecialTokens: true });
        const next = promptStyle === 'qa' ? text.indexOf('Q:') : -1;
        return {
          response: next < 0 ? text : text.slice(0, next),
          tokens: kept.length,
          stopped: next < 0 ? stopped : 'stop',
        };
      });
    },
    activations: (prompts, options) =>
      finalActivations(
        model,
        prompts.map((prompt) => encode(prompt)),
        {
          layers: Array.from({ length: model.config.nLayers }, (_, layer) => layer),
          padId,
          ...options,
        },
      ),
  };
}
