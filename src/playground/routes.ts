/** The playground over HTTP: its page, and what the page asks (`Engine`, called by httpEngine.ts). */
import { ApiError } from '../serve/errors';
import type { Exchange, Route } from '../serve/http';
import type { PageFile } from './bundle';
import type { Playground } from './playground';
import type { PlaygroundSettings } from './protocol';

/** What the page may do: nothing with other places, and not inside another page. */
const HEADERS = {
  'Content-Security-Policy': [
    ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"],
    ...["img-src 'self' data: blob:", "base-uri 'none'", "form-action 'none'"],
    "frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // The page of the next start may be another.
  'Cache-Control': 'no-cache',
};

/**
 * The routes. Errors are `{"error": {"message"}}` with a status from 400; in a stream, its last event.
 * @param files those of the page; index.html is at `/`
 */
export function playgroundRoutes(playground: Playground, files: PageFile[]): Route[] {
  const pages = files.map(({ name, type, bytes }): Route => {
    const path = name === 'index.html' ? '/' : `/${name}`;
    const handle = (exchange: Exchange) => exchange.send(200, type, bytes, HEADERS);
    return { method: 'GET', path, handle };
  });
  const call = (
    method: Route['method'],
    name: string,
    handle: (exchange: Exchange) => Promise<void>,
  ): Route => ({ method, path: `/playground/${name}`, handle });
  return [
    ...pages,
    // GET /playground/info → PlaygroundInfo
    call('GET', 'info', async (exchange) => exchange.json(200, await playground.info())),
    // POST /playground/vectors {"name": "shout", "method": "mean_difference", "pairs": [{"positive": …,
    // "negative": …}]} → VectorInfo
    call('POST', 'vectors', async (exchange) => {
      exchange.json(200, await playground.makeVector(await sent(exchange)));
    }),
    // POST /playground/vectors/file?name=shout.gguf, Content-Type: application/octet-stream → VectorInfo
    call('POST', 'vectors/file', async (exchange) => {
      const bytes = await exchange.bytes();
      exchange.json(200, await playground.addVectorFile(asked(exchange, 'name'), bytes));
    }),
    // GET /playground/vectors/file?id=shout-1a2b3c4d.safetensors → its bytes
    call('GET', 'vectors/file', async (exchange) => {
      const bytes = await playground.vectorFile(asked(exchange, 'id'));
      exchange.send(200, 'application/octet-stream', bytes, HEADERS);
    }),
    // POST /playground/play PlaygroundSettings → Server-Sent Events: `data: ` and a PlayEvent each,
    // `data: [DONE]` at the end
    call('POST', 'play', async (exchange) => {
      const settings = await sent<PlaygroundSettings>(exchange);
      const leaves = new AbortController();
      exchange.onGone(() => leaves.abort());
      await playground.play(settings, (event) => exchange.event(event), leaves.signal);
      if (leaves.signal.aborted) return;
      exchange.event('[DONE]');
      exchange.response.end();
    }),
    // POST /playground/export PlaygroundSettings → Exported
    call('POST', 'export', async (exchange) => {
      exchange.json(200, await playground.exportAs(await sent(exchange)));
    }),
  ];
}

/** What a page sent; the playground checks it. */
const sent = async <T>(exchange: Exchange) => (await exchange.object()) as T;

/** A parameter of the address. */
function asked({ url }: Exchange, name: string): string {
  const value = url.searchParams.get(name);
  if (value) return value;
  throw new ApiError(400, `The address lacks ?${name}=…`, { param: name });
}
