/**
 * Requests over a network that fails now and then: what may go well the next time (no connection,
 * 408, 429, 5xx, a stream that is cut or stalls) is tried again, later and later.
 */

import type { Response } from 'undici';
import { proxiedFetch } from '../../src/util/proxy';
import { askedWait, noAnswer, type Retries, reasonOf, Transient } from '../../src/util/retries';
import { formatBytes } from '../../src/util/units';

export interface Network extends Retries {
  /** A connection counts as broken when it brings fewer than `leastBytes` in these seconds. */
  stallSeconds: number;
  /** An attempt that brings fewer bytes is one more failure in a row (default: 1). */
  leastBytes?: number;
}

export const NETWORK: Network = {
  delays: [0.5, 1, 2, 4, 8, 16],
  stallSeconds: 60,
  leastBytes: 60_000,
  out: process.stderr,
};

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
