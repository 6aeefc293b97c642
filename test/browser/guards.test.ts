/** The guards of the browser tests, on pages that each have one fault. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAccessible, assertFits } from './checks';
import { type StaticServer, serveFolder } from './staticServer';
import { testBrowser, testPage, withPage } from './testPage';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-guards-'));
let here: StaticServer;
let elsewhere: StaticServer;

test.before(async () => {
  here = await serveFolder(folder);
  elsewhere = await serveFolder(folder, { 'Access-Control-Allow-Origin': '*' });
});
test.after(async () => {
  await here.close();
  await elsewhere.close();
  fs.rmSync(folder, { recursive: true });
});

function write(name: string, text: string): string {
  fs.writeFileSync(path.join(folder, name), text);
  return `${here.url}/${name}`;
}

/** A page without a fault but what is in `body`. */
const pageOf = (body: string) =>
  write(
    'page.html',
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>
    <meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"></head>
    <body><main><h1>A page</h1>${body}</main></body></html>`,
  );

/** What a test fails with that opens the page; empty when it passes. */
async function failure(body: string, also?: (page: Page) => Promise<void>): Promise<string> {
  const address = pageOf(body);
  try {
    await withPage(
      async (page) => {
        await page.goto(address, { waitUntil: 'networkidle' });
        await also?.(page);
      },
      { width: 400, pictures: folder },
    );
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

testPage('a page without a fault passes all guards', async (page) => {
  await page.goto(pageOf('<p>Plain text.</p>'));
  await assertAccessible(page);
  await assertFits(page);
});

const script = (code: string) => `<script>${code}</script>`;

testBrowser('errors of a page fail a test, which says where the picture lies', async () => {
  const throwing = ["throw new Error('thrown')", "Promise.reject(new Error('rejected'))"];
  const others = ["console.error('planted')", "fetch('/missing')"];
  const printed = await failure([...throwing, ...others].map(script).join(''));
  assert.match(printed, /console error: planted \(http:/);
  assert.match(printed, /thrown: Error: thrown/);
  assert.match(printed, /thrown: Error: rejected/);
  assert.match(printed, /console error: .* 404 .*\/missing/);
  const [, picture] = /, (\S+page\.png)$/m.exec(printed)!;
  assert.is(fs.readFileSync(picture).subarray(1, 4).toString(), 'PNG');
});

testBrowser('a request to elsewhere fails a test, of a page or of its workers', async () => {
  const at = (how: string) => `${elsewhere.url}/page.html?${how}`;
  const worker = `new Worker(URL.createObjectURL(new Blob([\`fetch('${at('worker')}')\`])))`;
  const beacon = `navigator.sendBeacon('${at('beacon')}')`;
  const scripts = [`fetch('${at('fetch')}')`, worker, beacon].map(script).join('');
  const printed = await failure(`${scripts}<img alt="A dot" src="${at('image')}">`);
  for (const how of ['worker', 'beacon', 'fetch', 'image']) {
    assert.match(printed, `asked elsewhere: ${at(how)}`);
  }
  assert.is(await failure(script(`fetch('${here.url}/page.html')`)), '');
});

testPage('what the test itself brings about is no fault', async (page, watch) => {
  watch.expect(/404 .*\/missing/);
  watch.allow(new URL(elsewhere.url).origin);
  await page.goto(pageOf(script(`fetch('/missing'); fetch('${elsewhere.url}/page.html')`)));
  await page.waitForLoadState('networkidle');
});

testBrowser('serious findings of axe-core fail a test, each in a line', async () => {
  const gray = '<p style="color:#bbb;background:#fff">Hard to read</p>';
  assert.match(
    await failure(`${gray}<input>`, assertAccessible),
    /serious: color-contrast: p: .*contrast.*critical: label: input: /s,
  );
});

testBrowser('what sticks out sideways fails a test, hidden or not', async () => {
  const wide = '<div style="width:600px">Wide</div>';
  assert.match(
    await failure(`<style>html{overflow:hidden}</style>${wide}`, assertFits),
    /width:600px/,
  );
  assert.match(await failure('<style>main{margin-right:-9px}</style>', assertFits), /wider|<main/);
  assert.is(await failure(`<div style="overflow-x:auto">${wide}</div>`, assertFits), '');
});

test('a folder is served in pieces', async () => {
  const address = write('digits.txt', '0123456789');
  const piece = await fetch(address, { headers: { Range: 'bytes=2-4' } });
  assert.is(piece.status, 206);
  assert.is(piece.headers.get('content-range'), 'bytes 2-4/10');
  assert.is(await piece.text(), '234');
  assert.is(await (await fetch(address, { headers: { Range: 'bytes=7-99' } })).text(), '789');
  assert.is((await fetch(`${here.url}/none`)).status, 404);
});

test.run();
