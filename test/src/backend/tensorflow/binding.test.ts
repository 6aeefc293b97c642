import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { useBackend } from '../../../../src/backend';
import type { NodeBackend, Output } from '../../../../src/backend/tensorflow/binding';
import { InputError } from '../../../../src/util/errors';
import { testTensorflow } from '../../../where';

testTensorflow('a process ends before its tensors can no longer be numbered', async () => {
  await useBackend('tensorflow');
  const backend = tf.backend() as unknown as NodeBackend;
  const { binding } = backend;
  // Tensors as the addon would number them after some days.
  const late = (first: number): NodeBackend['binding'] => {
    const executeOp = (
      ...[name, attributes, inputs, count]: Parameters<typeof binding.executeOp>
    ) =>
      binding.executeOp(name, attributes, inputs, count).map((output: Output): Output => {
        return { ...output, id: output.id + first };
      });
    return Object.create(binding, { executeOp: { value: executeOp } });
  };
  const x = tf.tensor1d([1, 2]);
  tf.tidy(() => tf.relu(x).dataSync());
  for (const op of [tf.relu, tf.neg, (y: tf.Tensor) => tf.add(y, y)]) {
    backend.binding = late(2 ** 31 - 2 ** 20);
    try {
      tf.tidy(() => op(x));
      assert.unreachable();
    } catch (error) {
      assert.instance(error, InputError);
      assert.match((error as Error).message, /2100000000 tensors.* Start it again/);
    } finally {
      backend.binding = binding;
    }
  }
  x.dispose();
});

test.run();
