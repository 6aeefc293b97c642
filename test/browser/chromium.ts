/** The browser of the tests: a Chromium of this machine, started once a file, at its first test. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { test } from 'uvu';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * The program: what TILLER_CHROMIUM names, else one on the PATH.
 * @throws Error when TILLER_CHROMIUM names no file
 */
function findChromium(): string | undefined {
  const named = process.env.TILLER_CHROMIUM;
  if (named && !fs.existsSync(named)) throw new Error(`TILLER_CHROMIUM: there is no ${named}`);
  if (named) return named;
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const candidates = folders.flatMap((folder) => names.map((name) => path.join(folder, name)));
  return candidates.find((file) => fs.existsSync(file));
}

export const program = findChromium();

/** It does nothing by itself, and finds nobody by name: nothing can leave this machine. */
const flags = [
  ...['--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  ...['--disable-sync', '--no-first-run'],
  // A graphics card in software, which the page takes only when it is told to.
  ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

let started: Promise<Browser> | undefined;

export function browser(): Promise<Browser> {
  // Signals are for what a test tries.
  started ??= chromium.launch({ executablePath: program, args: flags, handleSIGTERM: false });
  return started;
}

test.after(async () => (await started)?.close());
