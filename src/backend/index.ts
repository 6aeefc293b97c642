/**
 * Chooses the TensorFlow.js backend. The only file that loads one; everything else knows
 * `@tensorflow/tfjs-core` alone, and so could also run in a browser.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import * as util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { didYouMean, InputError } from '../util/errors';
import { registerGradients } from './gradients';
import type { MemoryLimit } from './memory';
import { recordWith } from './replay';
import type { NodeBackend } from './tensorflow/binding';
import { graphRecorder } from './tensorflow/graph';
import { speedUpKernels } from './tensorflow/kernels';
import { tensorflowOps } from './tensorflow/ops';

export type BackendName = 'tensorflow' | 'wasm';

export interface BackendInfo {
  name: BackendName;
  /** For people: the library, its version and device. */
  detail: string;
  gpu: boolean;
}

/** A place where tfjs-node may be, with its native part or without. */
export interface TensorflowCandidate {
  /** `@tensorflow/tfjs-node-gpu`, or `.tensorflow` for what `npm run setup:tensorflow` made. */
  label: string;
  folder: string;
  /** Why it can't be used; undefined when all files are in place. */
  missing?: string;
}

const root = path.join(__dirname, '../..');
const setupCommand = 'npm run setup:tensorflow';

/** Where tfjs-node is looked for, in order of preference; loads nothing. */
export function tensorflowCandidates(): TensorflowCandidate[] {
  const places: [string, string][] = [
    ['.tensorflow', path.join(root, '.tensorflow/node_modules/@tensorflow/tfjs-node')],
    ['@tensorflow/tfjs-node-gpu', path.join(root, 'node_modules/@tensorflow/tfjs-node-gpu')],
    ['@tensorflow/tfjs-node', path.join(root, 'node_modules/@tensorflow/tfjs-node')],
  ];
  return places.map(([label, folder]) => ({ label, folder, missing: whatIsMissing(folder) }));
}

function whatIsMissing(folder: string): string | undefined {
  if (!fs.existsSync(path.join(folder, 'package.json'))) return 'not installed';
  const lib = path.join(folder, 'lib');
  const builds = fs.existsSync(lib) ? fs.readdirSync(lib) : [];
  if (!builds.some((build) => fs.existsSync(path.join(lib, build, 'tfjs_binding.node')))) {
    return 'installed without its native part (tfjs_binding.node)';
  }
  const libraries = path.join(folder, 'deps/lib');
  const found = fs.existsSync(libraries) ? fs.readdirSync(libraries) : [];
  return found.some((name) => name.startsWith('libtensorflow') || name === 'tensorflow.dll')
    ? undefined
    : 'its libtensorflow is missing';
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
  // Take GPU memory as needed, not the whole card.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  // TF32 rounds float32 matmuls to 10 bits: too coarse to compare with a reference.
  process.env.NVIDIA_TF32_OVERRIDE ??= '0';
  // tfjs-node 4.22 calls two helpers that Node 23 removed.
  const old = util as unknown as Record<string, unknown>;
  old.isNullOrUndefined ??= (x: unknown) => x === null || x === undefined;
  old.isArray ??= Array.isArray;
}

/** Loads tfjs-node from `folder` and makes it tfjs-core's backend. Throws what the load throws. */
export async function loadTensorflow(folder: string): Promise<BackendInfo> {
  prepareForTensorflow();
  return quietly(async () => {
    createRequire(path.join(root, 'package.json'))(folder);
    if (!(await tf.setBackend('tensorflow'))) throw new Error('it did not initialize');
    await tf.ready();
    const backend = tf.backend() as unknown as NodeBackend;
    const op = tensorflowOps(backend);
    speedUpKernels(op);
    const gpu = backend.isUsingGpuDevice;
    // A graph takes its inputs from the CPU, so on a GPU all weights would be copied for every run.
    recordWith(gpu || process.env.TILLER_GRAPHS === 'off' ? null : graphRecorder(backend, op));
    const detail = `libtensorflow ${backend.binding.TF_Version}, ${gpu ? 'GPU' : 'CPU'}`;
    return { name: 'tensorflow', detail, gpu } as const;
  });
}

