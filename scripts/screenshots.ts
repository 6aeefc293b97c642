/**
 * Takes the pictures of the README, docs/images/playground.png and docs/images/report.png, with a
 * Chromium (TILLER_CHROMIUM, else /usr/bin/chromium).
 *
 *     npx ts-node scripts/screenshots.ts http://127.0.0.1:8000 runs/…/report.html
 *
 * The address is that of `tiller playground tiny-gemma2`, the file a report of
 * experiments/length/evaluate.ts; one of them alone takes its picture alone. With --dark they are dark.
 */
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { makeFolder } from '../src/util/files';
import { runAsProgram } from '../src/util/script';

const folder = path.join(__dirname, '../docs/images');
/** Points across. */
const WIDTH = 1200;
/** A report is seen from a little further off: its tables are whole, and the file is smaller. */
const WIDE = 1450;

/** A link to the page with a vector of lowercase in it. */
function lowercase(address: string): string {
  const questions = ['apples', 'bread', 'soup', 'chess'].map((one) => `Tell me about ${one}.`);
  const pairs = questions.map((negative) => ({
    ...{ positive: `${negative} Write in lowercase.`, negative },
  }));
  const made = { id: 'its', name: 'lowercase', method: 'mean_difference', pairs };
  const spec = { file: 'its', layer: 0, positions: 'last', weight: '1.5x' };
  const prompt = 'How do I grow pumpkins?';
  const words = { prompt, made: JSON.stringify(made), steer: JSON.stringify(spec) };
  return `${address}/#${new URLSearchParams(words)}`;
}

async function takePlayground(page: Page, address: string): Promise<void> {
  await page.goto(lowercase(address));
  await page.getByText('Done.', { exact: true }).waitFor();
  await page.getByRole('grid').waitFor();
  await page.screenshot({ path: path.join(folder, 'playground.png') });
}

/** To the end of the pictures in its second section. */
async function takeReport(page: Page, file: string): Promise<void> {
  await page.goto(pathToFileURL(path.resolve(file)).href);
  const end = await page
    .locator('main > section')
    .nth(1)
    .locator('figure > div')
    .first()
    .boundingBox();
  await page.setViewportSize({ width: WIDE, height: Math.ceil(end!.y + end!.height) });
  await page.screenshot({ path: path.join(folder, 'report.png') });
}

async function main(subjects: string[], dark: boolean): Promise<void> {
  makeFolder(folder);
  const browser = await chromium.launch({
    executablePath: process.env.TILLER_CHROMIUM ?? '/usr/bin/chromium',
  });
  try {
    for (const subject of subjects) {
      const isPlayground = /^https?:/.test(subject);
      const width = isPlayground ? WIDTH : WIDE;
      const page = await browser.newPage({
        viewport: { width, height: 760 },
        deviceScaleFactor: WIDTH / width,
        colorScheme: dark ? 'dark' : 'light',
      });
      await (isPlayground ? takePlayground : takeReport)(page, subject);
    }
  } finally {
    await browser.close();
  }
}

runAsProgram(
  module,
  { options: [['--dark', 'Dark pictures']], takes: [1, 2] },
  async ({ positionals, options }) => {
    await main(positionals, Boolean(options.dark));
    return 0;
  },
);
