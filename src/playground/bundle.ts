/** The files of the playground's page, as a server sends them: bundled from a clone, else as built. */
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { bundleScript } from '../util/bundleScript';

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
