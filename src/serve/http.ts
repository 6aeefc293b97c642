/** Requests and answers over HTTP: routes, bodies, who may ask, errors. Knows nothing of models. */
import { createHash, timingSafeEqual } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { formatBytes } from '../util/units';
import { ApiError, asApiError } from './errors';
import { Fields, parseObject } from './fields';

export interface Route {
  method: 'GET' | 'POST';
  /** The whole path; the groups of an expression are the handler's `words`. */
  path: string | RegExp;
  /** Open to those without the key. */
  open?: boolean;
  handle(exchange: Exchange): void | Promise<void>;
}

export interface HttpOptions {
  routes: Route[];
  /** Without one, everybody who reaches the server may ask. */
  apiKey?: string;
  /** The origin whose pages may read answers; `*` for all. */
  cors?: string;
  /** The largest body of a request. */
  bodyBytes: number;
  /** Hosts that a request may be meant for; undefined: any. */
  hosts?: string[];
  /** Told of each request when it is over. */
  log(line: string): void;
}

/** One request and its answer. */
export class Exchange {
  /** More for the line in the log. */
  note = '';
  private readonly began = performance.now();

  constructor(
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
    readonly url: URL,
    readonly words: string[],
    private readonly bodyBytes: number,
  ) {}

  get seconds(): number {
    return (performance.now() - this.began) / 1000;
  }

  /** Called when the client leaves before its answer is complete. */
  onGone(act: () => void): void {
    if (this.response.closed) act();
    this.response.on('close', () => {
      if (!this.response.writableFinished) act();
    });
  }

  /** The fields of the request's body. @throws ApiError */
  async fields(): Promise<Fields> {
    return new Fields(await this.object());
  }

  /** The JSON object of the request's body. @throws ApiError for a body of another type */
  async object(): Promise<Record<string, unknown>> {
    this.checkType(/^application\/(\w+\+)?json\b/i, 'JSON', 'application/json');
    return parseObject((await this.body()).toString('utf8'));
  }

  /** The body of a request that sends a file. @throws ApiError for a body of another type */
  bytes(): Promise<Buffer> {
    const type = 'application/octet-stream';
    this.checkType(/^application\/octet-stream\b/i, 'the bytes of the file', type);
    return this.body();
  }

  /** Of types that are not asked for here, a browser would send them for any page, unasked. */
  private checkType(wanted: RegExp, what: string, header: string) {
    const type = this.request.headers['content-type'] ?? '';
    if (wanted.test(type)) return;
    const message = `The body is of type "${type}"; send ${what}, with the header Content-Type: ${header}.`;
    throw new ApiError(415, message);
  }

  private async body(): Promise<Buffer> {
    const { request, bodyBytes } = this;
    const tooLarge = () =>
      new ApiError(413, `The body is larger than ${formatBytes(bodyBytes)}.`, {
        code: 'request_too_large',
        headers: { Connection: 'close' },
      });
    if (Number(request.headers['content-length'] ?? 0) > bodyBytes) throw tooLarge();
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of request.iterator({ destroyOnReturn: false })) {
      size += part.length;
      if (size > bodyBytes) throw tooLarge();
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  json(status: number, value: object, headers: OutgoingHttpHeaders = {}): void {
    const type = 'application/json; charset=utf-8';
    this.send(status, type, Buffer.from(`${JSON.stringify(value)}\n`), headers);
  }

  send(status: number, type: string, bytes: Uint8Array, headers: OutgoingHttpHeaders = {}): void {
    this.response.writeHead(status, {
      'Content-Type': type,
      'Content-Length': bytes.length,
      ...headers,
    });
    this.response.end(bytes);
  }

  /** An event of a stream (SSE); the first one begins it. */
  event(value: object | '[DONE]'): void {
    const { response } = this;
    if (!response.headersSent) {
      response.writeHead(200, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-cache',
        'X-Accel-Buffering': 'no',
      });
    }
    response.write(`data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`);
  }

