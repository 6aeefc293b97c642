import * as tf from '@tensorflow/tfjs-core';
import { isFloat } from '../../weights/safetensors/dtypes';
import type { TensorReader } from '../../weights/safetensors/tensorReader';
import { memoryLimits } from '../backend';
import { type CheckedCounts, checkMemory } from '../backend/memory';
import { putMatrix, type StoredMatrix } from '../backend/tensorflow/weights16';
import { WEIGHT_DTYPES, type WeightDtype } from '../backend/weightDtype';
import { checkKeys } from '../util/check';
import { didYouMean, InputError } from '../util/errors';
import { SETUP } from '../util/invocation';
import { type CheckpointNames, HEAD, isOfNoEffect, resolver } from './names';

/**
 * Where a model's weights come from. A model describes itself once, by asking a source for each
 * tensor under its checkpoint name; loading, random initialisation and saving are three sources.
 */
export interface WeightSource {
  /** A linear layer, stored [out, in] in the checkpoint → [in, out]. */
  linear(name: string, inner: number, outer: number): tf.Tensor2D;
  /** A table as it is stored, [rows, columns]; also a linear layer that is stored [in, out]. */
  table(name: string, rows: number, columns: number): tf.Tensor2D;
  /** The gain of a norm → [n]. */
  gain(name: string, n: number): tf.Tensor1D;
  /** The bias of a norm or of a linear layer → [n]. */
  bias(name: string, n: number): tf.Tensor1D;
  /** The gain of a norm that the checkpoint stores less one (Gemma) → [n], the one added. */
  gainLessOne(name: string, n: number): tf.Tensor1D;
}

export interface LoadOptions {
  /** How matrices are kept; float32 by default, the 16-bit ones on tensorflow only. */
  dtype?: WeightDtype;
}

/** Where weights lie. */
export interface WeightFiles {
  /** Names them in messages: their folder. */
  place: string;
  /** @throws InputError when there are none, or they are broken */
  open(): TensorReader;
}

/** Weights, and what was found out about them. */
export interface Loaded<W> {
  weights: W;
  /** Whether the embedding is the output layer: the config says so, and no other head is there. */
  tied: boolean;
  /** Tensors that are of no effect; of another part of the checkpoint, the start of their names. */
  unread: string[];
}

/**
 * Builds a model's weights from a checkpoint, one tensor at a time. As in transformers 5.18,
 * the prefix may be missing or doubled, and a tied head that is there must be equal to the
 * embedding, or else it is the output layer.
 * @param config the model's, of which this reads how many layers there are and whether the
 *   embedding is the output layer too
 * @param build asks a source for every tensor of the model; it is run twice, first only to compare
 *   names and shapes
 * @throws InputError naming all missing, misshapen and unused tensors at once; for weights that do
 *   not fit into memory, or a dtype that the backend does not have
 */
export function loadWeights<C extends { nLayers: number; tied: boolean }, W>(
  { place, open }: WeightFiles,
  names: CheckpointNames,
  config: C,
  build: (source: WeightSource, config: C) => W,
  options: LoadOptions = {},
): Loaded<W> {
  const dtype = checkOptions(options);
  const file = open();
  try {
    const { tied, stored, unread, buildFrom } = planWeights(
      file,
      place,
      names,
      config,
      build,
      dtype,
    );
    return { weights: buildFrom(readingSource(file, stored, dtype)), tied, unread };
  } finally {
    file.close();
  }
}

/**
 * What `loadWeights` finds out before it reads anything but a head that may be tied: whether weights
 * and config fit each other, and the memory.
 * @returns among others, the file's names for the tensors that are to be read
 * @throws InputError as `loadWeights`
 */
export function planWeights<C extends { nLayers: number; tied: boolean }, W>(
  file: TensorReader,
  place: string,
  names: CheckpointNames,
  config: C,
  build: (source: WeightSource, config: C) => W,
  dtype: WeightDtype,
) {
  if (config.nLayers > file.tensors.size) {
    throw new InputError(
      `The weights in ${place} do not fit its config.json: it has ${config.nLayers} layers, and there are only ${file.tensors.size} tensors.`,
    );
  }
  const { tied, stored } = resolver(file, names, config.tied);
  const buildFrom = (source: WeightSource) => build(source, { ...config, tied });
  const isSpare = (name: string) =>
    (tied && name === stored(HEAD)) || Boolean(names.leftOver?.test(name));
  const { counts, unread, used } = compare(file, place, buildFrom, { stored, isSpare, names });
  checkMemory(place, counts, dtype, memoryLimits());
  return { tied, stored, unread, used, buildFrom };
}

/** The dtype to keep matrices in. */
function checkOptions(options: LoadOptions): WeightDtype {
  checkKeys('loadModel: options', options, ['dtype']);
  const { dtype = 'float32' } = options;
  const backend = tf.getBackend();
  if (!backend) {
    throw new InputError(
      'No TensorFlow.js backend is in use yet. Before loading a model, call: await useBackend()   (src/backend)',
    );
  }
  if (!(WEIGHT_DTYPES as readonly unknown[]).includes(dtype)) {
    const hint = didYouMean(String(dtype), [...WEIGHT_DTYPES]);
    throw new InputError(
      `dtype: ${JSON.stringify(dtype)} is not one of ${WEIGHT_DTYPES.join(', ')}.${hint}`,
    );
  }
  if (dtype === 'float32' || backend === 'tensorflow') return dtype;
  throw new InputError(
    `dtype: the ${backend} backend keeps weights in float32 only; ${dtype} needs tensorflow (${SETUP}).`,
  );
}

