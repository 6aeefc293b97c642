/** Puts the playground's page into dist, so that an installed package needs neither esbuild nor preact. */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { pageFiles } from '../src/playground/bundle';
import { runAsProgram } from '../src/util/script';

const to = path.join(__dirname, '../dist/src/playground/page');

async function main() {
  mkdirSync(to, { recursive: true });
  for (const { name, bytes } of await pageFiles()) writeFileSync(path.join(to, name), bytes);
}

runAsProgram(module, {}, main);
