import * as tf from '@tensorflow/tfjs-core';
import { Safetensors, type TensorInfo } from '../../weights/safetensors';
import { memoryLimits } from '../backend';
import { checkMemory, type WeightCounts } from '../backend/memory';
import { putMatrix, type StoredMatrix } from '../backend/tensorflow/weights16';
import { WEIGHT_DTYPES, type WeightDtype } from '../backend/weightDtype';
import { didYouMean, InputError } from '../util/errors';

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

/** Some exports write a tied head a second time; it may stand in the checkpoint unused. */
export const isHead = ({ name }: TensorInfo) => name === 'lm_head.weight';

/** The names of all tensors in a checkpoint folder: some families are published under two. */
export function tensorNames(dir: string): string[] {
  const file = Safetensors.openFolder(dir);
  file.close();
  return [...file.tensors.keys()];
}

/**
 * Builds a model's weights from a checkpoint folder, one tensor at a time.
 * @param dir folder with model.safetensors, or an index and its shards
 * @param build asks a source for every tensor of the model; it is run twice, first only to compare
 *   names and shapes
 * @param ignore tensors that may stand in the checkpoint unused
 * @throws InputError naming all missing, misshapen and unused tensors at once; for weights that do
 *   not fit into memory, or a dtype that the backend does not have
 */
export function loadWeights<W>(
  dir: string,
  build: (source: WeightSource) => W,
  ignore: (tensor: TensorInfo) => boolean = () => false,
  { dtype = 'float32' }: LoadOptions = {},
): W {
  checkDtype(dtype);
  const file = Safetensors.openFolder(dir);
  try {
    const counts = compare(file, dir, build, ignore);
    checkMemory(dir, counts, dtype, memoryLimits());
    return build(readingSource(file, dtype));
  } finally {
    file.close();
  }
}

function checkDtype(dtype: string) {
  if (!(WEIGHT_DTYPES as readonly string[]).includes(dtype)) {
    const hint = didYouMean(dtype, [...WEIGHT_DTYPES]);
    throw new InputError(`dtype: "${dtype}" is not one of ${WEIGHT_DTYPES.join(', ')}.${hint}`);
  }
  const backend = tf.getBackend();
  if (dtype === 'float32' || backend === 'tensorflow') return;
  throw new InputError(
    `dtype: the ${backend} backend keeps weights in float32 only; ${dtype} needs tensorflow (npm run setup:tensorflow).`,
  );
}

/** Checks names and shapes; returns how many numbers the model asks for. */
function compare(
  file: Safetensors,
  dir: string,
  build: (source: WeightSource) => unknown,
  ignore: (tensor: TensorInfo) => boolean,
): WeightCounts {
  const wanted = new Map<string, number[]>();
  const counts = { matrices: 0, largestTable: 0, vectors: 0 };
  const note = <T>(name: string, shape: number[]) => {
    wanted.set(name, shape);
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
    const found = file.tensors.get(name);
    if (!found) problems.push(`missing: ${name} [${shape}]`);
    else if (found.shape.join() !== shape.join()) {
      problems.push(`${name} is [${found.shape}], but config.json makes it [${shape}]`);
    }
  }
  for (const [name, tensor] of file.tensors) {
    if (!wanted.has(name) && !ignore(tensor)) problems.push(`not used by this model: ${name}`);
  }
  if (!problems.length) return counts;
  const shown = problems.slice(0, 20).map((problem) => `\n  ${problem}`);
  const more = problems.length > 20 ? `\n  … and ${problems.length - 20} more` : '';
  throw new InputError(`The weights in ${dir} do not fit its config.json:${shown.join('')}${more}`);
}

function readingSource(file: Safetensors, dtype: WeightDtype): WeightSource {
  const vector = (name: string) => tf.tensor1d(file.readFloat32(name));
  return {
    ...(tf.getBackend() === 'tensorflow' ? inSlices(file, dtype) : whole(file)),
    gain: vector,
    bias: vector,
    gainLessOne: (name) => tf.tensor1d(file.readFloat32(name).map((w) => w + 1)),
  };
}

/** Matrices by way of tfjs: each is in memory two or three times while it is loaded. */
function whole(file: Safetensors): Pick<WeightSource, 'linear' | 'table'> {
  return {
    linear: (name, inner, outer) =>
      tf.tidy(() => tf.transpose(tf.tensor2d(file.readFloat32(name), [outer, inner]))),
    table: (name, rows, columns) => tf.tensor2d(file.readFloat32(name), [rows, columns]),
  };
}

/** Matrices from the file to the backend a few MB at a time. */
function inSlices(file: Safetensors, dtype: WeightDtype): Pick<WeightSource, 'linear' | 'table'> {
  const put = (name: string, rows: number, columns: number, transposed: boolean) => {
    const stored = file.tensors.get(name)?.dtype as StoredMatrix['dtype'];
    if (!['F32', 'F16', 'BF16'].includes(stored)) {
      throw new InputError(`Tensor "${name}" is ${stored}, where floats are wanted.`);
    }
    const read = (target: Uint8Array, offset: number) => file.readInto(name, target, offset);
    return putMatrix({ name, shape: [rows, columns], dtype: stored, read }, dtype, transposed);
  };
  return {
    linear: (name, inner, outer) => put(name, outer, inner, true),
    table: (name, rows, columns) => put(name, rows, columns, false),
  };
}
