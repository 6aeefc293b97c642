'use strict';
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const cache = path.join(root, 'node_modules/.cache/tiller');
const read = (file) => fs.readFileSync(path.join(root, file), 'utf8');
const versions = ['ts-node', '@swc/core'].map((name) => read(`node_modules/${name}/package.json`));
const salt = createHash('sha256')
  .update([...versions, read('tsconfig.json')].join('\0'))
  .digest('hex');

let service;
function compile(source, file) {
  service ??= require('ts-node').create({ cwd: root });
  return service.compile(source, file);
}

function compiled(file) {
  const source = fs.readFileSync(file, 'utf8');
  const key = createHash('sha256')
    .update(salt)
    .update(file)
    .update('\0')
    .update(source)
    .digest('hex');
  const stored = path.join(cache, `${key}.js`);
  try {
    return fs.readFileSync(stored, 'utf8');
  } catch {
    const code = compile(source, file);
    fs.mkdirSync(cache, { recursive: true });
    const draft = `${stored}.${process.pid}`;
    fs.writeFileSync(draft, code);
    fs.renameSync(draft, stored);
    return code;
  }
}

require.extensions['.ts'] = (module, file) => module._compile(compiled(file), file);
process.setSourceMapsEnabled(true);
const register = require.resolve('ts-node/register');
require.cache[register] = {
  id: register,
  filename: register,
  loaded: true,
  exports: {},
  children: [],
  paths: [],
};
require('./resolveTiller.ts');
