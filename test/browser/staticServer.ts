/** Serves a folder, as any host of static pages does, also in pieces (Range). */
import * as fs from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';

const types: Record<string, string> = {
  ...{ '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.json': 'application/json' },
  ...{ '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' },
};

export interface StaticServer {
  /** Without a slash at its end. */
  url: string;
  /** Paths that were asked for, with the piece. */
  asked: string[];
  close(): Promise<void>;
}

/** @param headers added to every response */
export async function serveFolder(folder: string, headers = {}): Promise<StaticServer> {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://x');
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    asked.push(`${pathname}${range ? ` ${range[0]}` : ''}`);
    const named = path.join(folder, decodeURIComponent(pathname));
    const file = pathname.endsWith('/') ? path.join(named, 'index.html') : named;
    if (!fs.existsSync(file)) {
      response.writeHead(404, headers).end();
      return;
    }
    const { size } = fs.statSync(file);
    const start = Number(range?.[1] ?? 0);
    const end = Math.min(Number(range?.[2] || size - 1), size - 1);
    response.writeHead(range ? 206 : 200, {
      'Content-Type': types[path.extname(file)] ?? 'application/octet-stream',
      'Content-Length': end - start + 1,
      'Accept-Ranges': 'bytes',
      ...(range && { 'Content-Range': `bytes ${start}-${end}/${size}` }),
      ...headers,
    });
    if (request.method === 'HEAD') response.end();
    else fs.createReadStream(file, { start, end }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
