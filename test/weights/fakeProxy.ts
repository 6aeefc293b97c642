/** A proxy for tests: it notes what it is asked for, and sends all of it to one server. */
import * as http from 'node:http';
import type * as net from 'node:net';

export class FakeProxy {
  /** `GET http://host/path`, `CONNECT host:443`, in order. */
  requests: string[] = [];
  /** What clients showed of themselves. */
  authorizations: (string | undefined)[] = [];
  url = '';
  private server = http.createServer((request, response) => this.forward(request, response));

  /** @param target e.g. `http://127.0.0.1:1234`, which stands for all hosts */
  constructor(private readonly target: () => string) {
    // There is no certificate to go on with.
    this.server.on('connect', (request, socket: net.Socket) => {
      this.note(request);
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as net.AddressInfo).port}`;
    return this;
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }

  reset() {
    this.requests = [];
    this.authorizations = [];
  }

  private note({ method, url, headers }: http.IncomingMessage) {
    this.requests.push(`${method} ${url}`);
    this.authorizations.push(headers['proxy-authorization']);
  }

  private forward(request: http.IncomingMessage, response: http.ServerResponse) {
    this.note(request);
    const { pathname, search } = new URL(request.url ?? '');
    const { 'proxy-authorization': _, ...headers } = request.headers;
    http.get(`${this.target()}${pathname}${search}`, { headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
  }
}
