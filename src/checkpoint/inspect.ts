import { Safetensors, type TensorInfo } from '../../weights/safetensors';
import { InputError } from '../util/errors';
import { formatTable } from '../util/table';
import { formatBytes } from '../util/units';
import { openConfig, openWeights } from './folder';
import { IMAGE_PARTS } from './names';

/** Tensors of one name but for a number in it, one shape and one dtype. */
export interface TensorGroup {
  /** `model.layers.{0-25}.mlp.up_proj.weight`; of a single tensor, its name. */
  name: string;
  dtype: string;
  shape: number[];
  tensors: number;
}

/** What tensors of one dtype come to. */
export interface DtypeTotal {
  dtype: string;
  tensors: number;
  /** Numbers in all of them. */
  parameters: number;
  bytes: number;
}

export interface Inspection {
  /** config.json as it is; null for a single file. */
  config: Record<string, unknown> | null;
  /** `__metadata__` of the file. */
  metadata: Record<string, string>;
  groups: TensorGroup[];
  dtypes: DtypeTotal[];
  /** Bytes of all floats once loaded, were each in float32, or in 16 bit; parts for images are not. */
  memory: { float32: number; bits16: number };
}

/**
 * Looks at a checkpoint, of any model type, without loading a weight.
 * @param place a model's folder, or a .safetensors file
 * @throws InputError for a folder without a config, or files that are broken
 */
export function inspect(place: string): Inspection {
  if (typeof place !== 'string') {
    throw new InputError(
      `What to inspect must be a folder or a file, not ${JSON.stringify(place)}.`,
    );
  }
  const single = place.endsWith('.safetensors');
  const config = single ? null : openConfig(place).values;
  const file = single ? Safetensors.open(place) : openWeights(place);
  file.close();
  const tensors = [...file.tensors.values()];
  const read = tensors.filter(({ name, dtype }) => /^B?F/.test(dtype) && !IMAGE_PARTS.test(name));
  const floats = read.map(count);
  const weights = floats.reduce((a, b) => a + b, 0);
  return {
    config,
    metadata: file.metadata,
    groups: groupTensors(tensors),
    dtypes: totals(tensors),
    memory: { float32: 4 * weights, bits16: 2 * weights },
  };
}

const count = ({ shape }: { shape: number[] }) => shape.reduce((a, b) => a * b, 1);

function totals(tensors: TensorInfo[]): DtypeTotal[] {
  const sums = new Map<string, DtypeTotal>();
  for (const tensor of tensors) {
    const { dtype, byteLength } = tensor;
    const sum = sums.get(dtype) ?? { dtype, tensors: 0, parameters: 0, bytes: 0 };
    sum.tensors++;
    sum.parameters += count(tensor);
    sum.bytes += byteLength;
    sums.set(dtype, sum);
  }
  return [...sums.values()].sort((a, b) => b.bytes - a.bytes);
}

/** The number of a layer: a part of a name that is digits alone. */
const NUMBER = /(?<=\.)\d+(?=\.)/;

/** In the order in which the first tensor of each comes. */
function groupTensors(tensors: TensorInfo[]): TensorGroup[] {
  const groups = new Map<string, { first: TensorInfo; numbers: number[] }>();
  for (const tensor of tensors) {
    const key = [tensor.name.replace(NUMBER, '*'), tensor.dtype, tensor.shape].join(' ');
    const group = groups.get(key) ?? { first: tensor, numbers: [] };
    group.numbers.push(Number(NUMBER.exec(tensor.name)?.[0]));
    groups.set(key, group);
  }
  return [...groups.values()].map(({ first: { name, dtype, shape }, numbers }) => ({
    name: numbers.length > 1 ? name.replace(NUMBER, `{${ranges(numbers)}}`) : name,
    dtype,
    shape,
    tensors: numbers.length,
  }));
}

/** [3, 0, 1, 2, 7] → `0-3,7`. */
function ranges(numbers: number[]): string {
  const runs: [number, number][] = [];
  for (const n of numbers.toSorted((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && n === last[1] + 1) last[1] = n;
    else runs.push([n, n]);
  }
  return runs.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join();
}

/** An inspection as text. @param title the first line */
export function formatInspection(
  { config, metadata, groups, dtypes, memory }: Inspection,
  title: string,
): string {
  const lines = (values: Record<string, unknown>) =>
    Object.entries(values).map(([key, value]) => `  ${key}: ${short(value)}`);
  const sections = [[title]];
  if (config) sections.push(['config.json', ...lines(config)]);
  if (Object.keys(metadata).length) sections.push(['__metadata__', ...lines(metadata)]);
  const tensors = groups.map(({ name, dtype, shape, tensors: n }) => [
    name,
    dtype,
    shape.join(' × ') || 'scalar',
    n,
  ]);
  sections.push([formatTable(['tensor', 'dtype', 'shape', 'tensors'], tensors)]);
  const sums = dtypes.map(({ dtype, tensors: n, parameters, bytes }) => [
    dtype,
    n,
    parameters.toLocaleString('en'),
    formatBytes(bytes),
  ]);
  sections.push([formatTable(['dtype', 'tensors', 'parameters', 'size'], sums)]);
  sections.push([
    `Weights in memory: ${formatBytes(memory.float32)} in float32, ${formatBytes(memory.bits16)} in 16 bit.`,
  ]);
  return sections.map((section) => section.join('\n')).join('\n\n');
}

/** On one line that fits a screen. */
function short(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
