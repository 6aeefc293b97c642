/**
 * Chooses the TensorFlow.js backend. The only file that loads one; everything else knows
 * `@tensorflow/tfjs-core` alone, and so could also run in a browser.
 */
import { createRequire } from 'node:module';
import * as path from 'node:path';
// The module itself, not the copy that `import *` makes: tfjs-node sees what is added to it.
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { didYouMean, InputError } from '../util/errors';
import { INSTALL, SETUP } from '../util/invocation';
import { projectRoot } from '../util/version';
import { cardInUse, graphicsCards, useOneCard } from './card';
import { registerChainedOps } from './chainedOps';
import { registerGradients } from './gradients';
import { graphMode } from './graphMode';
import type { BackendInfo } from './info';
import type { MemoryLimit } from './memory';
import { mustCompute } from './mustCompute';
import { recordWith } from './replay';
import { limitTensors, type NodeBackend } from './tensorflow/binding';
import { inOrder, type TensorflowCandidate, tensorflowCandidates } from './tensorflow/candidates';
import { graphRecorder } from './tensorflow/graph';
import { speedUpKernels } from './tensorflow/kernels';
import { tensorflowOps } from './tensorflow/ops';
import { guardAllocations, HEAP_BYTES, type WasmMemory } from './wasmHeap';

export type { BackendInfo, BackendName } from './info';
export { tensorflowCandidates } from './tensorflow/candidates';

/** No backend as asked for; `reasons` says why for each place where one was looked for. */
export class BackendError extends InputError {
  constructor(
    message: string,
    readonly reasons: Record<string, string> = {},
  ) {
    super(message);
  }
}

/** First line of an error, short enough for one line of a report. */
function reason(error: unknown): string {
  const line = String((error as Error)?.message ?? error).split('\n')[0];
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}

/** Runs `load` with tfjs's greetings kept off the screen; other warnings pass. */
async function quietly<T>(load: () => T | Promise<T>): Promise<T> {
  const { warn, log } = console;
  const chatter = /platform node has already been set|Hi, looks like you are running TensorFlow/;
  const filter =
    (print: typeof warn) =>
    (...args: unknown[]) => {
      if (!chatter.test(String(args[0]))) print(...args);
    };
  console.warn = filter(warn);
  console.log = filter(log);
  try {
    return await load();
  } finally {
    console.warn = warn;
    console.log = log;
  }
}

/** Settings that libtensorflow reads when it is loaded; what the user has set stays. */
function prepareForTensorflow(): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  // oneDNN, which newer processors get, announces itself at every start, and rounds in a graph
  // otherwise than op by op. Matrix products take as long without it.
  process.env.TF_ENABLE_ONEDNN_OPTS ??= '0';
  // Take GPU memory as needed, not the whole card.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  // TF32 rounds float32 matmuls to 10 bits: too coarse to compare with a reference.
  process.env.NVIDIA_TF32_OVERRIDE ??= '0';
  useOneCard(process.env);
  // tfjs-node 4.22 calls two helpers that Node 22 warns of and Node 23 lacks.
  Object.assign(util, {
    isNullOrUndefined: (x: unknown) => x === null || x === undefined,
    isArray: Array.isArray,
  });
}

/** Forgets a backend that can't be used, so that another one may take its name. */
function forget(backend: string): void {
  for (const { kernelName } of tf.getKernelsForBackend(backend)) {
    tf.unregisterKernel(kernelName, backend);
  }
  if (tf.findBackendFactory(backend)) tf.removeBackend(backend);
}

/** The tfjs-node that this process has loaded; it can't be loaded twice. */
let loaded: { folder: string; info: BackendInfo } | undefined;

/** Loads tfjs-node from `folder` and makes it tfjs-core's backend. Throws what the load throws. */
async function loadTensorflow({ folder, label }: TensorflowCandidate): Promise<BackendInfo> {
  if (loaded?.folder === folder && (await tf.setBackend('tensorflow'))) return loaded.info;
  prepareForTensorflow();
  return quietly(async () => {
    createRequire(path.join(projectRoot, 'package.json'))(folder);
    if (!(await tf.setBackend('tensorflow'))) throw new Error('it did not initialize');
    await tf.ready();
    const backend = tf.backend() as unknown as NodeBackend;
    limitTensors(backend);
    const op = tensorflowOps(backend);
    speedUpKernels(op);
    await mustCompute();
    const gpu = backend.isUsingGpuDevice;
    recordWith(graphMode() === 'off' ? null : graphRecorder(backend, op));
    registerGradients();
    const detail = `libtensorflow ${backend.binding.TF_Version}, ${gpu ? 'GPU' : 'CPU'}`;
    const functions = backend.binding.addFunction !== undefined;
    loaded = { folder, info: { name: 'tensorflow', detail, gpu, place: label, functions } };
    return loaded.info;
  });
}

