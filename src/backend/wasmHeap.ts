/** WebAssembly's heap: how large it is, and what becomes of an allocation that does not fit. */
import { InputError } from '../util/errors';
import { SETUP } from '../util/invocation';
import { formatBytes } from '../util/units';

/** What 32 bits can address. */
export const HEAP_BYTES = 2 ** 32;

/** The part of tfjs's wasm module that gives out memory. */
export interface WasmMemory {
  _malloc(bytes: number): number;
  _free(address: number): void;
}

const guarded = new WeakSet<WasmMemory>();

/**
 * Makes an allocation that fails an error. tfjs does not look: it would take 0 for the address of a
 * tensor, and what is computed then overwrites whatever lies there.
 */
export function guardAllocations(memory: WasmMemory): void {
  if (guarded.has(memory)) return;
  guarded.add(memory);
  // The first call puts the real function in the place of a stub.
  memory._free(memory._malloc(8));
  const allocate = memory._malloc;
  memory._malloc = (bytes) => {
    const address = bytes < HEAP_BYTES ? allocate(bytes) : 0;
    if (address || !bytes) return address;
    throw new InputError(
      `WebAssembly's heap of 4 GiB has no room for ${formatBytes(bytes)} more. Take fewer or shorter prompts at a time, a smaller model, or the tensorflow backend (${SETUP}).`,
    );
  };
}
