/** On tensorflow: functions that are one kernel there, against their ops. */
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { useBackend } from '../../../../src/backend';
import { geluTanh } from '../../../../src/nn/activation';
import { attention } from '../../../../src/nn/attention';
import type { FusedAttributes } from '../../../../src/nn/fused';
import { linear } from '../../../../src/nn/linear';
import { layerNorm, rmsNorm } from '../../../../src/nn/norm';
import { applyRope } from '../../../../src/nn/rope';
import { seededRandom } from '../../../../src/util/random';
import { hasTensorflow, testWhere } from '../../../where';

const here = hasTensorflow && process.env.TILLER_BACKEND !== 'wasm';
const testKernels = testWhere(here, 'these kernels are for tensorflow');

const random = seededRandom(3);
const normal = <T extends tf.Tensor>(...shape: number[]): T =>
  tf.tensor(
    Array.from({ length: shape.reduce((a, b) => a * b) }, () => 2 * random() - 1),
    shape,
  ) as T;

function close(found: ArrayLike<number>, wanted: ArrayLike<number>, what: string) {
  assert.is(found.length, wanted.length, what);
  let worst = 0;
  for (let i = 0; i < found.length; i++) worst = Math.max(worst, Math.abs(found[i] - wanted[i]));
  assert.ok(worst < 1e-5, `${what}: off by ${worst}`);
}

test.before(async () => {
  await useBackend();
});

/** What `run` gives by the kernel, and by the ops that the kernel stands for. */
function bothWays(name: keyof FusedAttributes, run: () => tf.Tensor) {
  const config = tf.getKernel(name, 'tensorflow');
  assert.ok(config, name);
  const fused = run();
  tf.unregisterKernel(name, 'tensorflow');
  try {
    const ops = run();
    assert.equal(fused.shape, ops.shape, name);
    close(fused.dataSync(), ops.dataSync(), name);
  } finally {
    tf.registerKernel(config);
  }
}

testKernels('a kernel computes what its ops do', () => {
  tf.tidy(() => {
    const vector = (n: number) => normal<tf.Tensor1D>(n);
    const [gain, bias, matrix, bias5] = [
      vector(8),
      vector(8),
      normal<tf.Tensor2D>(8, 5),
      vector(5),
    ];
    for (const shape of [
      [2, 3, 8],
      [1, 1, 8],
      [5, 8],
    ]) {
      const x = normal(...shape);
      bothWays('LayerNorm', () => layerNorm(x, { gain, bias }, 1e-3));
      bothWays('RMSNorm', () => rmsNorm(x, gain, 1e-3));
      bothWays('GeluTanh', () => geluTanh(tf.mul(x, 4)));
      bothWays('Linear', () => linear(x, matrix));
      bothWays('Linear', () => linear(x, matrix, bias5));
    }
    for (const [batch, length] of [
      [2, 3],
      [2, 1],
      [1, 1],
    ]) {
      const x = normal<tf.Tensor4D>(batch, 4, length, 6);
      const table = () => normal<tf.Tensor4D>(batch, 1, length, 6);
      const tables = { cos: table(), sin: table() };
      bothWays('Rope', () => applyRope(x, tables));
      for (const kvHeads of [4, 2, 1]) {
        for (const columns of [[7], [4, 1, 2]]) {
          const pieces = () => columns.map((n) => normal<tf.Tensor4D>(batch, kvHeads, n, 6));
          const [keys, values] = [pieces(), pieces()];
          const sizes = columns.length > 1 ? tf.tensor1d(columns, 'int32') : null;
          for (const mask of [null, normal<tf.Tensor4D>(batch, 1, length, 7)]) {
            const options = { scale: 0.5, softcap: mask ? 2 : null, mask };
            bothWays('Attention', () => attention(x, { keys, values, columns: sizes }, options));
          }
        }
      }
    }
  });
});

test.run();
