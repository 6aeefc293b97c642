/** A test with a page of a real browser; without a browser it is skipped. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Page } from 'playwright-core';
import { testWhere } from '../where';
import { browser, program } from './chromium';
import { assertQuiet, type Watch, watchPages } from './watch';

export interface PageOptions {
  /** Of the window, in CSS pixels. */
  width?: number;
  height?: number;
  dark?: boolean;
  /** Folder for the picture of a failure; default: a temporary one, which stays. */
  pictures?: string;
}

type Run = (page: Page, watch: Watch) => Promise<void>;

/** A test that makes its pages itself. */
export const testBrowser = testWhere(
  program !== undefined,
  'no Chromium: apt-get install chromium, or TILLER_CHROMIUM=<its path>',
);

/** Fails too when the page did what `watchPages` watches for. */
export function testPage(name: string, run: Run, options: PageOptions = {}): void {
  testBrowser(name, () => withPage(run, options));
}

/** Runs with a page of its own, which remembers nothing. A failure says where its picture lies. */
export async function withPage(run: Run, options: PageOptions = {}): Promise<void> {
  const { width = 1200, height = 800, dark = false } = options;
  const context = await (await browser()).newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
  });
  const watch = watchPages(context);
  const page = await context.newPage();
  try {
    await run(page, watch);
    await assertQuiet(page, watch);
  } catch (error) {
    if (error instanceof Error) error.message += await describe(page, watch, options.pictures);
    throw error;
  } finally {
    await context.close();
  }
}

async function describe(page: Page, watch: Watch, given?: string): Promise<string> {
  const folder = given ?? fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-page-'));
  const picture = path.join(folder, 'page.png');
  const taken = await page.screenshot({ path: picture, fullPage: true }).catch(String);
  const seen = typeof taken === 'string' ? `no picture: ${taken}` : picture;
  return ['', `At ${page.url()}, ${seen}`, ...watch.faults()].join('\n');
}
