import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tensorflowCandidates, useBackend } from '../../../src/backend';
import { probe, probeWith } from '../../../src/backend/probe';
import { InputError } from '../../../src/util/errors';
import { hasTensorflow, testTensorflow } from '../../where';

const root = path.join(__dirname, '../../..');
const environment = process.env.TILLER_BACKEND;

test.after.each(() => {
  if (environment === undefined) delete process.env.TILLER_BACKEND;
  else process.env.TILLER_BACKEND = environment;
});

/** The error that `promise` ends with. */
async function errorOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('no error was thrown');
}

const folders: string[] = [];
test.after(() => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true });
});

/** A folder that looks like tfjs-node with its native part, and does this when it is loaded. */
function addon(code: string): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-addon-'));
  folders.push(folder);
  fs.writeFileSync(path.join(folder, 'index.js'), code);
  return folder;
}

const brokenAddon = (message: string) => addon(`throw new Error(${JSON.stringify(message)})`);

const core = JSON.stringify(require.resolve('@tensorflow/tfjs-core'));

/** It loads, and no op runs on it. */
const idleAddon = () =>
  addon(`
    const tf = require(${core});
    const noOp = () => { throw new Error('this op is broken'); };
    const binding = new Proxy({ TF_Version: '1' }, { get: (known, name) => known[name] ?? noOp });
    tf.registerBackend('tensorflow', () =>
      Object.assign(new tf.KernelBackend(), {
        binding, write: () => ({}), numDataIds: () => 0, floatPrecision: () => 32, createOutputTensor: noOp, dispose() {},
      }));
    // The names of kernels are tfjs-core's only texts.
    for (const kernelName of new Set(Object.values(tf).filter((x) => typeof x === 'string'))) {
      tf.registerKernel({ kernelName, backendName: 'tensorflow', kernelFunc: noOp });
    }`);

test('wasm loads without libtensorflow, and computes', async () => {
  const info = await useBackend('wasm');
  const loaded = Object.keys(require.cache).filter((file) => /tfjs-node|tfjs\/dist/.test(file));
  assert.equal(loaded, []);
  assert.equal(info, { name: 'wasm', detail: 'SIMD, 1 thread', gpu: false });
  assert.is(tf.getBackend(), 'wasm');
  const product = tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]]));
  assert.equal([...(await product.data())], [11]);
});

test('an unknown backend is refused with a suggestion, naming its source', async () => {
  const asked = await errorOf(useBackend('wams'));
  assert.instance(asked, InputError);
  assert.match(asked.message, /^backend: "wams".*Did you mean "wasm"\?/);
  process.env.TILLER_BACKEND = 'tensorfow';
  const fromEnvironment = await errorOf(useBackend());
  assert.match(fromEnvironment.message, /^TILLER_BACKEND: .*"tensorflow"\?/);
});

test('the argument goes before TILLER_BACKEND, which goes before auto', async () => {
  process.env.TILLER_BACKEND = 'tensorflow';
  assert.is((await useBackend('wasm', [])).name, 'wasm');
  assert.instance(await errorOf(useBackend(undefined, [])), InputError);
  process.env.TILLER_BACKEND = 'wasm';
  assert.is((await useBackend()).name, 'wasm');
});

test('a requested tensorflow that can not load says why and what to run', async () => {
  const folder = brokenAddon(`libcudart.so.12: cannot open\n${'x'.repeat(500)}`);
  const candidates = [
    { label: 'first', folder: '/nowhere', missing: 'not installed' },
    { label: 'second', folder },
  ];
  const error = await errorOf(useBackend('tensorflow', candidates));
  assert.instance(error, InputError);
  assert.match(error.message, 'first: not installed; second: libcudart.so.12: cannot open)');
  assert.match(error.message, 'npm run setup:tensorflow');
  assert.not.match(error.message, 'xxx');
});

