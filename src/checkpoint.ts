import * as tf from '@tensorflow/tfjs-core';
import { Safetensors, type TensorInfo } from '../weights/safetensors';
import { InputError } from './errors';

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
 * @throws InputError naming all missing, misshapen and unused tensors at once
 */
export function loadWeights<W>(
  dir: string,
  build: (source: WeightSource) => W,
  ignore: (tensor: TensorInfo) => boolean = () => false,
): W {
  const file = Safetensors.openFolder(dir);
  try {
    compare(file, dir, build, ignore);
    return build(readingSource(file));
  } finally {
    file.close();
  }
}

function compare(
  file: Safetensors,
  dir: string,
  build: (source: WeightSource) => unknown,
  ignore: (tensor: TensorInfo) => boolean,
) {
  const wanted = new Map<string, number[]>();
  const note = <T>(name: string, shape: number[]) => {
    wanted.set(name, shape);
    return undefined as T;
  };
  build({
    linear: (name, inner, outer) => note(name, [outer, inner]),
    table: (name, rows, columns) => note(name, [rows, columns]),
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
  if (!problems.length) return;
  const shown = problems.slice(0, 20).map((problem) => `\n  ${problem}`);
  const more = problems.length > 20 ? `\n  … and ${problems.length - 20} more` : '';
  throw new InputError(`The weights in ${dir} do not fit its config.json:${shown.join('')}${more}`);
}

function readingSource(file: Safetensors): WeightSource {
  const vector = (name: string) => tf.tensor1d(file.readFloat32(name));
  return {
    linear: (name, inner, outer) =>
      tf.tidy(() => tf.transpose(tf.tensor2d(file.readFloat32(name), [outer, inner]))),
    table: (name, rows, columns) => tf.tensor2d(file.readFloat32(name), [rows, columns]),
    gain: vector,
    bias: vector,
    gainLessOne: (name) => tf.tensor1d(file.readFloat32(name).map((w) => w + 1)),
  };
}
