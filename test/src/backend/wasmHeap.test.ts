/** WebAssembly's heap: allocations that fail, and how much of it keys and values may take. */
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { useBackend } from '../../../src/backend';
import { roomForCache } from '../../../src/backend/memory';
import { guardAllocations, HEAP_BYTES, type WasmMemory } from '../../../src/backend/wasmHeap';
import { BatchSizer } from '../../../src/engine/batchSizer';
import { InputError } from '../../../src/util/errors';

test.before(async () => void (await useBackend('wasm')));

const full = (error: Error) =>
  error instanceof InputError && /heap of 4 GiB has no room for .*tensorflow/.test(error.message);

test('an allocation that fails is an error, not the address 0', () => {
  const asked: number[] = [];
  const memory: WasmMemory = {
    // Addresses above 2 GiB come as negative numbers.
    _malloc(bytes) {
      asked.push(bytes);
      return bytes > 1000 ? 0 : -bytes;
    },
    _free() {},
  };
  guardAllocations(memory);
  guardAllocations(memory);
  asked.length = 0;
  assert.is(memory._malloc(7), -7);
  assert.ok(Object.is(memory._malloc(0), -0));
  assert.throws(() => memory._malloc(2000), full);
  assert.equal(asked, [7, 0, 2000], 'each is asked for once');
  assert.throws(() => memory._malloc(HEAP_BYTES + 4), full);
  assert.is(asked.length, 3, 'what 32 bits cannot say is not asked for');
});

test('a tensor beyond the heap ends in that error, and the backend goes on', () => {
  const size = 2 ** 29 + 1;
  assert.throws(() => tf.tidy(() => tf.tile(tf.ones([1, 1]), [2, size])), full);
  assert.equal([...tf.tidy(() => tf.add(tf.tensor1d([1, 2]), 1)).dataSync()], [2, 3]);
});

test('keys and values get half of what weights, once packed, leave of the heap', () => {
  const before = roomForCache([]);
  assert.ok(before > 1.5e9 && before < HEAP_BYTES / 2, String(before));
  const matrix = tf.zeros([1000, 1000]);
  const vector = tf.zeros([1000]);
  assert.is(before - roomForCache([vector]), (4e6 + 4e3) / 2);
  assert.is(before - roomForCache([matrix, vector]), (8e6 + 4e3) / 2, 'matrices stand there twice');
  tf.dispose([matrix, vector]);
});

test('as many rows as there is room for, and always one', () => {
  const config = {
    ...{ nLayers: 2, dModel: 8, nHeads: 2, kvHeads: 2, headDim: 4, vocabSize: 9 },
    ...{ intermediateSize: 8, maxPositions: 100 },
  };
  const prompts = Array.from({ length: 64 }, () => [1, 2, 3, 4]);
  // A row: 2 layers, 2 heads, 4 numbers and 4 bytes for each of keys and values, 10 columns.
  const perRow = 2 * 2 * 4 * 8 * 10;
  const size = (room?: number, more = {}) =>
    new BatchSizer(config, prompts, { maxNewTokens: 6, batchSize: 64, ...more }, room).size;
  assert.is(size(), 64);
  assert.is(size(20.5 * perRow), 20);
  assert.is(size(20.5 * perRow, { cacheBytes: 5 * perRow }), 5, 'the smaller limit counts');
  assert.is(size(0), 1);
});

test.run();