test('auto falls back to wasm when tensorflow is absent or broken', async () => {
  process.env.TILLER_BACKEND = 'auto';
  const folder = brokenAddon('no such symbol');
  assert.is((await useBackend(undefined, [{ label: 'broken', folder }])).name, 'wasm');
  assert.is((await useBackend(undefined, [])).name, 'wasm');
});

test('a tensorflow that loads and does not compute is none', async () => {
  const folder = idleAddon();
  process.env.TILLER_BACKEND = 'auto';
  assert.is((await useBackend(undefined, [{ label: 'idle', folder }])).name, 'wasm');
  assert.equal(tf.getKernelsForBackend('tensorflow'), []);
  const error = await errorOf(useBackend('tensorflow', [{ label: 'idle', folder: idleAddon() }]));
  assert.match(error.message, /\(idle: this op is broken\)/);
});

const real = tensorflowCandidates().find(({ missing }) => !missing)!;

testTensorflow('after one that does not compute, the next is tried, without a word', () => {
  const { found, log } = probe('tensorflow', [{ label: 'idle', folder: idleAddon() }, real]);
  assert.is(found?.place, real.label);
  assert.not.match(log, 'already registered');
});

testTensorflow('tensorflow computes on a Node without the helpers that Node 23 removed', () => {
  const { found, failed } = probeWith(`
    const util = require('node:util');
    for (const name of ['isNullOrUndefined', 'isArray']) delete util[name];
    require('./src/backend').useBackend('tensorflow').then(
      (info) => console.log('found ' + JSON.stringify(info)),
      (error) => console.log('failed ' + JSON.stringify({ failed: error.message })));`);
  assert.is(found?.name, 'tensorflow', failed);
});

testTensorflow(
  'an addon without functions, as npm has it, computes op by op, and is said to',
  () => {
    assert.is(probe('tensorflow', [real]).found?.functions, true);
    const folder = addon(`
    require(${JSON.stringify(real.folder)});
    const tf = require(${core});
    const make = tf.findBackendFactory('tensorflow');
    tf.removeBackend('tensorflow');
    tf.registerBackend('tensorflow', () => {
      const backend = make();
      backend.binding = Object.create(backend.binding, { addFunction: { value: undefined } });
      return backend;
    });`);
    assert.is(probe('tensorflow', [{ label: 'stock', folder }]).found?.functions, false);
  },
);

testTensorflow('one made for the CPU gives way to one that computes on a card', () => {
  const { PATH } = process.env;
  const driver = addon('');
  const card = 'echo "NVIDIA H100, GPU-1, 81920, 80000, 550.54"';
  fs.writeFileSync(path.join(driver, 'nvidia-smi'), `#!/bin/sh\n${card}\n`, { mode: 0o755 });
  const onCard = addon(`
    require(${JSON.stringify(real.folder)});
    const tf = require(${core});
    const make = tf.findBackendFactory('tensorflow');
    tf.removeBackend('tensorflow');
    tf.registerBackend('tensorflow', () => Object.assign(make(), { isUsingGpuDevice: true }));`);
  const cpu = { ...real, cuda: false };
  const choice = (folder: string) => {
    return probe('tensorflow', [cpu, { label: 'for cards', folder, cuda: true }]).found?.place;
  };
  try {
    process.env.PATH = `${driver}:${PATH}`;
    assert.is(choice(onCard), 'for cards');
    assert.is(choice(brokenAddon('libcudart.so.11.0: cannot open')), real.label);
    assert.is(choice(idleAddon()), real.label);
    process.env.PATH = '/usr/bin:/bin';
    assert.is(choice(onCard), real.label);
  } finally {
    process.env.PATH = PATH;
  }
});

