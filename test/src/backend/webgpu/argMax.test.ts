import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { useBackend } from '../../../../src/backend';
import { giveFirstOfTies } from '../../../../src/backend/webgpu/argMax';

test('the first of equal values, along any axis', async () => {
  await useBackend('wasm');
  giveFirstOfTies('wasm');
  const rows = Array.from({ length: 3 }, (_, i) =>
    Array.from({ length: 200 }, (_, j) => ((j * 37 + i * 11) % 13) - 20),
  );
  const first = (values: number[]) => values.indexOf(Math.max(...values));
  const columns = rows[0].map((_, j) => rows.map((row) => row[j]));
  const before = tf.memory().numTensors;
  const x = tf.tensor2d(rows);
  const found = [tf.argMax(x, 1), tf.argMax(x, -1), tf.argMax(x, 0)];
  const expected = [rows.map(first), rows.map(first), columns.map(first)];
  for (const [i, one] of found.entries()) {
    assert.is(one.dtype, 'int32');
    assert.equal([...one.dataSync()], expected[i]);
  }
  tf.dispose([x, found]);
  assert.is(tf.memory().numTensors, before);
});

test.run();
