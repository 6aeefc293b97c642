/** The webgpu backend: a script of its own, which is loaded where there is a graphics card. */
import '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { mustCompute } from '../mustCompute';
import { giveFirstOfTies } from './argMax';
import { guardDevice, type WebgpuBackend } from './device';

/** Makes webgpu the backend of tfjs-core. @throws Error where it does not start, or computes wrongly */
export async function startWebgpu(): Promise<void> {
  if (!(await tf.setBackend('webgpu'))) throw new Error('it did not start');
  await tf.ready();
  guardDevice(tf.backend() as unknown as WebgpuBackend);
  giveFirstOfTies('webgpu');
  await mustCompute();
}
