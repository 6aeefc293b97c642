import * as tf from '@tensorflow/tfjs-core';
import { seededRandom } from '../../src/random';

/** Numbers kept; a larger draw repeats some of them. */
const BANK = 2 ** 22;

/**
 * Dropout and Gaussian noise for training. The numbers are slices of one bank that is drawn once:
 * tfjs draws its random numbers in JavaScript, which would take longer than the rest of a step.
 */
export class Noise {
  private readonly bank: tf.Tensor1D;
  private random = seededRandom(0);

  constructor(private readonly options: { dropout: number; noise: number; seed: number }) {
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

  /** Dropout: a share of x is set to 0, the rest scaled up. */
  drop(x: tf.Tensor): tf.Tensor {
    const { dropout } = this.options;
    const kept = tf.cast(tf.greater(this.like(x), quantile(dropout)), 'float32');
    return tf.mul(x, tf.div(kept, 1 - dropout));
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
}

/** Below this lies the share p of a normal distribution (bisection on its integral). */
function quantile(p: number): number {
  let [low, high] = [-8, 8];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return low;
}

/** Integral of the normal density up to x, by its power series. */
function normalCdf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (x * x) / (2 * n + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
