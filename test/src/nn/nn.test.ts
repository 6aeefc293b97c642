/** Gradients that are written out by hand, against those that tfjs derives from the formula. */
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { useBackend } from '../../../src/backend';
import { geluTanh } from '../../../src/nn/activation';
import { crossEntropy } from '../../../src/nn/loss';
import { rmsNorm } from '../../../src/nn/norm';
import { seededRandom } from '../../../src/util/random';

const random = seededRandom(1);
const normal = (...shape: number[]) =>
  tf.tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 4 * random() - 2),
    shape,
  );

function close(a: tf.Tensor, b: tf.Tensor, what: string) {
  assert.equal(a.shape, b.shape, what);
  const error = tf.max(tf.abs(tf.sub(a, b))).dataSync()[0];
  assert.ok(error < 1e-5, `${what}: off by ${error}`);
}

test.before(async () => {
  await useBackend();
});

test('RMSNorm: value and both gradients', () => {
  const [x, gain, dy] = [normal(2, 3, 5), normal(5), normal(2, 3, 5)];
  const plain = (v: tf.Tensor, g: tf.Tensor) => {
    const size = tf.sqrt(tf.add(tf.mean(tf.mul(v, v), -1, true), 1e-3));
    return tf.mul(tf.div(v, size), g);
  };
  const ours = (v: tf.Tensor, g: tf.Tensor) => rmsNorm(v, g as tf.Tensor1D, 1e-3);
  close(ours(x, gain), plain(x, gain), 'value');
  const [dx, dGain] = tf.grads(ours)([x, gain], dy);
  const [dxPlain, dGainPlain] = tf.grads(plain)([x, gain], dy);
  close(dx, dxPlain, 'gradient of x');
  close(dGain, dGainPlain, 'gradient of the gain');
});

test('GELU: value and gradient', () => {
  const [x, dy] = [normal(4, 50), normal(4, 50)];
  const plain = (v: tf.Tensor) => {
    const u = tf.mul(tf.add(v, tf.mul(tf.mul(v, tf.mul(v, v)), 0.044715)), Math.sqrt(2 / Math.PI));
    return tf.mul(tf.mul(v, 0.5), tf.add(tf.tanh(u), 1));
  };
  close(geluTanh(x), plain(x), 'value');
  close(tf.grad((v) => geluTanh(v))(x, dy), tf.grad(plain)(x, dy), 'gradient');
});

test('cross-entropy: value and gradient', () => {
  const logits = normal(6, 9) as tf.Tensor2D;
  const targets = [0, 8, 3, 3, 1, 7];
  const plain = (v: tf.Tensor) => {
    const wanted = tf.oneHot(tf.tensor1d(targets, 'int32'), 9);
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(v as tf.Tensor2D), wanted), 1)));
  };
  close(crossEntropy(logits, targets), plain(logits), 'value');
  const ours = (v: tf.Tensor) => crossEntropy(v as tf.Tensor2D, targets);
  close(tf.grad(ours)(logits), tf.grad(plain)(logits), 'gradient');
});

test.run();
