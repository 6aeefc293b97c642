import * as tf from '@tensorflow/tfjs-core';

/**
 * Mean negative log-likelihood, in nats per token: logits [N, V], targets [N] → scalar.
 *
 * The gradient is written out ((softmax − one-hot) / N): the derived one keeps several [N, V]
 * tensors alive, and they are the largest of a training step.
 */
export function crossEntropy(logits: tf.Tensor2D, targets: number[]): tf.Scalar {
  const [count, vocab] = logits.shape;
  // oneHot with dtype float32 gives wrong numbers on wasm (tfjs 4.22), so it is cast.
  const wanted = tf.cast(tf.oneHot(tf.tensor1d(targets, 'int32'), vocab), 'float32');
  const loss = tf.customGrad((x, save) => {
    const logits2d = x as tf.Tensor2D;
    const shifted = tf.sub(logits2d, tf.max(logits2d, 1, true));
    const exps = tf.exp(shifted);
    const sums = tf.sum(exps, 1, true);
    const picked = tf.sum(tf.mul(shifted, wanted), 1, true);
    const value = tf.mean(tf.sub(tf.log(sums), picked)) as tf.Scalar;
    (save as tf.GradSaveFunc)([tf.div(exps, sums), wanted]);
    return {
      value,
      gradFunc: (dy: tf.Scalar, [softmax, oneHot]: tf.Tensor[]) =>
        tf.mul(tf.sub(softmax, oneHot), tf.div(dy, count)),
    };
  });
  return loss(logits) as tf.Scalar;
}
