/** Puts the scripts of our pages into dist, so that an installed package needs neither esbuild nor preact. */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { pageFiles } from '../src/playground/bundle';
import { pageScript } from '../src/report/html/script';
import { runAsProgram } from '../src/util/script';

const dist = path.join(__dirname, '../dist/src');

async function main() {
  for (const { name, bytes } of await pageFiles()) put(`playground/page/${name}`, bytes);
  put('report/page/main.js', await pageScript());
}

function put(name: string, content: string | Uint8Array) {
  const file = path.join(dist, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
}

runAsProgram(module, {}, main);
