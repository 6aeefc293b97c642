/**
 * Takes the pictures of the README, docs/images/playground.png and docs/images/report.png, with a
 * Chromium (TILLER_CHROMIUM, else /usr/bin/chromium).
 *
 *     npx ts-node scripts/screenshots.ts http://127.0.0.1:8000 runs/…/report.html
 *
 * The first is the address of `tiller playground tiny-gemma2`, the second a report of
 * experiments/length/evaluate.ts. With --dark they are dark.
 */
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { makeFolder } from '../src/util/files';
import { runAsProgram } from '../src/util/script';

const folder = path.join(__dirname, '../docs/images');

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

async function main([address, report]: string[], dark: boolean): Promise<void> {
  makeFolder(folder);
  const browser = await chromium.launch({
    executablePath: process.env.TILLER_CHROMIUM ?? '/usr/bin/chromium',
  });
  try {
    const page = await browser.newPage({
      viewport: { width: 1200, height: 760 },
      colorScheme: dark ? 'dark' : 'light',
    });
    await page.goto(lowercase(address));
    await page.getByText('Done.', { exact: true }).waitFor();
    await page.getByRole('grid').waitFor();
    await page.screenshot({ path: path.join(folder, 'playground.png') });
    await page.goto(pathToFileURL(path.resolve(report)).href);
    // Its first two figures, to the end of their sections.
    const end = await page.locator('main > section').nth(1).boundingBox();
    const height = Math.ceil(end!.y + end!.height);
    await page.setViewportSize({ width: 1200, height });
    await page.screenshot({ path: path.join(folder, 'report.png') });
  } finally {
    await browser.close();
  }
}

runAsProgram(
  module,
  { options: [['--dark', 'Dark pictures']], takes: [2, 2] },
  async ({ positionals, options }) => {
    await main(positionals, Boolean(options.dark));
    return 0;
  },
);
