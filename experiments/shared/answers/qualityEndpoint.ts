/** An OpenAI-compatible endpoint for chat completions, as the environment names it. */
import { InputError } from '../../../src/util/errors';
import { proxiedFetch } from '../../../src/util/proxy';
import {
  askedWait,
  LONGEST_WAIT,
  noAnswer,
  type Retries,
  Transient,
} from '../../../src/util/retries';
import { duration } from '../../../src/util/units';

export interface Endpoint {
  /** Its base URL, which is no secret. */
  url: string;
  model: string;
  /** Goes into the Authorization header, and nowhere else. */
  key: string | undefined;
}

const OPENAI = 'https://api.openai.com/v1';

/**
 * The endpoint of `judge=openai`: OPENAI_BASE_URL (default: OpenAI's own), OPENAI_API_KEY (needed
 * there; others may do without) and TILLER_JUDGE_MODEL. Nothing is asked of it yet.
 * @throws InputError for what is missing or can't be right; it never shows the key
 */
export function readEndpoint(env: NodeJS.ProcessEnv = process.env): Endpoint {
  const url = baseUrl(env.OPENAI_BASE_URL?.trim() || OPENAI);
  const model = env.TILLER_JUDGE_MODEL?.trim() ?? '';
  if (!model || model.length > 100) {
    throw new InputError(
      'judge=openai: set TILLER_JUDGE_MODEL to the model that is to judge, as its endpoint calls it ' +
        '(for example gpt-4o).',
    );
  }
  const key = env.OPENAI_API_KEY?.trim() || undefined;
  if (key && !/^[\x21-\x7e]+$/.test(key)) {
    throw new InputError('judge=openai: OPENAI_API_KEY holds characters that no key has.');
  }
  if (!key && new URL(url).host === new URL(OPENAI).host) {
    throw new InputError(
      `judge=openai: ${url} needs a key: set OPENAI_API_KEY. For another endpoint, such as a server ` +
        'on this machine, set OPENAI_BASE_URL (http://localhost:8000/v1).',
    );
  }
  return { url, model, key };
}

function baseUrl(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const plain = url && /^https?:$/.test(url.protocol) && !url.search && !url.hash;
  if (plain && !url.username && !url.password) return url.href.replace(/\/+$/, '');
  // Not shown: there may be a password in it.
  throw new InputError(
    'judge=openai: OPENAI_BASE_URL must be an address such as https://api.openai.com/v1, without a ' +
      'user name, ? or #.',
  );
}

export interface Wire extends Retries {
  /** An answer that takes longer does not come any more. */
  stallSeconds: number;
}

export const WIRE: Wire = {
  delays: [1, 2, 4, 8, 16, 32, 60],
  jitter: 0.5,
  // Limits are met all the time; the progress bar shows what they cost.
  quiet: 2,
  stallSeconds: 300,
  out: process.stderr,
};

/** What a model wrote; or, with the reason, that it wrote nothing. */
export type Reply = { content: string } | { problem: string };

/** Why endpoints refuse a single request, and not the next. */
const OF_ONE_REQUEST = [
  ...['content_filter', 'content_policy_violation'],
  ...['context_length_exceeded', 'exceed_context_size_error'],
];
const NO_CREDIT = 'insufficient_quota';
const DECISIVE = [...OF_ONE_REQUEST, NO_CREDIT];

let client: ReturnType<typeof proxiedFetch> | undefined;

/**
 * Asks once, by way of a proxy where the environment names one.
 * @param settings of the request beside model and messages
 * @throws Transient for no connection, a stall, 408, 429, 5xx, and what is no chat completion
 * @throws InputError for what another attempt won't change: no such model, no access, no credit
 */
export async function ask(
  endpoint: Endpoint,
  prompt: string,
  settings: Record<string, unknown>,
  { stallSeconds }: Wire,
): Promise<Reply> {
  const { url, model, key } = endpoint;
  const address = `${url}/chat/completions`;
  const messages = [{ role: 'user', content: prompt }];
  client ??= proxiedFetch();
  const { fetch, dispatcher } = client;
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(key && { Authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({ model, messages, ...settings }),
      // Followed, a POST would become a GET.
      redirect: 'manual',
      signal: AbortSignal.timeout(1000 * stallSeconds),
      dispatcher,
    });
    const { status, headers } = response;
    return readResponse(endpoint, { status, headers, body: await response.text() });
  } catch (error) {
    if (error instanceof InputError || error instanceof Transient) throw error;
    throw noAnswer(new URL(url), error);
  }
}

