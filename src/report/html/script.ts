import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { bundleScript } from '../../util/bundleScript';

const folder = path.join(__dirname, '../page');
let bundled: Promise<string> | undefined;

/**
 * The script of the page: as `npm run build` left it, else bundled, once a process.
 * @throws InputError where a clone has no esbuild
 */
export function pageScript(): Promise<string> {
  const built = path.join(folder, 'main.js');
  if (existsSync(built)) return Promise.resolve(readFileSync(built, 'utf8'));
  bundled ??= bundleScript(path.join(folder, 'main.ts')).then((bytes) => bytes.toString('utf8'));
  return bundled;
}