  /** Tells an error: as the answer, or where a stream is under way, as its last event. */
  fail(error: unknown): void {
    const told = asApiError(error);
    this.note ||= told.message;
    if (this.response.closed || this.response.writableEnded) return;
    if (this.response.headersSent) {
      this.event(told.body());
      this.response.end();
    } else {
      this.json(told.status, told.body(), told.details.headers);
      // What is still being sent is let pass, so that the client gets to read the answer.
      this.request.resume();
    }
  }
}

export function createHttp(options: HttpOptions): Server {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://server');
    const match = findRoute(options.routes, request.method ?? '', url.pathname);
    const words = match?.words ?? [];
    const exchange = new Exchange(request, response, url, words, options.bodyBytes);
    response.on('close', () => options.log(logLine(exchange)));
    Promise.resolve()
      .then(() => answer(exchange, match?.route, options))
      .catch((error) => exchange.fail(error));
  });
  return server;
}

async function answer(exchange: Exchange, route: Route | undefined, options: HttpOptions) {
  const { request, response, url } = exchange;
  checkHost(request, options.hosts);
  if (options.cors) {
    response.setHeader('Access-Control-Allow-Origin', options.cors);
    response.setHeader('Vary', 'Origin');
    if (request.method === 'OPTIONS') return allow(exchange);
  }
  if (!route?.open) checkKey(request, options.apiKey);
  if (!route) {
    const methods = options.routes.filter(({ path }) => wordsOf(path, url.pathname));
    const message = methods.length
      ? `${url.pathname} takes ${methods.map(({ method }) => method).join(' and ')}, not ${request.method}.`
      : `There is nothing at ${url.pathname}; ${options.routes
          .map(({ path }) => (typeof path === 'string' ? path : ''))
          .filter(Boolean)
          .join(', ')} are there.`;
    throw new ApiError(methods.length ? 405 : 404, message);
  }
  await route.handle(exchange);
}

/** Lets a page of another origin ask: the browser's question before a request. */
function allow({ request, response }: Exchange) {
  const headers = request.headers['access-control-request-headers'];
  response.writeHead(204, {
    'Access-Control-Allow-Methods': 'GET, POST',
    ...(headers && { 'Access-Control-Allow-Headers': headers }),
    'Access-Control-Max-Age': '600',
  });
  response.end();
}

function findRoute(routes: Route[], method: string, path: string) {
  for (const route of routes) {
    const words = route.method === method ? wordsOf(route.path, path) : undefined;
    if (words) return { route, words };
  }
  return undefined;
}

function wordsOf(wanted: string | RegExp, path: string): string[] | undefined {
  if (typeof wanted === 'string') return wanted === path ? [] : undefined;
  const found = wanted.exec(path);
  return found ? found.slice(1) : undefined;
}

/** A page could have its own name lead to this machine, and read answers as if they were its own. */
function checkHost({ headers }: IncomingMessage, hosts: string[] | undefined) {
  if (!hosts) return;
  const name = (headers.host ?? '').replace(/:\d*$/, '').toLowerCase();
  if (hosts.includes(name)) return;
  const message = `This server answers to ${hosts.join(', ')}, not to "${name}": see --host.`;
  throw new ApiError(403, message);
}

/** @throws ApiError without the right key; how long that takes says nothing about it */
function checkKey({ headers }: IncomingMessage, apiKey: string | undefined) {
  if (!apiKey) return;
  const given = /^Bearer +(.*)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
  const hash = (text: string) => createHash('sha256').update(text).digest();
  if (timingSafeEqual(hash(given), hash(apiKey))) return;
  throw new ApiError(
    401,
    given
      ? 'The API key is not the one of this server.'
      : 'This server wants an API key: send the header Authorization: Bearer KEY.',
    { code: 'invalid_api_key', headers: { 'WWW-Authenticate': 'Bearer' } },
  );
}

function logLine(exchange: Exchange): string {
  const { request, response, url, note } = exchange;
  const status = response.writableFinished ? response.statusCode : 'client gone';
  const seconds = `${exchange.seconds.toFixed(2)} s`;
  return [request.method, url.pathname, status, seconds, note].filter(Boolean).join('  ');
}
