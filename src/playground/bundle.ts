/** The files of the playground's page, as a server sends them: bundled from a clone, else as built. */
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../util/errors';

export interface PageFile {
  /** `index.html`, which asks for the others beside it. */
  name: string;
  /** Its Content-Type. */
  type: string;
  bytes: Buffer;
}

const TYPES = {
  'index.html': 'text/html; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'main.js': 'text/javascript; charset=utf-8',
};
const folder = path.join(__dirname, 'page');

/**
 * index.html, style.css and main.js. In a clone, main.js is bundled anew (some 30 ms).
 * @throws InputError where a clone has no esbuild
 */
export async function pageFiles(): Promise<PageFile[]> {
  const built = existsSync(path.join(folder, 'main.js'));
  const script = built ? undefined : await bundleScript(path.join(folder, 'main.ts'));
  return Object.entries(TYPES).map(([name, type]) => ({
    ...{ name, type },
    bytes: (name === 'main.js' && script) || readFileSync(path.join(folder, name)),
  }));
}

/**
 * A script of the page with all that it imports, for browsers.
 * @throws InputError where there is no esbuild
 */
export async function bundleScript(entry: string): Promise<Buffer> {
  const { build } = await import('esbuild').catch(() => {
    throw new InputError(
      'The page of the playground is bundled by esbuild, which is not there: install the development dependencies too.',
    );
  });
  const { outputFiles } = await build({
    ...{ entryPoints: [entry], bundle: true, minify: true, write: false, charset: 'utf8' },
    ...{ format: 'esm', platform: 'browser', target: 'es2022', legalComments: 'none' },
    logLevel: 'silent',
  });
  return Buffer.from(outputFiles[0].contents);
}