/** Op by op, a function of one [2,3] matrix; together, what a transformer is made of. */
const differentiable: Record<string, (x: tf.Tensor2D) => tf.Tensor> = {
  add: (x) => tf.square(tf.add(x, tf.slice(x, [0, 0], [1, 3]))),
  sub: (x) => tf.square(tf.sub(x, tf.mean(x, 1, true))),
  mul: (x) => tf.mul(x, tf.sum(x, 0)),
  div: (x) => tf.div(x, tf.add(tf.square(x), 1)),
  rsqrt: (x) => tf.rsqrt(tf.add(tf.mean(tf.square(x), 1, true), 1)),
  sqrt: (x) => tf.sqrt(tf.add(tf.square(x), 1)),
  exp: (x) => tf.exp(x),
  log: (x) => tf.log(tf.add(tf.square(x), 1)),
  tanh: (x) => tf.tanh(x),
  sigmoid: (x) => tf.sigmoid(x),
  relu: (x) => tf.relu(x),
  maximum: (x) => tf.maximum(x, tf.neg(x)),
  softmax: (x) => tf.square(tf.softmax(x)),
  'log of softmax': (x) => tf.mul(x, tf.log(tf.softmax(x))),
  matMul: (x) => tf.square(tf.matMul(x, x, false, true)),
  'batched matMul': (x) => tf.square(tf.matMul(tf.stack([x, x]), tf.stack([x, x]), true)),
  transpose: (x) => tf.square(tf.matMul(tf.transpose(x), x)),
  reshape: (x) => tf.square(tf.matMul(tf.reshape(x, [3, 2]), x)),
  concat: (x) => tf.square(tf.matMul(x, tf.concat([x, x], 0), false, true)),
  split: (x) => tf.mul(...(tf.split(x, 2, 0) as [tf.Tensor, tf.Tensor])),
  where: (x) => tf.where(tf.tensor2d([[1, 0, 1]], [1, 3], 'bool'), tf.square(x), tf.mul(x, 3)),
  tile: (x) => tf.square(tf.tile(x, [2, 2])),
  max: (x) => tf.square(tf.max(x, 1)),
  erf: (x) => tf.erf(x),
  pow: (x) => tf.pow(x, tf.scalar(3)),
  'clip and cast': (x) => tf.square(tf.clipByValue(tf.cast(x, 'float32'), -0.5, 0.5)),
};

for (const backend of ['wasm', 'tensorflow'] as const) {
  const run = backend === 'tensorflow' ? testTensorflow : test;
  run(`gradients on ${backend} agree with finite differences`, async () => {
    await useBackend(backend);
    const x0 = [0.3, -0.7, 1.1, -1.3, 0.9, 0.4];
    for (const [op, f] of Object.entries(differentiable)) {
      const loss = (x: tf.Tensor) => tf.sum(f(tf.reshape(x, [2, 3]) as tf.Tensor2D)) as tf.Scalar;
      const gradient = await tf.grad(loss)(tf.tensor1d(x0)).data();
      const h = 1 / 128;
      for (let i = 0; i < x0.length; i++) {
        const at = (delta: number) =>
          tf.tidy(() => loss(tf.tensor1d(x0.with(i, x0[i] + delta))).dataSync()[0]);
        const slope = (at(h) - at(-h)) / (2 * h);
        const close = Math.abs(gradient[i] - slope) < 2e-3 * (1 + Math.abs(slope));
        assert.ok(close, `${op}, element ${i}: gradient ${gradient[i]}, slope ${slope}`);
      }
    }
  });
}

test('tfjs-node, where it is set up, shares the tfjs-core of the project', () => {
  for (const { folder, missing } of tensorflowCandidates()) {
    if (missing) continue;
    const core = require.resolve('@tensorflow/tfjs-core', { paths: [folder] });
    assert.is(core, require.resolve('@tensorflow/tfjs-core'));
  }
});

test('loading a backend prints nothing', () => {
  for (const backend of ['wasm', ...(hasTensorflow ? ['tensorflow'] : [])]) {
    const program = `require('./src/backend').useBackend('${backend}')`;
    const args = ['-r', 'ts-node/register', '-e', `${program}.catch(console.log)`];
    assert.is(
      execFileSync('sh', ['-c', '"$0" "$@" 2>&1', process.execPath, ...args], {
        cwd: root,
      }).toString(),
      '',
    );
  }
});

test.run();
