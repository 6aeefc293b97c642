/** What the server answers to which request. */
import type { BatchSizer } from '../engine/batchSizer';
import type { Edit } from '../engine/steering';
import type { LanguageModel } from '../language/languageModel';
import { didYouMean } from '../util/errors';
import type { Delta } from './answer';
import { ApiError, badField, blaming } from './errors';
import type { Fields } from './fields';
import type { Exchange, Route } from './http';
import { chatJob, completionJob, type Job, type Serving } from './requests';
import { type Finish, Responses, type Usage } from './responses';
import type { VectorShelf } from './steering';
import { type Queue, startWork } from './work';

export interface Api {
  lm: LanguageModel;
  sizer: BatchSizer;
  vectors: VectorShelf;
  /** The edits of requests that ask for none themselves. */
  edits: Edit[];
  queue: Queue;
  maxTokens: number;
}

/** The routes of the API. */
export function apiRoutes(api: Api): Route[] {
  const serving: Serving = {
    lm: api.lm,
    maxTokens: api.maxTokens,
    editsOf: (fields) => editsOf(fields, api),
  };
  const { scheduler } = api.queue;
  const started = Math.floor(Date.now() / 1000);
  const modelOf = (id: string) => ({ id, object: 'model', created: started, owned_by: 'tiller' });
  return [
    {
      method: 'POST',
      path: '/v1/chat/completions',
      handle: async (exchange) => write(exchange, chatJob(await exchange.fields(), serving), api),
    },
    {
      method: 'POST',
      path: '/v1/completions',
      handle: async (exchange) =>
        write(exchange, completionJob(await exchange.fields(), serving), api),
    },
    {
      method: 'GET',
      path: '/v1/models',
      handle: (exchange) =>
        exchange.json(200, { object: 'list', data: modelNames(api).map(modelOf) }),
    },
    {
      method: 'GET',
      path: /^\/v1\/models\/(.+)$/,
      handle(exchange) {
        const id = decodeURIComponent(exchange.words[0]);
        editsOfModel(id, api);
        exchange.json(200, modelOf(id));
      },
    },
    {
      method: 'GET',
      path: '/v1/vectors',
      handle: (exchange) => exchange.json(200, { object: 'list', data: api.vectors.list() }),
    },
    {
      method: 'GET',
      path: '/health',
      open: true,
      handle: (exchange) =>
        exchange.json(200, {
          status: 'ok',
          active: scheduler.active,
          waiting: scheduler.waiting,
        }),
    },
  ];
}

/** Names that stand for no steering, and for what the server was started with. */
const UNSTEERED = 'unsteered';
const modelNames = ({ lm, edits }: Api) =>
  edits.length ? [lm.name, `${lm.name}+${UNSTEERED}`] : [lm.name];

function editsOf(fields: Fields, api: Api): Edit[] {
  const model = fields.text('model');
  if (model === undefined) {
    throw badField('model', `There is no model; this server has ${modelNames(api).join(', ')}.`);
  }
  const named = editsOfModel(model, api);
  const own = api.vectors.editsOf(fields);
  if (own && model !== api.lm.name) {
    throw badField(
      'steering',
      'Give the steering in the name of the model, or as a field: not both.',
    );
  }
  return own ?? named;
}

/**
 * The edits that a model's name stands for: `tiny-gemma2` for those that the server was started
 * with, `tiny-gemma2+unsteered` for none, `tiny-gemma2+lowercase@3*1x` for others. With it, programs
 * that can't send more fields measure a steered model.
 */
function editsOfModel(given: string, api: Api): Edit[] {
  const { name } = api.lm;
  if (given === name) return api.edits;
  if (!given.startsWith(`${name}+`)) {
    const names = modelNames(api);
    const hint = didYouMean(given, names);
    throw new ApiError(404, `There is no model "${given}" here, but ${names.join(', ')}.${hint}`, {
      param: 'model',
      code: 'model_not_found',
    });
  }
  const rest = given.slice(name.length + 1);
  if (rest === UNSTEERED) return [];
  return blaming('model', () => rest.split('+').map((text) => api.vectors.fromText(text)));
}

/** Writes the answers to a request, whole or as a stream. */
async function write(exchange: Exchange, job: Job, api: Api): Promise<void> {
  const { lm, queue } = api;
  checkRoom(job, api);
  const responses = new Responses(job, lm.tokenizer, lm.fingerprint);
  const choices: { delta: Delta; finish: Finish }[] = [];
  const opened = new Set<number>();
  const work = startWork(job, lm, queue, (index, delta, finish) => {
    if (job.stream) {
      if (job.kind === 'chat' && !opened.has(index)) exchange.event(responses.opening(index));
      opened.add(index);
      exchange.event(responses.piece(index, delta, finish));
    } else choices[index] = { delta, finish: finish! };
  });
  exchange.onGone(work.cancel);
  const usage = await work.done;
  exchange.note = rate(usage, exchange.seconds);
  if (!job.stream) return exchange.json(200, responses.whole(choices, usage));
  if (job.includeUsage) exchange.event(responses.usage(usage));
  exchange.event('[DONE]');
  exchange.response.end();
}

/** @throws ApiError for answers whose keys and values could never stand in memory */
function checkRoom({ prompts, maxNewTokens }: Job, { lm, sizer }: Api) {
  const longest = Math.max(...prompts.map(({ ids }) => ids.length));
  const columns = Math.min(longest + maxNewTokens, lm.model.config.maxPositions);
  if (sizer.fit(columns) > 0) return;
  throw badField(
    'max_tokens',
    `${columns} tokens need more memory for keys and values than this server has. Ask for fewer, or shorten the prompt.`,
  );
}

function rate({ prompt_tokens: read, completion_tokens: written }: Usage, seconds: number): string {
  return `${read} + ${written} tokens  ${(written / seconds).toFixed(1)} tokens/s`;
}
