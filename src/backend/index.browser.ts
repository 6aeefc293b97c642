/** As index.ts, in a browser: wasm or webgpu. */
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { didYouMean, InputError } from '../util/errors';
import type { BackendInfo } from './info';
import type { MemoryLimit } from './memory';
import { guardAllocations, HEAP_BYTES, type WasmMemory } from './wasmHeap';
import { largestBuffer, type WebgpuBackend } from './webgpu/device';

const NAMES = ['wasm', 'webgpu'];

/**
 * Makes a backend ready for tfjs-core: webgpu where there is a graphics card, else wasm.
 * @param folder where the .wasm lies, with a slash at its end
 * @param requested the name of one: webgpu then takes an adapter in software too. Where it can't be
 *   used, wasm is, and its `detail` says why
 * @throws InputError for an unknown name, and where the browser can't run wasm
 */
export async function useBackend(folder: string, requested?: string): Promise<BackendInfo> {
  if (requested && !NAMES.includes(requested)) {
    const hint = didYouMean(requested, NAMES);
    throw new InputError(`backend: "${requested}" is not one of ${NAMES.join(', ')}.${hint}`);
  }
  if (requested === 'wasm') return useWasm(folder);
  const adapter = await findAdapter();
  const isReal = adapter && !adapter.isFallbackAdapter && !adapter.info?.isFallbackAdapter;
  if (!isReal && !requested) return useWasm(folder);
  try {
    if (!adapter) throw new Error('the browser offers no graphics card');
    const { startWebgpu } = await import('./webgpu/start.browser');
    await startWebgpu();
    const { vendor, architecture } = adapter.info ?? {};
    const detail = [vendor, architecture].filter(Boolean).join(' ') || 'unknown card';
    return { name: 'webgpu', detail, gpu: Boolean(isReal) };
  } catch (error) {
    const wasm = await useWasm(folder);
    const why = `webgpu can't be used: ${(error as Error).message}`;
    return { ...wasm, detail: `${wasm.detail}; ${why}` };
  }
}

/** What is used of a `GPUAdapter`. Older browsers say at the adapter itself what it is. */
interface Adapter {
  isFallbackAdapter?: boolean;
  info?: { vendor: string; architecture: string; isFallbackAdapter?: boolean };
}

/** The adapter that tfjs will take. */
async function findAdapter(): Promise<Adapter | null | undefined> {
  const { gpu } = navigator as { gpu?: { requestAdapter(wish: object): Promise<Adapter | null> } };
  return gpu?.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
}

async function useWasm(folder: string): Promise<BackendInfo> {
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

/** Of webgpu what one tensor may have, of wasm the heap: a browser does not say what memory there is. */
export function memoryLimits(): MemoryLimit[] {
  if (tf.getBackend() === 'webgpu') {
    const { device } = tf.backend() as unknown as WebgpuBackend;
    const place = 'one buffer of the graphics card';
    return [{ place, bytes: largestBuffer(device), of: 'tensor' }];
  }
  const bytes = Math.max(0, HEAP_BYTES - 2 * tf.memory().numBytes);
  return [{ place: "WebAssembly's heap of 4 GiB", bytes }];
}