/** Loads the WebAssembly backend (one thread; Node has no more for it). */
export async function loadWasm(): Promise<BackendInfo> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  const main = require.resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(`${path.dirname(main)}${path.sep}`);
  const ok = await quietly(() => tf.setBackend('wasm'));
  if (!ok) throw new Error('WebAssembly did not initialize');
  await tf.ready();
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  return { name: 'wasm', detail: `${simd ? 'SIMD' : 'no SIMD'}, 1 thread`, gpu: false };
}

/** The first candidate that loads, or why none does. */
async function firstTensorflow(candidates: TensorflowCandidate[]): Promise<BackendInfo | string> {
  const failures: string[] = [];
  for (const { label, folder, missing } of candidates) {
    if (missing) {
      failures.push(`${label}: ${missing}`);
      continue;
    }
    try {
      return await loadTensorflow(folder);
    } catch (error) {
      failures.push(`${label}: ${reason(error)}`);
    }
  }
  return failures.join('; ');
}

/**
 * Makes a backend ready for tfjs-core, gradients included, and says which. The choice is
 * `requested` (a config's `backend` key), else the environment's TILLER_BACKEND, else `auto`:
 * tensorflow where it loads (on the GPU when there is one), otherwise wasm.
 * @throws InputError for an unknown name, or when the requested backend can't be loaded: why, and
 *   the command to run.
 */
export async function useBackend(
  requested?: string,
  candidates = tensorflowCandidates(),
): Promise<BackendInfo> {
  const choice = requested || process.env.TILLER_BACKEND || 'auto';
  const source = requested ? 'backend' : 'TILLER_BACKEND';
  if (!['auto', 'tensorflow', 'wasm'].includes(choice)) {
    const hint = didYouMean(choice, ['auto', 'tensorflow', 'wasm']);
    throw new InputError(`${source}: "${choice}" is not one of auto, tensorflow, wasm.${hint}`);
  }
  let info: BackendInfo | string = choice === 'wasm' ? '' : await firstTensorflow(candidates);
  if (typeof info === 'string' && choice === 'tensorflow') {
    throw new InputError(
      `The tensorflow backend, requested by ${source}, can't be loaded (${info}).\n` +
        `Run: ${setupCommand}   (or use wasm: TILLER_BACKEND=wasm)`,
    );
  }
  if (typeof info === 'string') {
    try {
      info = await loadWasm();
    } catch (error) {
      throw new InputError(`The wasm backend can't be loaded (${reason(error)}).\nRun: npm ci`);
    }
  }
  registerGradients();
  return info;
}

/** The memories that a model must fit into on the backend in use, and what they have free now. */
export function memoryLimits(): MemoryLimit[] {
  const machine = { place: 'this machine', bytes: process.availableMemory() };
  if (tf.getBackend() === 'wasm') {
    return [{ place: "WebAssembly's heap of 4 GiB", bytes: 2 ** 32 }, machine];
  }
  const onCard = tf.getBackend() === 'tensorflow' && isOnGpu();
  const card = onCard ? freeOnCard() : null;
  return onCard ? (card ? [card] : []) : [machine];
}

const isOnGpu = () => (tf.backend() as unknown as NodeBackend).isUsingGpuDevice;

/** Free memory of the first card, as its driver says; null where it does not. */
function freeOnCard(): MemoryLimit | null {
  const query = ['--query-gpu=memory.free', '--format=csv,noheader,nounits'];
  const { status, stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' });
  const mebibytes = status === 0 ? Number.parseInt(stdout, 10) : Number.NaN;
  return mebibytes > 0 ? { place: 'the graphics card', bytes: mebibytes * 2 ** 20 } : null;
}
