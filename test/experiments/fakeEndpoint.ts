/** An OpenAI-compatible endpoint on this machine, which grades answers, and fails where it is told to. */
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the next request gets in place of a grade. */
export type Fault =
  | { status: number; headers?: Record<string, string>; body?: string }
  /** What the model writes. */
  | { content: unknown }
  | 'stall'
  | 'drop';

export interface Asked {
  path: string;
  headers: http.IncomingHttpHeaders;
  body: { model: string; messages: { role: string; content: string }[] } & Record<string, unknown>;
}

/** The grade of an answer, from 1 to 10: by the lengths of both texts. */
export const gradeOf = (query: string, response: string) =>
  1 + ((3 * query.length + response.length) % 10);

export class FakeEndpoint {
  asked: Asked[] = [];
  /** For the requests to come, in their order. */
  faults: Fault[] = [];
  /** The nth of the requests without a fault (from 1) is answered when this is done. */
  hold: (nth: number) => Promise<unknown> = async () => {};
  /** The most requests at a time. */
  most = 0;
  private open = 0;
  private begun = 0;
  private readonly server = http.createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => void this.answer(request, text, response));
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  reset(): void {
    Object.assign(this, { asked: [], faults: [], hold: async () => {}, most: 0, begun: 0 });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  /** Query and response of each request. */
  get texts(): { query: string; response: string }[] {
    return this.asked.map(({ body }) => textsIn(body.messages[0].content));
  }

  private async answer(
    { url, headers, socket }: http.IncomingMessage,
    text: string,
    response: http.ServerResponse,
  ) {
    const body = JSON.parse(text) as Asked['body'];
    this.asked.push({ path: url ?? '', headers, body });
    const fault = this.faults.shift();
    if (fault === 'stall') return;
    if (fault === 'drop') return socket.destroy();
    if (fault && 'status' in fault) {
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return;
    }
    this.most = Math.max(this.most, ++this.open);
    await this.hold(++this.begun);
    this.open--;
    const { query, response: graded } = textsIn(body.messages[0].content);
    const content = fault
      ? fault.content
      : JSON.stringify({ reason: 'It is so.', score: gradeOf(query, graded) });
    const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }];
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ object: 'chat.completion', choices }));
  }
}

function textsIn(prompt: string) {
  const [, query, response] =
    /<request>\n(.*)\n<\/request>\n\n<answer>\n(.*)\n<\/answer>/s.exec(prompt) ?? [];
  return { query, response };
}