/** Loads the WebAssembly backend (one thread; Node has no more for it). */
async function loadWasm(): Promise<BackendInfo> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  const main = require.resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(`${path.dirname(main)}${path.sep}`);
  const ok = await quietly(() => tf.setBackend('wasm'));
  if (!ok) throw new Error('WebAssembly did not initialize');
  await tf.ready();
  guardAllocations((tf.backend() as unknown as { wasm: WasmMemory }).wasm);
  await mustCompute();
  registerGradients();
  registerChainedOps();
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  return { name: 'wasm', detail: `${simd ? 'SIMD' : 'no SIMD'}, 1 thread`, gpu: false };
}

/** The first candidate that loads and computes, or why each does not. */
async function firstTensorflow(
  candidates: TensorflowCandidate[],
): Promise<{ info?: BackendInfo; reasons: Record<string, string> }> {
  const reasons: Record<string, string> = {};
  for (const candidate of inOrder(candidates)) {
    try {
      if (!candidate.missing) return { info: await loadTensorflow(candidate), reasons };
      reasons[candidate.label] = candidate.missing;
    } catch (error) {
      reasons[candidate.label] = reason(error);
      forget('tensorflow');
    }
  }
  return { reasons };
}

/**
 * Makes a backend ready for tfjs-core, gradients included, and says which. The choice is
 * `requested` (a config's `backend` key), else the environment's TILLER_BACKEND, else `auto`:
 * tensorflow where it loads and computes (on the GPU when there is one), otherwise wasm.
 * @throws InputError for an unknown name, or when the requested backend can't be used: why, and the
 *   command to run.
 */
export async function useBackend(
  requested?: string,
  candidates = tensorflowCandidates(),
): Promise<BackendInfo> {
  // Refuses a misspelt TILLER_GRAPHS, on every backend.
  graphMode();
  const choice = requested || process.env.TILLER_BACKEND || 'auto';
  const source = requested ? 'backend' : 'TILLER_BACKEND';
  if (!['auto', 'tensorflow', 'wasm'].includes(choice)) {
    const hint = didYouMean(choice, ['auto', 'tensorflow', 'wasm']);
    throw new InputError(`${source}: "${choice}" is not one of auto, tensorflow, wasm.${hint}`);
  }
  if (choice !== 'wasm') {
    const found = await firstTensorflow(candidates);
    if (found.info) return found.info;
    if (choice === 'tensorflow') {
      const why = Object.entries(found.reasons).map(([label, because]) => `${label}: ${because}`);
      throw new BackendError(
        `The tensorflow backend, requested by ${source}, can't be used (${why.join('; ')}).\n` +
          `Run: ${SETUP}   (or use wasm: TILLER_BACKEND=wasm)`,
        found.reasons,
      );
    }
  }
  try {
    return await loadWasm();
  } catch (error) {
    throw new BackendError(`The wasm backend can't be used (${reason(error)}).\nRun: ${INSTALL}`, {
      wasm: reason(error),
    });
  }
}

/**
 * The memories that a model must fit into on the backend in use, and what they have free now; none
 * where it can't be told, as with several different cards.
 */
export function memoryLimits(): MemoryLimit[] {
  const machine = { place: 'this machine', bytes: process.availableMemory() };
  if (tf.getBackend() === 'wasm') {
    // What is loaded already stands there twice, as it is and packed.
    const bytes = Math.max(0, HEAP_BYTES - 2 * tf.memory().numBytes);
    return [{ place: "WebAssembly's heap of 4 GiB", bytes }, machine];
  }
  const onCard =
    tf.getBackend() === 'tensorflow' && (tf.backend() as unknown as NodeBackend).isUsingGpuDevice;
  if (!onCard) return [machine];
  const card = cardInUse(graphicsCards(), process.env);
  return card && card.free > 0 ? [{ place: `the ${card.name}`, bytes: card.free }] : [];
}
