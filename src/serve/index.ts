/** An OpenAI-compatible server of one model, whose requests may each be steered in their own way. */
import type { AddressInfo } from 'node:net';
import { roomForCache } from '../backend/memory';
import { tensorsIn } from '../backend/replay';
import { BatchSizer } from '../engine/batchSizer';
import { Scheduler } from '../engine/scheduler';
import type { Edit } from '../engine/steering';
import type { LanguageModel } from '../language/languageModel';
import { InputError } from '../util/errors';
import { ApiError } from './errors';
import { createHttp, type Route } from './http';
import { apiRoutes } from './routes';
import { VectorShelf } from './steering';
import type { Work } from './work';

export { VectorShelf } from './steering';

export interface ServeOptions {
  /** Default 127.0.0.1: this machine alone. */
  host?: string;
  /** Default 8000; 0: one that is free. */
  port?: number;
  /** What clients must send. */
  apiKey?: string;
  /** The origin whose pages may ask; `*` for all. */
  cors?: string;
  /** The vectors that requests may name. */
  vectors?: VectorShelf;
  /** The edits of requests that ask for none themselves. */
  edits?: Edit[];
  /** Answers that may wait; default 256. */
  queue?: number;
  /** Answers decoded together; without it, found by measuring. */
  batchSize?: number;
  /** Bytes that keys and values may take; default 2 GB. */
  cacheBytes?: number;
  /** New tokens of a chat answer whose request sets no limit; default 512. */
  maxTokens?: number;
  /** The largest body of a request; default 8 MB. */
  bodyBytes?: number;
  /** Told of each request when it is over. */
  log?(line: string): void;
  /** More routes, which come first; what they decode may go through the server's scheduler. */
  routes?: Route[] | ((scheduler: Scheduler) => Route[]);
}

export interface ModelServer {
  host: string;
  port: number;
  /** `http://127.0.0.1:8000` */
  url: string;
  scheduler: Scheduler;
  /**
   * Takes no more requests, lets those under way finish for so long, then cuts them; called once
   * more, it cuts them at once.
   * @param graceMs default 0
   */
  close(graceMs?: number): Promise<void>;
}

/** Rows decoded together, where memory and measuring allow. */
const MOST_ROWS = 512;
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * Serves a model until it is closed. The model stays the caller's.
 * @throws InputError for a port that is taken, or an address that this machine has not
 */
export async function serve(lm: LanguageModel, options: ServeOptions = {}): Promise<ModelServer> {
  const { host = '127.0.0.1', port = 8000, batchSize, cacheBytes, apiKey, routes = [] } = options;
  const { config } = lm.model;
  const room = roomForCache(tensorsIn(lm.model));
  const sizer = BatchSizer.open(config, MOST_ROWS, { batchSize, cacheBytes }, room);
  const scheduler = new Scheduler(lm.model, { sizer, padId: lm.padId });
  const queue = { scheduler, most: options.queue ?? 256, running: new Set<Work>() };
  const api = apiRoutes({
    ...{ lm, sizer },
    vectors: options.vectors ?? new VectorShelf(lm),
    edits: options.edits ?? [],
    queue,
    maxTokens: options.maxTokens ?? 512,
  });
  const isLocal = LOOPBACK.includes(host) || host === '::1';
  const http = createHttp({
    ...{ apiKey, cors: options.cors, bodyBytes: options.bodyBytes ?? 8e6 },
    routes: [...(typeof routes === 'function' ? routes(scheduler) : routes), ...api],
    hosts: isLocal && !apiKey ? LOOPBACK : undefined,
    log: options.log ?? (() => {}),
  });
  await new Promise<void>((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, host, port)));
    http.listen(port, host, resolve);
  });
  const address = http.address() as AddressInfo;
  const shown = host.includes(':') ? `[${host}]` : host;
  const cut = () => {
    const error = new ApiError(503, 'The server was stopped before the answer was complete.');
    for (const work of queue.running) work.cancel(error);
    // Whoever does not read its answer by then, does not get it.
    setTimeout(() => http.closeAllConnections(), 200).unref();
  };
  const shutDown = async (graceMs: number) => {
    const closed = new Promise((resolve) => http.close(resolve));
    // Connections are kept for more requests; now that there are none, they go when they are idle.
    const sweep = setInterval(() => http.closeIdleConnections(), 20);
    const limit = setTimeout(cut, graceMs);
    await closed;
    clearInterval(sweep);
    clearTimeout(limit);
    scheduler.stop();
    await scheduler.run();
  };
  let closing: Promise<void> | undefined;
  const close = (graceMs = 0) => {
    if (closing) cut();
    closing ??= shutDown(graceMs);
    return closing;
  };
  return {
    host,
    port: address.port,
    url: `http://${shown}:${address.port}`,
    scheduler,
    close,
  };
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new InputError(
      `Port ${port} of ${host} is taken. Give another with --port, or 0 for any.`,
    );
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new InputError(`This machine has no address ${host}. Give one of its own with --host.`);
  }
  if (error.code === 'EACCES') {
    return new InputError(
      `Port ${port} is not open to this user. Give one above 1023 with --port.`,
    );
  }
  return error;
}
