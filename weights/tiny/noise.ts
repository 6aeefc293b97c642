import * as tf from '@tensorflow/tfjs-core';
import { seededRandom } from '../../src/util/random';

/** Numbers kept; a larger draw repeats some of them. */
const BANK = 2 ** 22;

/**
 * Gaussian noise for training. The numbers are slices of a bank that is drawn once: tfjs draws its
 * random numbers in JavaScript, which would take longer than the rest of a step.
 */
export class Noise {
  private readonly bank: tf.Tensor1D;
  private random = seededRandom(0);

  constructor(private readonly options: { noise: number; seed: number }) {
    const random = seededRandom(options.seed);
    const gauss = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    this.bank = tf.tensor1d(Float32Array.from({ length: BANK }, gauss));
  }

  /** Makes what follows depend on the step alone, so that a resumed run sees the same noise. */
  begin(step: number) {
    this.random = seededRandom(this.options.seed * 1_000_003 + step);
  }

  /** Normal numbers in the shape of x. */
  private like(x: tf.Tensor): tf.Tensor {
    if (x.size > BANK)
      throw new Error(`A batch of ${x.size} numbers is larger than the noise bank.`);
    const start = Math.floor(this.random() * (BANK - x.size));
    return tf.reshape(tf.slice(this.bank, start, x.size), x.shape);
  }

  /** x [B, T, D] plus noise; each row has its own strength, up to the share `noise` of |x|. */
  blur(x: tf.Tensor): tf.Tensor {
    const strength = tf.tensor3d(
      Array.from({ length: x.shape[0] }, () => this.random() * this.options.noise),
      [x.shape[0], 1, 1],
    );
    // The size counts as given: no gradient flows through it.
    const size = tf.customGrad((value) => ({
      value: tf.sqrt(tf.mean(tf.square(value as tf.Tensor), -1, true)),
      gradFunc: () => tf.zerosLike(value as tf.Tensor),
    }))(x);
    return tf.add(x, tf.mul(this.like(x), tf.mul(size, strength)));
  }

  dispose() {
    this.bank.dispose();
  }
}
