/** A backend that starts may still compute wrongly: tried on a product whose result is known. */
import * as tf from '@tensorflow/tfjs-core';

/** @throws Error unless the backend in use multiplies two matrices */
export async function mustCompute(): Promise<void> {
  const [a, b] = [tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]), tf.ones([3, 2])];
  const product = tf.tidy(() => tf.concat([tf.matMul(a, b), tf.topk(a, 2).values]));
  const values = [...(await product.data())];
  tf.dispose([a, b, product]);
  if (values.join() !== '6,6,15,15,3,2,6,5') throw new Error(`it computes wrongly: ${values}`);
}
