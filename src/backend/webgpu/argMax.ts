import * as tf from '@tensorflow/tfjs-core';

/**
 * Has `tf.argMax` give the first of equal values, as on other backends: the stock kernel gives the
 * one that its threads come to first.
 * @param backend the name that it is registered under
 */
export function giveFirstOfTies(backend: string): void {
  tf.unregisterKernel(tf.ArgMax, backend);
  tf.registerKernel({
    kernelName: tf.ArgMax,
    backendName: backend,
    kernelFunc({ inputs, attrs }) {
      const x = inputs.x as tf.Tensor;
      const [axis] = tf.util.parseAxisParam(attrs!.axis as number, x.shape);
      const length = x.shape[axis];
      const along = x.shape.map((_, i) => (i === axis ? length : 1));
      return tf.tidy(() => {
        const isMost = tf.equal(x, tf.max(x, axis, true));
        const index = tf.reshape(tf.range(0, length, 1, 'int32'), along);
        return tf.min(tf.where(isMost, index, tf.scalar(length, 'int32')), axis);
      });
    },
  });
}
