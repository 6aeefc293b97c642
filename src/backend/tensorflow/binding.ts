/** The parts of tfjs-node's backend that are used beside tfjs-core's interface. */
import * as tf from '@tensorflow/tfjs-core';

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
      /** @returns a session, from the folder of a SavedModel */
      loadSavedModel(folder: string, tags: string): number;
      /** Names of tensors are `node:index`, between commas. */
      runSavedModel(session: number, ids: number[], inputs: string, outputs: string): Output[];
      deleteSavedModel(session: number): void;
    };
  /** A negative id: the values have not been sent to libtensorflow. */
  tensorMap: { get(dataId: object): { id: number; dtype: number; values?: ArrayLike<number> } };
  /** Ids of tensors, whose values are sent to libtensorflow where they were not yet. */
  getInputTensorIds(tensors: tf.TensorInfo[]): number[];
  createOutputTensor(output: Output): tf.Tensor;
  executeSingleOutput(name: string, attributes: Attribute[], inputs: tf.TensorInfo[]): tf.Tensor;
  readSync(dataId: object): tf.TypedArray;
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
