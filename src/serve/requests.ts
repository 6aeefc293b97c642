/** What a request asks for: its fields, checked, as rows for the scheduler. */
import { randomInt } from 'node:crypto';
import type { Edit } from '../engine/steering';
import type { LanguageModel } from '../language/languageModel';
import { show } from '../util/check';
import { badField, blaming } from './errors';
import { type Fields, IGNORED, type Json, NOT_DONE } from './fields';

/** A prompt, as it was given and in tokens. */
export interface Prompt {
  /** What `echo` repeats; undefined where the prompt was given in tokens. */
  text?: string;
  ids: number[];
}

/** A request for texts, in terms of both endpoints. */
export interface Job {
  kind: 'chat' | 'completion';
  /** The name that the request gave. */
  model: string;
  prompts: Prompt[];
  edits: Edit[];
  /** Answers to each prompt. */
  n: number;
  maxNewTokens: number;
  temperature: number;
  topP: number;
  seed: number;
  stop: string[];
  /** How many likeliest tokens to give beside each; undefined: no log-probabilities. */
  logprobs?: number;
  echo: boolean;
  stream: boolean;
  /** Whether a stream ends with the numbers of tokens. */
  includeUsage: boolean;
}

/** What the server knows beside the request. */
export interface Serving {
  lm: LanguageModel;
  /** New tokens of a chat answer where the request sets no limit. */
  maxTokens: number;
  /** The edits of a request: its own, or those of the model name that it gives. */
  editsOf(fields: Fields): Edit[];
}

const COMMON = [
  ...['model', 'max_tokens', 'temperature', 'top_p', 'n', 'seed', 'stop', 'stream'],
  ...['stream_options', 'logprobs', 'steering', ...IGNORED, ...Object.keys(NOT_DONE)],
];

/** `POST /v1/completions`. @throws ApiError */
export function completionJob(fields: Fields, serving: Serving): Job {
  fields.refuseOthers([...COMMON, 'prompt', 'echo']);
  const maxNewTokens = fields.count('max_tokens', 0) ?? 16;
  const job = {
    kind: 'completion' as const,
    ...commonFields(fields, serving),
    prompts: promptsOf(fields.get('prompt'), serving.lm),
    echo: fields.flag('echo'),
    logprobs: fields.count('logprobs', 0, 20),
    maxNewTokens,
  };
  checkContext(job, 'prompt', serving.lm);
  return job;
}

/** `POST /v1/chat/completions`. @throws ApiError */
export function chatJob(fields: Fields, serving: Serving): Job {
  const { lm } = serving;
  fields.refuseOthers([...COMMON, 'messages', 'top_logprobs', 'max_completion_tokens']);
  const most = fields.count('max_completion_tokens', 1) ?? fields.count('max_tokens', 1);
  const top = fields.count('top_logprobs', 0, 20);
  const wanted = fields.flag('logprobs');
  if (top !== undefined && !wanted) {
    throw badField('top_logprobs', 'top_logprobs goes with "logprobs": true.');
  }
  const messages = messagesOf(fields.get('messages'));
  const ids = blaming('messages', () => lm.tokenizer.encodePrompt(messages, { style: 'chat' }));
  const job = {
    kind: 'chat' as const,
    ...commonFields(fields, serving),
    prompts: [{ ids }],
    echo: false,
    logprobs: wanted ? (top ?? 0) : undefined,
    maxNewTokens: most ?? serving.maxTokens,
  };
  checkContext(job, 'messages', lm);
  return job;
}

function commonFields(fields: Fields, serving: Serving) {
  fields.refuseAllBut(NOT_DONE);
  const temperature = fields.number('temperature', 'a number from 0 up', (x) => x >= 0) ?? 1;
  const inRange = (x: number) => x > 0 && x <= 1;
  const topP = fields.number('top_p', 'a number above 0, at most 1', inRange) ?? 1;
  const given = fields.count('seed', Number.MIN_SAFE_INTEGER);
  const stream = fields.flag('stream');
  const streamOptions = fields.get('stream_options');
  if (streamOptions !== undefined && !stream) {
    throw badField('stream_options', 'stream_options goes with "stream": true.');
  }
  return {
    model: fields.text('model')!,
    edits: serving.editsOf(fields),
    n: fields.count('n', 1, 128) ?? 1,
    temperature,
    // At temperature 0 it would change nothing.
    topP: temperature ? topP : 1,
    seed: given === undefined ? randomInt(2 ** 32) : given % 2 ** 32,
    stop: stopsOf(fields.get('stop')),
    stream,
    includeUsage: Boolean((streamOptions as Json | undefined)?.include_usage),
  };
}

