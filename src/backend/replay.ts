/**
 * Passes that are made again and again, as one call. A decoding step is hundreds of small ops, and the
 * way from here to each costs more than most of them. Where the backend can, the ops of a step are
 * noted while they run; once the same ones have come often, they become a graph, and a step is one
 * run of it. Nothing is written twice: what a model's file says is what is noted.
 *
 * A graph stands for tensors in, tensors out. So a pass is noted only when it touches nothing else:
 * its inputs, the model's weights, and numbers that are the same each time. Any other tensor, or
 * ops that change from step to step, and the pass goes on op by op.
 *
 * A graph knows nothing of the code that it was noted from, which may change: another flag, a
 * patched function. For every new cache, and now and then, a step therefore runs op by op and its
 * ops are compared with the graph's.
 */
import * as tf from '@tensorflow/tfjs-core';
import { SETUP } from '../util/invocation';
import { explain } from './graphMode';
import { type Pass, type Recorder, Recordings } from './recordings';

let recorder: Recorder | null = null;

/** Which backend notes passes; null: none. */
export function recordWith(other: Recorder | null): void {
  recorder = other;
}

/** Where a graph can't be built, nothing is lost but time. */
function giveUp(error: unknown): void {
  recordWith(null);
  console.warn(`No graph of a decoding step could be built, so all go op by op: ${error}`);
}

const recordings = new WeakMap<object, Recordings>();

/**
 * Runs a pass, or the graph that stands for it.
 * @returns its outputs, and whether a graph made them, so that `body` was not called
 * @throws InputError when the model was changed while a graph stood for its steps
 */
export function replayed(
  model: { weights: object },
  pass: Pass,
): { outputs: tf.Tensor[]; byGraph: boolean } {
  const own = recordingsOf(model);
  return own ? own.run(pass) : { outputs: pass.body(), byGraph: false };
}

/** Those of a model, as long as its weights are the same tensors. */
function recordingsOf(model: { weights: object }): Recordings | null {
  if (!recorder) {
    explain(model, `All steps go op by op: graphs are for the tensorflow that ${SETUP} makes.`);
    return null;
  }
  if (tf.engine().state.gradientDepth > 0) return null;
  const weights = tensorsIn(model.weights);
  const own = recordings.get(model);
  const same = (x: tf.Tensor, i: number) => x.dataId === own?.weights[i].dataId;
  if (own && weights.length === own.weights.length && weights.every(same)) return own;
  if (own) explain(model, 'The recorded steps were dropped: the model has other weights.');
  forgetRecordings(model);
  const fresh = new Recordings(model, weights, recorder, giveUp);
  recordings.set(model, fresh);
  return fresh;
}

/** Every tensor in an object of objects, in its order. */
export function tensorsIn(container: object): tf.Tensor[] {
  return tf.tensor_util.getTensorsInContainer(container as tf.TensorContainer);
}

/** Frees the graphs of a model. */
export function forgetRecordings(model: object): void {
  recordings.get(model)?.dispose();
  recordings.delete(model);
}
