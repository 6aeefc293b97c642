/** What commands share that serve a model: where they listen, and how they end. */
import type { ModelServer } from '../serve';
import { count, number, type Options, text } from './command';

export const LISTEN_OPTIONS = [
  ['--host <address>', 'Address to listen at (default: 127.0.0.1, this machine alone)'],
  ['--port <n>', 'Port; 0 takes a free one (default: 8000)'],
  ['--batch <n>', 'Answers written together (default: found by measuring)'],
  ['--quiet', 'Print no line for each request'],
] as const;

/** @throws InputError for a value that is none */
export function listenSettings(options: Options) {
  const isPort = (x: number) => Number.isInteger(x) && x >= 0 && x < 65536;
  return {
    host: text(options, 'host'),
    port: number(options, 'port', 8000, 'a port, 0 to 65535', isPort),
    batchSize: count(options, 'batch', undefined),
    log: options.quiet ? undefined : console.error,
  };
}

/** Says so where others reach the server, and need no key. @param advice what follows */
export function warnIfOpen({ host }: ModelServer, advice: string): void {
  if (['127.0.0.1', 'localhost', '::1'].includes(host)) return;
  console.error(`Everybody who reaches this address may ask${advice}.`);
}

/** How long answers that are being written may take once the server is told to stop. */
const GRACE_MS = 10_000;

/**
 * Until Ctrl-C, or a signal to end; a second one cuts what is being written.
 * @param graceMs how long that may take
 */
export async function untilStopped(server: ModelServer, graceMs = GRACE_MS): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  let stop = () => {};
  const closed = new Promise<void>((resolve, reject) => {
    stop = () => {
      server.close(graceMs).then(resolve, reject);
    };
  });
  for (const signal of signals) process.on(signal, stop);
  await closed;
  for (const signal of signals) process.off(signal, stop);
}
