/**
 * Builds the playground as a page without a server, into dist-web: any host of static files serves it,
 * from any folder. Prints what a visitor's browser loads.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build } from 'esbuild';
import { isModelFile } from '../src/hub/modelFiles';
import { InputError } from '../src/util/errors';
import { makeFolder } from '../src/util/files';
import { runAsProgram } from '../src/util/script';
import { formatTable } from '../src/util/table';
import { toolVersion } from '../src/util/version';

const root = path.join(__dirname, '..');
const at = (...parts: string[]) => path.join(root, ...parts);
const MODEL = 'weights/tiny-gemma2';
const WASM = 'tfjs-backend-wasm-simd.wasm';

/** Gzipped bytes that the scripts that everybody loads may have together. */
const MOST = 350 * 1024;

/** How files of ours become scripts for browsers: where there is x.browser.ts, it stands for x.ts. */
export const FOR_BROWSERS = {
  ...{ bundle: true, minify: true, platform: 'browser', target: 'es2022', charset: 'utf8' },
  resolveExtensions: ['.browser.ts', '.ts', '.mjs', '.js', '.json'],
  define: {
    'process.env': '{}',
    // Messages name the commands of an installed package.
    __filename: '"tiller.js"',
    TILLER_VERSION: JSON.stringify(toolVersion.split(' ')[1]),
    TILLER_MODEL_FILES: JSON.stringify(fs.readdirSync(at(MODEL)).filter(isModelFile)),
  },
  legalComments: 'none',
  logLevel: 'silent',
} as const satisfies BuildOptions;

/** `https://…` of a page's policy: where it may ask, beside its own origin. */
const pages = { 'index.html': '', 'from-url.html': ' https: http:' };

/**
 * What the browser itself holds the page to. The worker is a blob, and so under the same policy;
 * WebAssembly counts as script.
 */
const policy = (others: string) =>
  [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    'worker-src blob:',
    `connect-src 'self'${others}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');

export interface WebFile {
  bytes: number;
  zipped: number;
  /** What only those with a graphics card load. */
  forCards: boolean;
}

/** @returns what a browser loads, by file */
export async function buildWeb(to: string): Promise<Map<string, WebFile>> {
  fs.rmSync(to, { recursive: true, force: true });
  makeFolder(path.join(to, MODEL));
  const script = async (entry: string, options: BuildOptions) => {
    const { outputFiles } = await build({
      ...{ ...FOR_BROWSERS, ...options, entryPoints: [at(entry)], write: false },
    });
    return outputFiles[0].contents;
  };
  const read = (...parts: string[]) => fs.readFileSync(at(...parts));
  const html = read('src/playground/page/index.html').toString();
  const head = '<meta name="viewport"';
  if (!html.includes(head)) throw new Error('index.html has no place for its policy.');
  const worker = await buildWorker();
  const files: Record<string, Uint8Array | string> = {
    'main.js': await script('src/web/page/main.ts', { format: 'esm' }),
    'style.css': `${read('src/playground/page/style.css')}\n${read('src/web/page/page.css')}`,
    ...worker.files,
    [WASM]: read('node_modules/@tensorflow/tfjs-backend-wasm/dist', WASM),
  };
  for (const [name, others] of Object.entries(pages)) {
    const meta = `<meta http-equiv="Content-Security-Policy" content="${policy(others)}" />`;
    files[name] = html.replace(head, `${meta}\n    ${head}`);
  }
  for (const name of FOR_BROWSERS_MODEL) files[`${MODEL}/${name}`] = read(MODEL, name);
  const sizes = new Map<string, WebFile>();
  for (const [name, content] of Object.entries(files)) {
    fs.writeFileSync(path.join(to, name), content);
    const bytes = Buffer.from(content as string);
    const forCards = worker.later.includes(name);
    sizes.set(name, { bytes: bytes.length, zipped: gzipSync(bytes).length, forCards });
  }
  const sum = sumOfScripts(sizes, false);
  if (sum <= MOST) return sizes;
  throw new InputError(`The scripts have ${kib(sum)} gzipped, more than ${kib(MOST)}.`);
}

/** The worker and what it loads later, each with what it imports. */
async function buildWorker() {
  const { outputFiles, metafile } = await build({
    ...{ ...FOR_BROWSERS, format: 'esm', splitting: true, metafile: true, write: false },
    ...{ absWorkingDir: root, entryPoints: ['src/web/worker.ts'], outdir: '.' },
  });
  const first = new Set<string>();
  const follow = (file: string) => {
    if (first.has(file)) return;
    first.add(file);
    for (const { path, kind } of metafile.outputs[file].imports) {
      if (kind === 'import-statement') follow(path);
    }
  };
  follow('worker.js');
  const files = outputFiles.map(({ path: file, contents }) => [path.basename(file), contents]);
  return {
    files: Object.fromEntries(files) as Record<string, Uint8Array>,
    later: Object.keys(metafile.outputs).filter((file) => !first.has(file)),
  };
}

/** Gzipped bytes of the scripts that everybody loads, or of those for graphics cards. */
function sumOfScripts(sizes: Map<string, WebFile>, forCards: boolean): number {
  const scripts = [...sizes].filter(([name]) => name.endsWith('.js'));
  const some = scripts.filter(([, file]) => file.forCards === forCards);
  return some.reduce((sum, [, { zipped }]) => sum + zipped, 0);
}

const FOR_BROWSERS_MODEL: string[] = JSON.parse(FOR_BROWSERS.define.TILLER_MODEL_FILES);

const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;

async function main() {
  const sizes = await buildWeb(at('dist-web'));
  const rows = [...sizes].map(([name, { bytes, zipped }]) => [name, kib(bytes), kib(zipped)]);
  console.log(formatTable(['file', 'size', 'gzipped'], rows));
  console.log(
    `Scripts: ${kib(sumOfScripts(sizes, false))} gzipped, of ${kib(MOST)} at most; ` +
      `with a graphics card ${kib(sumOfScripts(sizes, true))} more.`,
  );
  console.log(
    'dist-web is the page. To see it: npx http-server dist-web, or any other server of files.',
  );
}

if (require.main === module) runAsProgram(module, {}, main);
