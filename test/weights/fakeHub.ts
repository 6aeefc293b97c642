/**
 * A Hugging Face Hub for tests: the API that lists files, and downloads that for large files lead
 * to a second host, as on the real one. Faults are queued per file, one for each request.
 * (huggingface_hub 1.33, the Python client, downloads from it as from the real one.)
 */
import { createHash } from 'node:crypto';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeModel {
  commit: string;
  /** Other names of the commit than `main` and itself. */
  revisions?: string[];
  files: Record<string, Buffer | string>;
  /** Where the list of files says another size than they have, or something else than a size. */
  listedSizes?: Record<string, unknown>;
  gated?: boolean;
  private?: boolean;
}

/** What goes wrong with one request for a file's bytes, or (status, as, endless) for the API. */
export type Fault =
  | { status: number; headers?: Record<string, string> }
  | { cutAfter: number }
  | { stallAfter: number }
  | { as: Buffer | string }
  /** So many bytes now and then, as long as anybody listens. */
  | { drip: number }
  | 'endless'
  | 'ignore range'
  | 'wrong range';

export interface Request {
  host: 'hub' | 'cdn';
  /** Without the query. */
  path: string;
  range?: string;
  authorization?: string;
}

export const GOOD_TOKEN = 'hf_good';
/** Of an account that did not accept the terms of gated models. */
export const STRANGER_TOKEN = 'hf_stranger';

export class FakeHub {
  models: Record<string, FakeModel> = {};
  requests: Request[] = [];
  /** By file name, or `api`. */
  faults: Record<string, Fault[]> = {};
  /** Where the list of files says that its next page is, in place of the true one. */
  nextPage?: (url: URL) => string;
  url = '';
  cdnUrl = '';
  private servers: http.Server[] = [];

  async start(): Promise<this> {
    this.url = await this.listen((request, response) => this.serveHub(request, response));
    const cdn = await this.listen((request, response) => this.serveCdn(request, response));
    // Another name, too: some clients take hosts of one name for one host.
    this.cdnUrl = cdn.replace('127.0.0.1', 'localhost');
    return this;
  }

