import * as tf from '@tensorflow/tfjs-core';
import { seededRandom } from '../../src/random';

/** Numbers kept; a larger draw repeats some of them. */
const BANK = 2 ** 22;

/**
 * Dropout and Gaussian noise for training. The numbers are slices of banks that are drawn once:
 * tfjs draws its random numbers in JavaScript, which would take longer than the rest of a step.
 */
export class Noise {
  private readonly normal: tf.Tensor1D;
  /** 0 for what is dropped, 1/(1 − dropout) for the rest. */
  private readonly keep: tf.Tensor1D;
  private random = seededRandom(0);

  constructor(private readonly options: { dropout: number; noise: number; seed: number }) {
    const random = seededRandom(options.seed);
    const gauss = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    this.normal = tf.tensor1d(Float32Array.from({ length: BANK }, gauss));
    const { dropout } = options;
    const keep = () => (random() < dropout ? 0 : 1 / (1 - dropout));
    this.keep = tf.tensor1d(Float32Array.from({ length: BANK }, keep));
  }

  /** Makes what follows depend on the step alone, so that a resumed run sees the same noise. */
  begin(step: number) {
    this.random = seededRandom(this.options.seed * 1_000_003 + step);
  }

  /** Numbers of a bank, from a random place on, in the shape of x. */
  private slice(bank: tf.Tensor1D, x: tf.Tensor): tf.Tensor {
    if (x.size > BANK)
      throw new Error(`A batch of ${x.size} numbers is larger than the noise bank.`);
    const start = Math.floor(this.random() * (BANK - x.size));
    return tf.reshape(tf.slice(bank, start, x.size), x.shape);
  }

  /** Dropout: a share of x is set to 0, the rest scaled up. */
  drop(x: tf.Tensor): tf.Tensor {
    return tf.mul(x, this.slice(this.keep, x));
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
    return tf.add(x, tf.mul(this.slice(this.normal, x), tf.mul(size, strength)));
  }

  dispose() {
    tf.dispose([this.normal, this.keep]);
  }
}