function stopsOf(value: unknown): string[] {
  if (value === undefined) return [];
  const stops = [value].flat();
  if (stops.length <= 16 && stops.every((one) => typeof one === 'string' && one)) {
    return stops as string[];
  }
  throw badField('stop', `stop is ${show(value)}, not a text, or a list of at most 16.`);
}

const PROMPT = 'a text, a list of texts, a list of token ids, or a list of such lists';

function promptsOf(value: unknown, lm: LanguageModel): Prompt[] {
  const list = Array.isArray(value) && typeof value[0] !== 'number' ? value : [value];
  if (value === undefined || !list.length) {
    throw badField('prompt', `prompt is ${show(value)}, not ${PROMPT}.`);
  }
  return list.map((one: unknown) => {
    if (typeof one === 'string') {
      const ids = blaming('prompt', () => lm.tokenizer.encodePrompt(one, { style: 'raw' }));
      if (!ids.length) throw badField('prompt', 'The prompt has no tokens.');
      return { text: one, ids };
    }
    const { vocabSize } = lm.model.config;
    const isId = (id: unknown) => Number.isInteger(id) && (id as number) >= 0;
    if (!Array.isArray(one) || !one.length || !one.every(isId)) {
      throw badField('prompt', `prompt holds ${show(one)}; it is ${PROMPT}.`);
    }
    const beyond = one.find((id) => id >= vocabSize);
    if (beyond !== undefined) {
      throw badField('prompt', `Token id ${beyond} is outside the vocabulary of ${vocabSize}.`);
    }
    return { ids: one };
  });
}

/** Messages whose content is text, in one piece or several. */
function messagesOf(value: unknown) {
  if (!Array.isArray(value) || !value.length) {
    throw badField('messages', `messages is ${show(value)}, not a list of messages.`);
  }
  return value.map((message: unknown, i) => {
    const at = `messages[${i}]`;
    if (typeof message !== 'object' || message === null) {
      throw badField('messages', `${at} is ${show(message)}, not {"role", "content"}.`);
    }
    // Answers that are sent back hold empty fields.
    const filled = Object.entries(message).filter(
      ([, one]) => one !== null && !(Array.isArray(one) && !one.length),
    );
    const { role, content, type, ...others } = Object.fromEntries(filled) as Json;
    if (type !== undefined && type !== 'text') others.type = type;
    for (const name of Object.keys(others)) {
      throw badField('messages', `${at}.${name} is not supported by this server: leave it out.`);
    }
    // The API's newer name of it, which no chat template of these models knows.
    const speaker = role === 'developer' ? 'system' : (role as string);
    return { role: speaker, content: contentOf(at, content) };
  });
}

function contentOf(at: string, content: unknown): string {
  if (!Array.isArray(content)) return (content ?? '') as string;
  const texts = content.map((part: Json | null) => {
    if (part?.type === 'text' && typeof part.text === 'string') return part.text;
    const message = `${at}.content: parts are {"type": "text", "text": …}; this server reads no other.`;
    throw badField('messages', message);
  });
  return texts.join('');
}

function checkContext({ prompts, maxNewTokens }: Job, param: string, lm: LanguageModel): void {
  const { maxPositions } = lm.model.config;
  for (const { ids } of prompts) {
    if (ids.length + Math.min(1, maxNewTokens) <= maxPositions) continue;
    throw badField(
      param,
      `The prompt has ${ids.length} tokens; the context of ${lm.name} is ${maxPositions}, the answer included.`,
      'context_length_exceeded',
    );
  }
}