interface Received {
  status: number;
  headers: { get(name: string): string | null };
  body: string;
}

function readResponse(endpoint: Endpoint, { status, headers, body }: Received): Reply {
  const host = new URL(endpoint.url).host;
  const json = parseObject(body);
  const { code, message } = errorIn(json);
  const said = shorten(withoutKey(message ?? body, endpoint));
  const wrong = `${host} answers ${status}${said && `: ${said}`}`;
  if (status === 200) {
    const [choice] = Array.isArray(json?.choices) ? (json.choices as Choice[]) : [];
    if (choice) return replyIn(choice);
    throw new Transient(
      `${host} answers what is no chat completion (${said}); see OPENAI_BASE_URL`,
    );
  }
  if (OF_ONE_REQUEST.includes(code)) return { problem: `refused: ${said}` };
  const wait = askedWait(headers);
  const busy = status === 408 || status === 429 || status >= 500;
  if (busy && code !== NO_CREDIT && (wait ?? 0) <= LONGEST_WAIT) {
    throw new Transient(wrong, { wait });
  }
  throw new InputError(
    `The quality judge ${endpoint.model} at ${endpoint.url} can't be asked.\n${wrong}\n` +
      `${withoutKey(adviceFor(status, code, wait, headers), endpoint)}\n` +
      'All answers, and what was judged of them, are kept: the same command goes on from there.',
  );
}

function adviceFor(
  status: number,
  code: string,
  wait: number | undefined,
  headers: Received['headers'],
): string {
  if (code === NO_CREDIT) return 'The account has no credit left for it.';
  if (status === 429 || status >= 500) return `It asks to come back in ${duration(wait ?? 0)}.`;
  if (status >= 300 && status < 400) {
    return `It sends on to ${headers.get('location')}: set OPENAI_BASE_URL to where it really is.`;
  }
  if (status === 401 || status === 403)
    return 'Check OPENAI_API_KEY, and that it is for this address.';
  if (status === 404)
    return 'Check OPENAI_BASE_URL (mostly it ends in /v1) and TILLER_JUDGE_MODEL.';
  return 'Check TILLER_JUDGE_MODEL: it must take chat completions with temperature 0 and max_tokens.';
}

interface Choice {
  message?: { content?: unknown; refusal?: unknown };
  finish_reason?: unknown;
}

function replyIn({ message, finish_reason }: Choice): Reply {
  const { content, refusal } = message ?? {};
  if (typeof content === 'string' && content.trim()) return { content };
  if (typeof refusal === 'string') return { problem: `refused: ${shorten(refusal)}` };
  return { problem: `no text came (finish_reason ${JSON.stringify(finish_reason ?? null)})` };
}

/** `{"error": {"code", "type", "message"}}`; some say `{"error": "..."}`, or only `{"message"}`. */
function errorIn(json: Record<string, unknown> | undefined): { code: string; message?: string } {
  const { error = json } = (json ?? {}) as { error?: unknown };
  if (typeof error === 'string') return { code: '', message: error };
  const { code, type, message } = (error ?? {}) as Record<string, unknown>;
  const names = [code, type].filter((name) => typeof name === 'string');
  return {
    code: names.find((name) => DECISIVE.includes(name)) ?? '',
    ...(typeof message === 'string' && { message }),
  };
}

function parseObject(body: string): Record<string, unknown> | undefined {
  try {
    const read: unknown = JSON.parse(body);
    return typeof read === 'object' && read ? (read as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The first lines, as one. */
export function shorten(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

/** Servers may repeat what they were sent. What is shorter than 4 signs (`x`) is no secret. */
export function withoutKey(text: string, { key = '' }: Endpoint): string {
  return key.length >= 4 ? text.replaceAll(key, '<key>') : text;
}
