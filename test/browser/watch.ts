/** What a page does that no page of ours may: errors, requests that fail, requests to elsewhere. */
import * as assert from 'node:assert';
import type { BrowserContext, Page } from 'playwright-core';

export interface Watch {
  /** What is wrong so far, one thing a line. */
  faults(): string[];
  /** The test brings this about itself: faults that match it are none. */
  expect(pattern: RegExp): void;
  /** The test gives the page an address there itself. */
  allow(origin: string): void;
}

/** What belongs to an address: its origin, of a file the file alone. */
function ownPart(address: string): string {
  const { protocol, origin, href } = new URL(address);
  return protocol === 'file:' ? href.replace(/[?#].*/, '') : origin;
}

/** Workers of the page are watched like the page. Its own address is the first one it asks for. */
export function watchPages(context: BrowserContext): Watch {
  const all: string[] = [];
  const expected: RegExp[] = [];
  const allowed: string[] = [];
  let own = '';
  const see = (address: string) => {
    if (/^(data|blob|about):/.test(address)) return;
    own ||= ownPart(address);
    if (![own, ...allowed].includes(ownPart(address))) all.push(`asked elsewhere: ${address}`);
  };
  context.on('request', (request) => see(request.url()));
  context.on('requestfailed', (request) => {
    const why = request.failure()?.errorText;
    // The page itself ends an answer so, and so does leaving it.
    if (why !== 'net::ERR_ABORTED') all.push(`failed: ${request.url()}: ${why}`);
  });
  context.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    all.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
  });
  context.on('weberror', (error) => {
    all.push(`thrown: ${error.error().stack ?? error.error()}`);
  });
  context.on('page', (page) => {
    page.on('websocket', (socket) => see(socket.url().replace(/^ws/, 'http')));
    page.on('crash', () => all.push('the page crashed'));
  });
  return {
    faults: () => all.filter((fault) => !expected.some((pattern) => pattern.test(fault))),
    expect: (pattern) => void expected.push(pattern),
    allow: (origin) => void allowed.push(origin),
  };
}

/** Waits until the page has come to rest. @throws AssertionError that lists the faults */
export async function assertQuiet(page: Page, watch: Watch): Promise<void> {
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => setTimeout(done)))');
  assert.deepStrictEqual(watch.faults(), []);
}
