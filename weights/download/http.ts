/**
 * Requests over a network that fails now and then: what may go well the next time (no connection,
 * 408, 429, 5xx, a stream that is cut or stalls) is tried again, later and later.
 */

import type { Response } from 'undici';
import { InputError } from '../../src/util/errors';
import type { ProgressStream } from '../../src/util/progress';
import { formatBytes } from '../../src/util/units';
import { proxiedFetch, proxyFor } from './proxy';

export interface Network {
  /** Seconds to wait before the second, third, … attempt; after the last one it is given up. */
  delays: number[];
  /** A connection counts as broken when it brings fewer than `leastBytes` in these seconds. */
  stallSeconds: number;
  /** An attempt that brings fewer bytes is one more failure in a row (default: 1). */
  leastBytes?: number;
  /** Where progress and interruptions are shown. */
  out: ProgressStream;
}

export const NETWORK: Network = {
  delays: [0.5, 1, 2, 4, 8, 16],
  stallSeconds: 60,
  leastBytes: 60_000,
  out: process.stderr,
};

/** A line of its own, in place of a progress bar if there is one. */
export function say({ out }: Network, line: string): void {
  out.write(`${out.isTTY ? '\r\x1b[K' : ''}${line}\n`);
}

/** The longest wait that a server may ask for, in seconds. */
const LONGEST_WAIT = 600;

/** A failure that another attempt may not have. */
export class Transient extends Error {
  /**
   * @param options.wait seconds, where the server said how long
   * @param options.progress this attempt got further than all before: their failures are forgotten
   */
  constructor(
    message: string,
    readonly options: { wait?: number; progress?: boolean } = {},
  ) {
    super(message);
  }
}

/**
 * Runs `attempt` until it succeeds or throws anything but `Transient`.
 * @param what for messages, e.g. a file name
 * @throws Error after the last attempt, saying what failed
 */
export async function withRetries<T>(
  what: string,
  network: Network,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      if (error.options.progress) failures = 0;
      if (failures >= network.delays.length) {
        const count = failures === 0 ? 'once' : `${failures + 1} times`;
        throw new Error(
          `${what}: ${error.message} (tried ${count}). Run the command again later: it goes on from here.`,
        );
      }
      const wait = Math.min(LONGEST_WAIT, error.options.wait ?? network.delays[failures]);
      say(network, `${what}: ${error.message}. Trying again in ${wait} s.`);
      await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
    }
  }
}

/** An answer that has begun, and its body, read with the watch for stalls. */
export interface Opened {
  response: Response;
  /** @throws Transient when the connection breaks, stalls, or is too slow */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Leaves the body unread. */
  discard(): void;
}

let client: ReturnType<typeof proxiedFetch> | undefined;

/**
 * Sends a GET request, by way of a proxy where the environment names one, and waits for the headers.
 * Redirects are followed; the Authorization header stays with the host it was meant for (fetch drops
 * it on the way to another one).
 * @throws Transient for no connection, a stall, 408, 429 and 5xx
 */
export async function open(
  url: string,
  headers: Record<string, string>,
  network: Network,
): Promise<Opened> {
  const controller = new AbortController();
  const watch = watchRate(network, (reason) => controller.abort(new Error(reason)));
  const discard = () => {
    watch.stop();
    controller.abort();
  };
  client ??= proxiedFetch();
  let response: Response;
  try {
    const { fetch, dispatcher } = client;
    response = await fetch(url, { headers, signal: controller.signal, dispatcher });
  } catch (error) {
    watch.stop();
    throw noAnswer(new URL(url), error);
  }
  watch.restart();
  const { status } = response;
  if (status === 408 || status === 429 || status >= 500) {
    discard();
    const why = status === 429 ? 'too many requests (429)' : `the server answers ${status}`;
    throw new Transient(why, { wait: askedWait(response.headers) });
  }
  return {
    response,
    async *chunks() {
      const reader = response.body?.getReader();
      try {
        for (;;) {
          const step = await reader?.read().catch((error: unknown) => {
            throw new Transient(`the connection broke (${reasonOf(error)})`);
          });
          if (!step || step.done) return;
          watch.count(step.value.length);
          yield step.value;
        }
      } finally {
        discard();
      }
    },
    discard,
  };
}

/** Tells when a whole span of `stallSeconds` brought too few bytes. */
function watchRate({ stallSeconds, leastBytes = 1 }: Network, tooSlow: (reason: string) => void) {
  let bytes = 0;
  const timer = setInterval(() => {
    const came = bytes ? `only ${formatBytes(bytes)} came in` : 'no data for';
    if (bytes < leastBytes) tooSlow(`${came} ${stallSeconds} s`);
    bytes = 0;
  }, 1000 * stallSeconds);
  return {
    count(more: number) {
      bytes += more;
    },
    restart() {
      bytes = 0;
      timer.refresh();
    },
    stop: () => clearInterval(timer),
  };
}

function noAnswer(url: URL, error: unknown): Error {
  const refused = innermost(error);
  if (refused instanceof InputError) return refused;
  const proxy = proxyFor(url);
  const way = proxy ? ` by way of the proxy ${proxy.host}` : '';
  return new Transient(`no answer from ${url.host}${way} (${reasonOf(error)})`);
}

/**
 * The whole body, for answers that are small.
 * @throws Transient as `chunks`
 * @throws Error for one that is larger than `most` bytes
 */
export async function readAll({ chunks, response }: Opened, most: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks()) {
    size += chunk.length;
    if (size > most) throw new Error(`${response.url}: more came than ${formatBytes(most)}.`);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/** Seconds from `Retry-After: 30` or, as the Hub says it, `RateLimit: "api";r=0;t=30`. */
function askedWait(headers: Response['headers']): number | undefined {
  const given = headers.get('retry-after') ?? '';
  const limit = /;\s*t\s*=\s*(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  if (/^\d+$/.test(given)) return Number(given);
  return limit === undefined ? undefined : Number(limit);
}

/** fetch wraps `getaddrinfo ENOTFOUND huggingface.co` in `fetch failed`. */
function innermost(error: unknown): unknown {
  const { cause } = error as Error;
  return cause ? innermost(cause) : error;
}

function reasonOf(error: unknown): string {
  const { message, code } = innermost(error) as Error & { code?: string };
  return message || String(code ?? error);
}
