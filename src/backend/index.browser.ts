/** As index.ts, in a browser: wasm alone. The only other file that loads a backend. */
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../util/errors';
import type { BackendInfo } from './info';
import type { MemoryLimit } from './memory';
import { guardAllocations, HEAP_BYTES, type WasmMemory } from './wasmHeap';

/**
 * Makes wasm ready for tfjs-core.
 * @param folder where its .wasm lies, with a slash at its end
 * @throws InputError where the browser can't run it
 */
export async function useBackend(folder: string): Promise<BackendInfo> {
  setWasmPaths(folder);
  // Its threads gave nothing on two cores, and need headers that few hosts of static pages send.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'))) {
    throw new InputError(
      'This browser has no SIMD in WebAssembly. Any of the last years has: update it.',
    );
  }
  if (!(await tf.setBackend('wasm'))) {
    throw new InputError('WebAssembly did not start: the browser or its settings do not allow it.');
  }
  await tf.ready();
  guardAllocations((tf.backend() as unknown as { wasm: WasmMemory }).wasm);
  return { name: 'wasm', detail: 'SIMD, 1 thread', gpu: false };
}

/** The heap alone: a browser does not say what memory there is. */
export function memoryLimits(): MemoryLimit[] {
  const bytes = Math.max(0, HEAP_BYTES - 2 * tf.memory().numBytes);
  return [{ place: "WebAssembly's heap of 4 GiB", bytes }];
}
