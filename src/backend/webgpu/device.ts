/**
 * What tfjs leaves out on webgpu. A card's faults are said in events that nobody listens to, and what
 * is read afterwards is zeros; here a read throws instead. Free buffers never leave the pool: each
 * length of a cache is a new size, so that it would grow with every token.
 */
import { InputError } from '../../util/errors';
import { formatBytes } from '../../util/units';

/** What is used of a `GPUDevice`. */
export interface Device {
  limits: { maxBufferSize: number; maxStorageBufferBindingSize: number };
  lost: Promise<{ reason?: string; message: string }>;
  createBuffer(descriptor: { size: number }): Buffer;
  addEventListener(
    type: 'uncapturederror',
    listener: (event: { error: { message: string } }) => void,
  ): void;
}

interface Buffer {
  size: number;
  destroy(): void;
}

/** What is used of tfjs's webgpu backend. */
export interface WebgpuBackend {
  device: Device;
  bufferManager: {
    /** By size and use. */
    freeBuffers: Map<string, Buffer[]>;
    numFreeBuffers: number;
    numBytesAllocated: number;
    numBytesUsed: number;
  };
  read(dataId: object): Promise<unknown>;
  readSync(dataId: object): unknown;
}

/** Bytes that free buffers may have together. */
const MOST_FREE = 128e6;

/** The largest tensor that a device can hold, in bytes. */
export const largestBuffer = ({ limits }: Device): number =>
  Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);

/**
 * Has every read throw once something has failed on the card, has buffers refused that it can't hold,
 * and frees buffers that are not in use.
 */
export function guardDevice(backend: WebgpuBackend): void {
  const { device } = backend;
  let failure: InputError | undefined;
  const fail = (message: string) => {
    failure ??= new InputError(
      `The graphics card failed, and what it computes no longer counts: ${message} Reload the page, or choose WebAssembly (?backend=wasm).`,
    );
  };
  device.addEventListener('uncapturederror', ({ error }) => fail(error.message));
  device.lost.then(
    ({ reason, message }) => reason === 'destroyed' || fail(`it is lost. ${message}`),
  );

  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    if (descriptor.size <= largestBuffer(device)) return create(descriptor);
    throw new InputError(
      `The graphics card holds ${formatBytes(largestBuffer(device))} at most in one tensor; ${formatBytes(descriptor.size)} are needed. Take a shorter prompt, or choose WebAssembly (?backend=wasm).`,
    );
  };

  const read = backend.read.bind(backend);
  backend.read = async (dataId) => {
    const values = await read(dataId).catch((error) => {
      throw failure ?? error;
    });
    if (failure) throw failure;
    const { numBytesAllocated, numBytesUsed } = backend.bufferManager;
    if (numBytesAllocated - numBytesUsed > MOST_FREE) destroyFree(backend);
    return values;
  };
  const readSync = backend.readSync.bind(backend);
  backend.readSync = (dataId) => {
    if (failure) throw failure;
    return readSync(dataId);
  };
}

function destroyFree({ bufferManager }: WebgpuBackend): void {
  for (const buffers of bufferManager.freeBuffers.values()) {
    // The list stays: the pool counts on it.
    for (const buffer of buffers.splice(0)) {
      buffer.destroy();
      bufferManager.numFreeBuffers--;
      bufferManager.numBytesAllocated -= buffer.size;
    }
  }
}
