/** The page without a server (`npm run build:web`): the same answers as in Node, from a worker. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buildWeb } from '../../scripts/buildWeb';
import { assertAccessible, assertFits } from './checks';
import { program } from './chromium';
import { inNode } from './inNode';
import { answersOf, linkTo, parts } from './playgroundPage';
import { type StaticServer, serveFolder } from './staticServer';
import { testPage } from './testPage';

const weights = path.join(__dirname, '../../weights');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-web-'));
let here: StaticServer;
let elsewhere: StaticServer;

if (program) {
  test.before(async () => {
    await buildWeb(folder);
    here = await serveFolder(folder);
    elsewhere = await serveFolder(weights, {
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Allow-Headers': 'Range',
      'Access-Control-Expose-Headers': 'Content-Range, Content-Length, Accept-Ranges',
    });
  });
  test.after(async () => {
    await here.close();
    await elsewhere.close();
  });
}
test.after(() => fs.rmSync(folder, { recursive: true }));

testPage('a worker of the page writes what Node writes', async (page) => {
  await page.goto(linkTo(here.url));
  await parts(page).status.getByText('Done.').waitFor();
  const right = await inNode('tiny-gemma2');
  assert.equal(await answersOf(page), right);
  assert.is(right.steered, right.steered.toLowerCase());
  await parts(page).heatMap.waitFor();
  assert.is(page.workers().length, 1);
  await page.setViewportSize({ width: 400, height: 800 });
  for (const check of [assertFits, assertAccessible]) await check(page);
});

testPage('it opens a folder of this machine, without asking anybody', async (page) => {
  await page.goto(linkTo(here.url));
  await parts(page).status.getByText('Done.').waitFor();
  const { length } = here.asked;
  await page.getByText('Another model').click();
  const chosen = page.getByLabel('A folder on this machine');
  await chosen.setInputFiles(path.join(weights, 'tiny-gemma2-base'));
  await page.getByText('tiny-gemma2-base', { exact: true }).waitFor();
  await parts(page).status.getByText('Done.').waitFor();
  assert.equal(await answersOf(page), await inNode('tiny-gemma2-base'));
  const own = /\/(worker|chunk-.*)\.js$|\.wasm$/;
  assert.equal(
    here.asked.slice(length).filter((file) => !own.test(file)),
    [],
  );
});

testPage('it opens a model at an address that it is given', async (page, watch) => {
  await page.goto(linkTo(here.url));
  await page.getByText('Another model').click();
  watch.allow(elsewhere.url);
  await page.getByLabel('An address').fill(`${elsewhere.url}/tiny-gemma2-base`);
  // What is not there is asked for: not every model has every file.
  watch.expect(/ 404 /);
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByText('tiny-gemma2-base', { exact: true }).waitFor();
  await parts(page).status.getByText('Done.').waitFor();
  assert.equal(await answersOf(page), await inNode('tiny-gemma2-base'));
});

testPage('its scripts have less than 350 KiB, gzipped', async (page) => {
  here.asked.length = 0;
  await page.goto(linkTo(here.url));
  await parts(page).status.getByText('Done.').waitFor();
  const scripts = here.asked.filter((file) => file.endsWith('.js'));
  const sizes = scripts.map((file) => gzipSync(fs.readFileSync(path.join(folder, file))).length);
  assert.ok(scripts.length > 1);
  // A card in software is none: what is for cards is not loaded.
  assert.not(
    scripts.some((file) => file.startsWith('/start.browser')),
    String(scripts),
  );
  assert.ok(sizes.reduce((all, size) => all + size) < 350 * 1024, `${scripts}: ${sizes}`);
});

test.run();