interface Naming {
  /** The file's name for a tensor. */
  stored: (name: string) => string;
  /** Whether a tensor of the file may be unused without a word. */
  isSpare: (name: string) => boolean;
  names: CheckpointNames;
}

/**
 * Checks names and shapes; returns how many numbers the model asks for, the tensors of no effect, and
 * those that are used.
 */
function compare(
  file: TensorReader,
  place: string,
  build: (source: WeightSource) => unknown,
  { stored, isSpare, names }: Naming,
): { counts: CheckedCounts; unread: string[]; used: string[] } {
  const wanted = new Map<string, number[]>();
  const counts = { matrices: 0, largestTable: 0, largest: 0, vectors: 0 };
  const note = <T>(name: string, shape: number[]) => {
    wanted.set(name, shape);
    counts.largest = Math.max(counts.largest, tf.util.sizeFromShape(shape));
    if (shape.length === 1) counts.vectors += shape[0];
    else counts.matrices += shape[0] * shape[1];
    return undefined as T;
  };
  build({
    linear: (name, inner, outer) => note(name, [outer, inner]),
    table: (name, rows, columns) => {
      counts.largestTable = Math.max(counts.largestTable, rows * columns);
      return note(name, [rows, columns]);
    },
    gain: (name, n) => note(name, [n]),
    bias: (name, n) => note(name, [n]),
    gainLessOne: (name, n) => note(name, [n]),
  });
  const problems: string[] = [];
  for (const [name, shape] of wanted) {
    const found = file.tensors.get(stored(name));
    if (!found) problems.push(`missing: ${stored(name)} [${shape}]`);
    else if (found.shape.join() !== shape.join()) {
      problems.push(`${found.name} is [${found.shape}], but config.json makes it [${shape}]`);
    } else if (!isFloat(found.dtype)) {
      problems.push(
        `${found.name} is ${found.dtype}, where floats are wanted (a quantised model?)`,
      );
    }
  }
  const used = new Set([...wanted.keys()].map(stored));
  const unused = [...file.tensors.values()].filter(
    (one) => !used.has(one.name) && !isSpare(one.name),
  );
  const unread: string[] = [];
  const strange: string[] = [];
  for (const { name } of unused) {
    const [part] = names.beside?.exec(name) ?? [];
    if (part) unread.push(`${part}*`);
    else (isOfNoEffect(name) ? unread : strange).push(name);
  }
  problems.push(...strange.map((name) => `not used by this model: ${name}`));
  if (!problems.length) return { counts, unread, used: [...used] };
  const shown = problems.slice(0, 20).map((problem) => `\n  ${problem}`);
  const more = problems.length > 20 ? `\n  … and ${problems.length - 20} more` : '';
  throw new InputError(
    `The weights in ${place} do not fit its config.json:${shown.join('')}${more}`,
  );
}

function readingSource(
  file: TensorReader,
  stored: (name: string) => string,
  dtype: WeightDtype,
): WeightSource {
  const vector = (name: string) => tf.tensor1d(file.readFloat32(stored(name)));
  const { linear, table } = tf.getBackend() === 'tensorflow' ? inSlices(file, dtype) : whole(file);
  return {
    linear: (name, inner, outer) => linear(stored(name), inner, outer),
    table: (name, rows, columns) => table(stored(name), rows, columns),
    gain: vector,
    bias: vector,
    gainLessOne: (name) => tf.tensor1d(file.readFloat32(stored(name)).map((w) => w + 1)),
  };
}

/** Matrices by way of tfjs: each is in memory two or three times while it is loaded. */
function whole(file: TensorReader): Pick<WeightSource, 'linear' | 'table'> {
  return {
    linear: (name, inner, outer) =>
      tf.tidy(() => tf.transpose(tf.tensor2d(file.readFloat32(name), [outer, inner]))),
    table: (name, rows, columns) => tf.tensor2d(file.readFloat32(name), [rows, columns]),
  };
}

/** Matrices from the file to the backend a few MB at a time. */
function inSlices(file: TensorReader, dtype: WeightDtype): Pick<WeightSource, 'linear' | 'table'> {
  const put = (name: string, rows: number, columns: number, transposed: boolean) => {
    const matrix = { name, shape: [rows, columns] as [number, number], ...slices(file, name) };
    return putMatrix(matrix, dtype, transposed);
  };
  return {
    linear: (name, inner, outer) => put(name, outer, inner, true),
    table: (name, rows, columns) => put(name, rows, columns, false),
  };
}

/** A tensor's bytes as the backend takes them: as they are, or made float32 where it has no such dtype. */
function slices(file: TensorReader, name: string): Pick<StoredMatrix, 'dtype' | 'read'> {
  const dtype = file.tensors.get(name)?.dtype;
  if (dtype === 'F32' || dtype === 'F16' || dtype === 'BF16') {
    return { dtype, read: (target, offset) => file.readInto(name, target, offset) };
  }
  return {
    dtype: 'F32',
    read: ({ buffer, byteOffset, length }, offset) =>
      file.readFloat32Into(name, new Float32Array(buffer, byteOffset, length / 4), offset / 4),
  };
}