  stop() {
    for (const server of this.servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  reset() {
    this.models = {};
    this.requests = [];
    this.faults = {};
    this.nextPage = undefined;
  }

  /** The `Range` headers (or undefined) of the requests for a file's bytes, in order. */
  ranges(file: string): (string | undefined)[] {
    const hosts = isLarge(file) ? 'cdn' : 'hub';
    return this.requests
      .filter(({ host, path }) => host === hosts && path.endsWith(`/${file}`))
      .map(({ range }) => range);
  }

  private listen(handler: http.RequestListener): Promise<string> {
    const server = http.createServer(handler);
    this.servers.push(server);
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      });
    });
  }

  private note(host: 'hub' | 'cdn', request: http.IncomingMessage): URL {
    const url = new URL(request.url ?? '', 'http://x');
    const { range, authorization } = request.headers;
    this.requests.push({ host, path: url.pathname, range, authorization });
    return url;
  }

  private serveHub(request: http.IncomingMessage, response: http.ServerResponse) {
    const url = this.note('hub', request);
    const path = decodeURIComponent(url.pathname);
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/(.+)$/.exec(path);
    const resolve = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const [, id, kind, revision] = api ?? [];
    const model = this.models[id ?? resolve?.[1] ?? ''];
    const fault = api ? this.faults.api?.shift() : undefined;
    if (typeof fault === 'object' && 'status' in fault) {
      return refuse(response, fault.status, '', fault.headers);
    }
    if (fault === 'endless') return pour(response, '"endless", '.repeat(10_000), 0);
    if (typeof fault === 'object' && 'as' in fault) return response.end(fault.as);
    const token = request.headers.authorization?.replace('Bearer ', '');
    if (token && ![GOOD_TOKEN, STRANGER_TOKEN].includes(token)) {
      const said = 'Invalid credentials in Authorization header';
      return refuse(response, 401, '', { 'X-Error-Message': said });
    }
    const hidden = model?.private && token !== GOOD_TOKEN;
    if (!model || hidden) return refuse(response, token ? 404 : 401, 'RepoNotFound');
    if (api) {
      const known = ['main', model.commit, ...(model.revisions ?? [])];
      if (!known.includes(revision)) return refuse(response, 404, 'RevisionNotFound');
      if (kind === 'revision') return json(response, { _id: '1', id, sha: model.commit });
      return this.serveTree(url, model, response);
    }
    const [, , commit, name] = resolve ?? [];
    if (!name || model.files[name] === undefined || commit !== model.commit) {
      return refuse(response, 404, 'EntryNotFound');
    }
    if (model.gated && token !== GOOD_TOKEN) {
      return refuse(response, token ? 403 : 401, 'GatedRepo', {
        'X-Error-Message': 'Access to this model is restricted.',
      });
    }
    response.setHeader('X-Repo-Commit', commit);
    if (!isLarge(name)) return this.serveBytes(request, response, name, model.files[name]);
    const content = Buffer.from(model.files[name]);
    response.setHeader('X-Linked-Size', content.length);
    response.setHeader('X-Linked-Etag', `"${sha256(content)}"`);
    response.writeHead(302, { Location: `${this.cdnUrl}/signed/${commit}/${name}` });
    response.end();
  }

  /** Two entries a page, so that clients must follow the links. */
  private serveTree(url: URL, model: FakeModel, response: http.ServerResponse) {
    const entries = Object.entries(model.files).map(([path, content]) => {
      const bytes = Buffer.from(content);
      const sizes = { [path]: bytes.length, ...model.listedSizes };
      const size = sizes[path];
      const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
      if (!isLarge(path)) return { type: 'file', oid, size, path };
      const lfs = { oid: sha256(bytes), size, pointerSize: 134 };
      return { type: 'file', oid: '0'.repeat(40), size, lfs, path };
    });
    const all = [{ type: 'directory', oid: '1'.repeat(40), size: 0, path: 'onnx' }, ...entries];
    const start = Number(url.searchParams.get('cursor') ?? 0);
    if (start + 2 < all.length) {
      url.searchParams.set('cursor', String(start + 2));
      const next = `${this.url}${url.pathname}?${url.searchParams}`;
      response.setHeader('Link', `<${this.nextPage?.(new URL(next)) ?? next}>; rel="next"`);
    }
    json(response, all.slice(start, start + 2));
  }

  private serveCdn(request: http.IncomingMessage, response: http.ServerResponse) {
    const url = this.note('cdn', request);
    const [, , commit, name] = url.pathname.split('/');
    // Not a thing that it does, but that a false hub could make a client ask it for.
    const listed = /^\/api\/models\/(.+)\/tree\//.exec(url.pathname)?.[1];
    if (listed) return this.serveTree(url, this.models[listed], response);
    const model = Object.values(this.models).find((one) => one.commit === commit);
    this.serveBytes(request, response, name, model?.files[name] ?? '');
  }

  private serveBytes(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    name: string,
    stored: Buffer | string,
  ) {
    const fault = request.method === 'HEAD' ? undefined : this.faults[name]?.shift();
    if (typeof fault === 'object' && 'status' in fault) {
      return refuse(response, fault.status, '', fault.headers);
    }
    const content = Buffer.from(typeof fault === 'object' && 'as' in fault ? fault.as : stored);
    const etag = createHash('sha1').update(`blob ${content.length}\0`).update(content);
    response.setHeader('ETag', `"${etag.digest('hex')}"`);
    let body = content;
    const from = /^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1];
    if (from !== undefined && fault !== 'ignore range') {
      const start = Number(from) + (fault === 'wrong range' ? 1 : 0);
      if (start >= content.length) return refuse(response, 416, '');
      body = content.subarray(start);
      response.statusCode = 206;
      const range = `bytes ${start}-${content.length - 1}/${content.length}`;
      response.setHeader('Content-Range', range);
    }
    response.setHeader('Content-Length', body.length);
    if (request.method === 'HEAD') return response.end();
    if (typeof fault === 'object' && 'drip' in fault) {
      return pour(response, body.subarray(0, fault.drip), 20);
    }
    if (typeof fault === 'object' && ('cutAfter' in fault || 'stallAfter' in fault)) {
      const cut = 'cutAfter' in fault;
      response.write(body.subarray(0, cut ? fault.cutAfter : fault.stallAfter), () => {
        // A moment, so that the client has what was sent, also when the machine is busy.
        if (cut) setTimeout(() => response.destroy(), 100);
      });
      return;
    }
    response.end(body);
  }
}

/** Sends a piece again and again, until the other end hangs up. */
function pour(response: http.ServerResponse, piece: Buffer | string, milliseconds: number) {
  if (response.destroyed) return;
  response.write(piece, () => setTimeout(() => pour(response, piece, milliseconds), milliseconds));
}

const isLarge = (name: string) => /\.(safetensors|bin|gguf|onnx)$/.test(name);

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function json(response: http.ServerResponse, value: unknown) {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

function refuse(
  response: http.ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
) {
  response.writeHead(status, code ? { 'X-Error-Code': code, ...headers } : headers);
  response.end('refused');
}
