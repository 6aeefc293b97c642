/** Whether weights fit, asked before they are loaded: a failed allocation would end the process. */
import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../util/errors';
import { formatBytes } from '../util/units';
import { HEAP_BYTES } from './wasmHeap';
import type { WeightDtype } from './weightDtype';

/** How many numbers a model's weights are. */
export interface WeightCounts {
  /** In matrices, tables included. */
  matrices: number;
  /** In the largest table, which may be the output layer too. */
  largestTable: number;
  /** In gains and biases. */
  vectors: number;
}

export interface CheckedCounts extends WeightCounts {
  /** In the largest tensor of all. */
  largest: number;
}

/** A memory that weights must fit into. */
export interface MemoryLimit {
  /** For people: `this machine`. */
  place: string;
  bytes: number;
  /** Whether all weights must fit into it (the default), or each tensor by itself. */
  of?: 'all' | 'tensor';
}

/** What caches, activations and slices on their way take at most of a small allowance. */
const ROOM = 5e8;

/**
 * Bytes of weights on a backend. On wasm every matrix stands twice, as it is and packed for
 * products, and a tied table a third time, transposed.
 */
export function weightBytes(
  { matrices, largestTable, vectors }: WeightCounts,
  dtype: WeightDtype,
  backend: string,
): number {
  if (backend === 'wasm') return 4 * (2 * matrices + largestTable + vectors);
  return (dtype === 'float32' ? 4 : 2) * matrices + 4 * vectors;
}

/**
 * Bytes that keys and values may take beside a model's weights. On wasm the heap sets the limit: half
 * of what is left after room to work in, since rows that leave a batch are dropped by copying.
 * @param weights every tensor that the model holds
 */
export function roomForCache(weights: tf.Tensor[]): number {
  if (tf.getBackend() !== 'wasm') return Number.POSITIVE_INFINITY;
  // Packed at their first use, so that they may not stand in the heap yet.
  const packed = weights.reduce((sum, { rank, size }) => sum + (rank === 2 ? 4 * size : 0), 0);
  const left = Math.max(0, HEAP_BYTES - tf.memory().numBytes - packed);
  return (left - Math.min(ROOM, left / 2)) / 2;
}

/**
 * @param what names the weights: their folder
 * @param limits what there is for the backend in use; see `memoryLimits`
 * @throws InputError with the numbers when the weights, and some room to work in, do not fit
 */
export function checkMemory(
  what: string,
  counts: CheckedCounts,
  dtype: WeightDtype,
  limits: MemoryLimit[],
): void {
  const backend = tf.getBackend();
  const largest = (dtype === 'float32' ? 4 : 2) * counts.largest;
  const small = limits.find((limit) => limit.of === 'tensor' && largest > limit.bytes);
  if (small) {
    throw new InputError(
      `${what}: its largest tensor needs ${formatBytes(largest)} in ${dtype}; ${small.place} takes ${formatBytes(small.bytes)} at most.`,
    );
  }
  const bytes = weightBytes(counts, dtype, backend);
  const room = Math.min(ROOM, bytes);
  const tight = limits.find((limit) => limit.of !== 'tensor' && bytes + room > limit.bytes);
  if (!tight) return;
  const least = weightBytes(counts, 'bfloat16', 'tensorflow');
  const helps = backend === 'wasm' || dtype === 'float32';
  throw new InputError(
    `${what}: its weights need ${formatBytes(bytes)} in ${dtype} on ${backend}, and ${formatBytes(room)} to work in; ` +
      `${tight.place} has ${formatBytes(tight.bytes)} free.` +
      (helps ? ` On tensorflow with dtype bfloat16 they need ${formatBytes(least)}.` : ''),
  );
}
