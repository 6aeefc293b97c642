/** Requests that failed are tried again, later and later, where that may help. */
import { InputError } from './errors';
import type { ProgressStream } from './progress';
import { proxyFor } from './proxy';

export interface Retries {
  /** Seconds to wait before the second, third, … attempt; after the last one it is given up. */
  delays: number[];
  /** Up to this share of a delay is left out, at random: what failed together comes back apart. */
  jitter?: number;
  /** So many failures in a row are not worth a line (default: none). */
  quiet?: number;
  /** Where progress and interruptions are shown. */
  out: ProgressStream;
  /** Waits so many seconds (tests). */
  sleep?(seconds: number): Promise<void>;
}

/** The longest wait that a server may ask for, in seconds. */
export const LONGEST_WAIT = 600;

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

/** What failed at the last attempt, too. */
export class GaveUp extends Error {}

/** A line of its own, in place of a progress bar if there is one. */
export function say({ out }: Pick<Retries, 'out'>, line: string): void {
  out.write(`${out.isTTY ? '\r\x1b[K' : ''}${line}\n`);
}

export const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/**
 * Runs `attempt` until it succeeds or throws anything but `Transient`.
 * @param what for messages, e.g. a file name
 * @throws GaveUp after the last attempt, saying what failed
 */
export async function withRetries<T>(
  what: string,
  retries: Retries,
  attempt: () => Promise<T>,
): Promise<T> {
  const { delays, jitter = 0, quiet = 0, sleep = pause } = retries;
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      if (error.options.progress) failures = 0;
      if (failures >= delays.length) {
        const count = failures === 0 ? 'once' : `${failures + 1} times`;
        throw new GaveUp(
          `${what}: ${error.message} (tried ${count}). Run the command again later: it goes on from here.`,
        );
      }
      const delay = delays[failures] * (1 - jitter * Math.random());
      // Never sooner than the server asks for, nor over and over where it asks for 0 seconds.
      const wait = Math.min(LONGEST_WAIT, Math.max(delay, error.options.wait ?? 0));
      if (failures >= quiet) {
        say(retries, `${what}: ${error.message}. Trying again in ${Number(wait.toFixed(2))} s.`);
      }
      await sleep(wait);
    }
  }
}

/**
 * How many seconds a server asks to wait: `Retry-After: 30`, or the time of day in it, or, as the Hub
 * says it, `RateLimit: "api";r=0;t=30`.
 * @param now in milliseconds since 1970
 */
export function askedWait(
  headers: { get(name: string): string | null },
  now = Date.now(),
): number | undefined {
  const given = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(given)) return Number(given);
  // A bare number that is none of the above (-1) would be read as a year.
  const time = /[a-z]/i.test(given) ? Date.parse(given) : Number.NaN;
  if (!Number.isNaN(time)) return Math.max(0, (time - now) / 1000);
  const limit = /;\s*t\s*=\s*(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  return limit === undefined ? undefined : Number(limit);
}

/** What to throw for a request that brought no answer at all. */
export function noAnswer(url: URL, error: unknown): Error {
  const refused = innermost(error);
  if (refused instanceof InputError) return refused;
  const proxy = proxyFor(url);
  const way = proxy ? ` by way of the proxy ${proxy.host}` : '';
  return new Transient(`no answer from ${url.host}${way} (${reasonOf(error)})`);
}

/** fetch wraps `getaddrinfo ENOTFOUND huggingface.co` in `fetch failed`. */
function innermost(error: unknown): unknown {
  const { cause } = error as Error;
  return cause ? innermost(cause) : error;
}

export function reasonOf(error: unknown): string {
  const { message, code } = innermost(error) as Error & { code?: string };
  return message || String(code ?? error);
}
