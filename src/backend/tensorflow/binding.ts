/** The parts of tfjs-node's backend that are used beside tfjs-core's interface. */
import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../../util/errors';

export interface Attribute {
  name: string;
  type: number;
  value: unknown;
}
export interface Output {
  id: number;
  shape: number[];
  dtype: number;
}

/** What `setup-tensorflow` adds to the addon: see addon/functions.h. */
export interface FunctionCalls {
  /**
   * Makes a graph an op that `executeOp` knows by `name`.
   * @param graph a GraphDef
   * @param inputs names of ops, in the order of the function's arguments
   * @param outputs names of ops, `node3:1` for another output than the first
   */
  addFunction(name: string, graph: Uint8Array, inputs: string[], outputs: string[]): void;
  removeFunction(name: string): void;
}

export interface NodeBackend {
  isUsingGpuDevice: boolean;
  binding: { TF_Version: string } & Record<
    'TF_ATTR_TYPE' | 'TF_ATTR_BOOL' | 'TF_ATTR_INT' | 'TF_INT32' | 'TF_FLOAT',
    number
  > & {
      createTensor(
        shape: number[],
        dtype: number,
        data: Uint8Array | Int32Array | Float32Array,
      ): number;
      deleteTensor(id: number): void;
      tensorDataSync(id: number): tf.TypedArray;
      executeOp(name: string, attributes: Attribute[], inputs: number[], outputs: number): Output[];
    } & Partial<FunctionCalls>;
  /** A negative id: the values have not been sent to libtensorflow. */
  tensorMap: { get(dataId: object): { id: number; dtype: number; values?: ArrayLike<number> } };
  /** Ids of tensors, whose values are sent to libtensorflow where they were not yet. */
  getInputTensorIds(tensors: tf.TensorInfo[]): number[];
  createOutputTensor(output: Output): tf.Tensor;
  executeSingleOutput(name: string, attributes: Attribute[], inputs: tf.TensorInfo[]): tf.Tensor;
  readSync(dataId: object): tf.TypedArray;
}

/** Numbers of libtensorflow's 16-bit dtypes, which the addon does not name. */
export const BFLOAT16 = 14;
export const HALF = 19;
export const is16Bit = (dtype: number) => dtype === BFLOAT16 || dtype === HALF;

/** Attributes of ops, as the addon takes them. */
export function attributeMakers(binding: NodeBackend['binding']) {
  const maker =
    <T>(type: number) =>
    (name: string, value: T): Attribute => ({ name, type, value });
  return {
    type: maker<number>(binding.TF_ATTR_TYPE),
    flag: maker<boolean>(binding.TF_ATTR_BOOL),
    count: maker<number>(binding.TF_ATTR_INT),
  };
}

/** The addon numbers tensors with 31 bits; of 2^31 this leaves enough to end in good order. */
const MOST_TENSORS = 2_100_000_000;

/**
 * Ends a process that has made about as many tensors as the addon can number: it never uses a number
 * again, and past the last one it frees nothing. With graphs a decoding step takes some 65 of them,
 * op by op about 500.
 */
export function limitTensors(backend: Pick<NodeBackend, 'createOutputTensor'>): void {
  const create = backend.createOutputTensor.bind(backend);
  backend.createOutputTensor = (output) => {
    if (output.id <= MOST_TENSORS) return create(output);
    throw new InputError(
      `This process has made ${MOST_TENSORS} tensors, nearly as many as the tensorflow backend can number. Start it again: a run goes on where it was.`,
    );
  };
}

type Kernel = Parameters<typeof tf.registerKernel>[0]['kernelFunc'];

/** Puts `kernel` in the place of tfjs-node's own, which it is given. */
export function replaceKernel(
  kernelName: string,
  kernel: (stock: Kernel, args: Parameters<Kernel>[0]) => ReturnType<Kernel>,
) {
  const config = tf.getKernel(kernelName, 'tensorflow');
  tf.unregisterKernel(kernelName, 'tensorflow');
  tf.registerKernel({ ...config, kernelFunc: (args) => kernel(config.kernelFunc, args) });
}
