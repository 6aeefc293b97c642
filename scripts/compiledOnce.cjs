// What the test runner loads into every process of a test in place of ts-node: the same compiler,
// but what it made of a file is kept until the file changes. The tests start hundreds of processes,
// and ts-node takes a second in each of them to load its compilers and go through the same files.
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const kept = path.join(root, 'node_modules/.cache/tiller');
const hash = (...texts) => createHash('sha256').update(texts.join('\0')).digest('hex');
const settings = [
  'tsconfig.json',
  ...['ts-node', '@swc/core'].map((name) => `node_modules/${name}/package.json`),
]
  .map((file) => fs.readFileSync(path.join(root, file), 'utf8'))
  .join();

let tsNode;

function compile(file) {
  const source = fs.readFileSync(file, 'utf8');
  const seal = `\n// ${hash(settings, source)}`;
  const stored = path.join(kept, `${hash(file)}.js`);
  if (fs.existsSync(stored)) {
    const code = fs.readFileSync(stored, 'utf8');
    if (code.endsWith(seal)) return code;
  }
  tsNode ??= require('ts-node').create({ cwd: root });
  const code = tsNode.compile(source, file) + seal;
  fs.mkdirSync(kept, { recursive: true });
  const draft = `${stored}.${process.pid}`;
  fs.writeFileSync(draft, code);
  fs.renameSync(draft, stored);
  return code;
}

require.extensions['.ts'] = (module, file) => module._compile(compile(file), file);
// Stacks name lines of the sources.
process.setSourceMapsEnabled(true);
// A process that asks for ts-node has it already.
const register = require.resolve('ts-node/register');
require.cache[register] = { id: register, filename: register, loaded: true, exports: {} };
require('./resolveTiller.ts');
