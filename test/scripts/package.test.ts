/** `npm pack`, and what comes out of it installed in an empty folder: without ts-node, and by this Node. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as publicFace from '../../src';
import { readmeExample } from '../readme';
import { testWhere } from '../where';

const root = path.join(__dirname, '../..');
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-package-'));
test.after(() => fs.rmSync(temp, { recursive: true }));
const installed = path.join(temp, 'node_modules/tiller');

/** Runs a program in the empty folder, as a user would: on wasm, without the hooks of our tests. */
function start(command: string, args: string[], cwd = temp) {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const bin = path.dirname(process.execPath);
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...env, TILLER_BACKEND: 'wasm', PATH: `${bin}${path.delimiter}${env.PATH}` },
  });
  return { status, stdout, stderr, about: `${command} ${args.join(' ')}:\n${stdout}${stderr}` };
}

function succeeds(command: string, ...args: string[]): string {
  const { status, stdout, about } = start(command, args);
  assert.is(status, 0, about);
  return stdout;
}

const write = (name: string, text: string) => fs.writeFileSync(path.join(temp, name), text);
/** The command line as npm installs it, by this Node. */
const tiller = (...words: string[]) => [path.join(temp, 'node_modules/.bin/tiller'), ...words];

const packed = start('npm', ['pack', '--silent', '--pack-destination', temp], root);
const tarball = packed.stdout.trim().split('\n').pop()!;
write('package.json', '{ "private": true }\n');
// The GPU library is optional, and large where it can be had.
const flags = [
  '--omit=optional',
  '--prefer-offline',
  '--no-audit',
  '--no-fund',
  '--fetch-retries=1',
];
const install = start('npm', ['install', ...flags, `./${tarball}`]);
const offline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/.test(
  install.stderr,
);
const testInstalled = testWhere(!offline, 'no npm registry');

test('the tarball holds what is compiled, the tiny models and the docs, and no sources', () => {
  assert.is(packed.status, 0, packed.about);
  const listed = spawnSync('tar', ['tzf', path.join(temp, tarball)], { encoding: 'utf8' }).stdout;
  const files = listed.trim().split('\n');
  for (const file of [
    'dist/src/cli.js',
    'dist/src/index.d.ts',
    'dist/src/playground/page/index.html',
    'dist/src/playground/page/main.js',
    'weights/tiny-gemma2/config.json',
  ]) {
    assert.ok(files.includes(`package/${file}`), file);
  }
  const addon = 'package/src/backend/tensorflow/addon/functions.h';
  assert.ok(files.includes(addon), 'setup-tensorflow compiles it');
  for (const file of files.filter((one) => one !== addon)) {
    assert.match(file, /^package\/(dist\/|weights\/tiny-|docs\/|[\w.]+$)/);
    if (!file.startsWith('package/docs/')) assert.not.match(file, /(?<!\.d)\.ts$/);
  }
});

testInstalled('it installs, with few packages and without compilers', () => {
  assert.is(install.status, 0, install.about);
  for (const name of ['ts-node', 'typescript', '@swc', 'uvu', 'esbuild', 'preact']) {
    assert.not.ok(fs.existsSync(path.join(temp, 'node_modules', name)), name);
  }
});

testInstalled("the README's ten lines run as an ES module, and steer", () => {
  write('steer.mjs', readmeExample('steer.ts'));
  const answer = succeeds(process.execPath, 'steer.mjs').trim();
  assert.is(answer, answer.toLowerCase());
  assert.match(answer, 'tomatoes');
  assert.ok(fs.existsSync(path.join(temp, 'lowercase.safetensors')));
});

testInstalled('import and require give the same, all of it', () => {
  write(
    'both.mjs',
    `import { createRequire } from 'node:module';
    import * as imported from 'tiller';
    import { countSentences } from 'tiller/ifeval';
    const required = createRequire(import.meta.url)('tiller');
    const names = Object.keys(required);
    const same = names.every((name) => imported[name] === required[name]);
    console.log(JSON.stringify({ names, same, sentences: countSentences('One. Two.') }));`,
  );
  const { names, same, sentences } = JSON.parse(succeeds(process.execPath, 'both.mjs'));
  assert.equal(names.sort(), Object.keys(publicFace).sort());
  assert.equal({ same, sentences }, { same: true, sentences: 2 });
});

const MODES: [string, ts.CompilerOptions][] = [
  [
    'nodenext',
    { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  ],
  ['bundler', { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }],
  ['node10', { module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10 }],
];

for (const [name, mode] of MODES) {
  testInstalled(`TypeScript finds the types: moduleResolution ${name}`, () => {
    const wrong = `import { steer } from 'tiller';
      import { countSentences } from 'tiller/ifeval';
      export const n: number = countSentences('One.');
      // @ts-expect-error: a layer is a number
      steer(undefined as never, { layer: 'three' });`;
    const extensions = name === 'nodenext' ? ['mts', 'cts'] : ['ts'];
    const files = extensions.flatMap((extension) => {
      write(`right.${extension}`, readmeExample('steer.ts'));
      write(`wrong.${extension}`, wrong);
      return [`right.${extension}`, `wrong.${extension}`].map((file) => path.join(temp, file));
    });
    const options = { ...mode, strict: true, noEmit: true, skipLibCheck: true, types: [] };
    const program = ts.createProgram(files, {
      ...options,
      lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    });
    const messages = ts
      .getPreEmitDiagnostics(program)
      .map(
        ({ messageText, file }) =>
          `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
      );
    assert.equal(messages, []);
  });
}

testInstalled('npx tiller is the command line, and a model that came along answers', () => {
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  assert.is(succeeds('npx', 'tiller', '--version'), `tiller ${version}\n`);
  const prompt = 'How do I grow tomatoes? Be concise.';
  assert.match(
    succeeds(process.execPath, ...tiller('generate', 'tiny-gemma2', prompt)),
    /^\w.*\.\n$/,
  );
  const report = succeeds(process.execPath, ...tiller('doctor'));
  assert.match(report, `Node         ${process.version}`);
  assert.match(report, 'wasm         usable');
  assert.match(report, 'npx tiller setup-tensorflow');
});

testInstalled('what a reader is told to type is there', () => {
  assert.match(
    succeeds(process.execPath, ...tiller('download', '--help')),
    'npx tiller download <model>',
  );
  assert.match(
    succeeds(process.execPath, ...tiller('help', 'generate')),
    'npx tiller generate tiny-gemma2',
  );
  const { status, stderr } = start(process.execPath, tiller('generate', 'phi-3', 'x'));
  assert.is(status, 2, stderr);
  assert.match(stderr, 'npx tiller download microsoft/Phi-3');
});

testInstalled('no text of it names ts-node or a script of the clone', () => {
  const dist = path.join(installed, 'dist');
  const names = fs.readdirSync(dist, { recursive: true, encoding: 'utf8' });
  // What knows both worlds; ifeval/cli.ts is told its own name.
  const both = /^(src\/util\/(invocation|script)|src\/backend\/probe|ifeval\/cli)\.js$/;
  for (const name of names.filter((one) => one.endsWith('.js') && !both.test(one))) {
    const lines = fs.readFileSync(path.join(dist, name), 'utf8').split('\n');
    const code = lines.filter((line) => !/^\s*(\*|\/\*\*|\/\/)/.test(line)).join('\n');
    assert.not.match(code, /ts-node|npm run |npm ci/, name);
  }
});

test.run();
