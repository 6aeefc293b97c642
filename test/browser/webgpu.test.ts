/** The page without a server on WebGPU, which a graphics card in software computes here. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buildWeb } from '../../scripts/buildWeb';
import { inNode } from './inNode';
import { answersOf, linkTo, PAIRS } from './playgroundPage';
import { serveFolder } from './staticServer';
import { testPage } from './testPage';

/** It is slow: a minute on a busy machine. */
const SLOW = { timeout: 120_000 };
const LENGTHS = { pairs: PAIRS.slice(0, 1), maxNewTokens: 8 };

testPage(
  'webgpu, asked for by name, writes what Node writes on another backend',
  async (page, watch) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-webgpu-'));
    await buildWeb(folder);
    // From a sub-folder, where its scripts must find each other.
    const server = await serveFolder(path.dirname(folder));
    const address = linkTo(`${server.url}/${path.basename(folder)}`, LENGTHS.pairs);
    try {
      watch.expect(/No available adapters/);
      await page.goto(address.replace('/#', '/?backend=webgpu#tokens=8&'));
      const header = page.locator('.model', { hasText: / · (webgpu|wasm) \(/ });
      await header.waitFor(SLOW);
      const backend = (await header.textContent()) ?? '';
      if (backend.includes('the browser offers no graphics card')) {
        console.log('Skipped: the rest of webgpu in a page (this Chromium has no adapter)');
        return;
      }
      assert.match(backend, /webgpu \(/);
      await page
        .getByText(/^8 tokens/)
        .nth(1)
        .waitFor(SLOW);
      assert.equal(await answersOf(page), await inNode('tiny-gemma2', LENGTHS));
    } finally {
      await server.close();
      fs.rmSync(folder, { recursive: true });
    }
  },
);

test.run();
