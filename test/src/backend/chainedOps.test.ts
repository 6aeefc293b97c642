import * as fs from 'node:fs';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { useBackend } from '../../../src/backend';

test.before(async () => {
  await useBackend();
});

test('tensors have every method that tfjs gives them elsewhere', () => {
  const folder = path.join(
    path.dirname(require.resolve('@tensorflow/tfjs-core')),
    'public/chained_ops',
  );
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.js'));
  const names = files.flatMap((file) => {
    const text = fs.readFileSync(path.join(folder, file), 'utf8');
    return [...text.matchAll(/prototype\.(\w+) = function/g)].map(([, name]) => name);
  });
  assert.ok(names.length > 120, `${names.length} methods`);
  const methods = tf.Tensor.prototype as unknown as Record<string, unknown>;
  assert.equal(
    names.filter((name) => typeof methods[name] !== 'function'),
    [],
  );
});

test('a method is the function of its name', () => {
  tf.tidy(() => {
    const x = tf.tensor2d([1, -2, 3, 4, 5, -6], [2, 3]);
    const y = tf.scalar(2);
    const pairs: [tf.Tensor, tf.Tensor][] = [
      [x.reshape([3, 2]).transpose(), tf.transpose(tf.reshape(x, [3, 2]))],
      [x.mean(1, true).sub(x), tf.sub(tf.mean(x, 1, true), x)],
      [x.matMul(x, false, true).softmax(), tf.softmax(tf.matMul(x, x, false, true))],
      [x.slice([0, 1], [2, 1]).squeeze([1]), tf.squeeze(tf.slice(x, [0, 1], [2, 1]), [1])],
      [x.gather([1, 0]).argMax(-1), tf.argMax(tf.gather(x, [1, 0]), -1)],
      [x.norm(), tf.norm(x)],
      [x.concat(x, 1), tf.concat([x, x], 1)],
      [x.concat([x, x]), tf.concat([x, x, x])],
      [x.stack(x), tf.stack([x, x])],
      [x.flatten(), tf.reshape(x, [6])],
      [x.as1D(), tf.reshape(x, [6])],
      [x.as2D(1, 6), tf.reshape(x, [1, 6])],
      [x.as3D(1, 2, 3), tf.reshape(x, [1, 2, 3])],
      [y.as1D().asScalar(), y],
      [x.reshapeAs(tf.zeros([6])), tf.reshape(x, [6])],
      [x.toInt().mod(y.toInt()).toFloat(), tf.mod(x, y)],
      [x.where(x.greater(0), tf.zerosLike(x)), tf.relu(x)],
      [x.unstack()[1], tf.unstack(x)[1]],
      [x.topk(2).values, tf.topk(x, 2).values],
      [x.split(3, 1)[2], tf.split(x, 3, 1)[2]],
    ];
    for (const [i, [found, wanted]] of pairs.entries()) {
      assert.equal([found.shape, found.dtype], [wanted.shape, wanted.dtype], `${i}`);
      assert.equal([...found.dataSync()], [...wanted.dataSync()], `${i}`);
    }
  });
  const gone = tf.scalar(1);
  gone.dispose();
  assert.throws(() => gone.add(1), /disposed/);
});

test.run();
