import * as tf from '@tensorflow/tfjs-core';

export interface AdamWOptions {
  beta1: number;
  beta2: number;
  eps: number;
  /** Applied to matrices only, not to the gains of norms. */
  weightDecay: number;
  /** Gradients are scaled down to this norm, all tensors taken together. */
  clipNorm: number;
}

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019), its moments open to saving. */
export class AdamW {
  readonly moments = new Map<string, { m: tf.Variable; v: tf.Variable }>();
  step = 0;

  constructor(
    private readonly variables: Map<string, tf.Variable>,
    private readonly options: AdamWOptions,
  ) {
    for (const [name, variable] of variables) {
      const zeros = () => tf.tidy(() => tf.variable(tf.zerosLike(variable), false));
      this.moments.set(name, { m: zeros(), v: zeros() });
    }
  }

  /** One update; returns the norm of the gradient before clipping. */
  update(gradients: Map<string, tf.Tensor>, learningRate: number): number {
    const { beta1, beta2, eps, weightDecay, clipNorm } = this.options;
    this.step++;
    const norm = tf.tidy(() => {
      const squares = [...gradients.values()].map((g) => tf.sum(tf.square(g)));
      return Math.sqrt(tf.addN(squares).dataSync()[0]);
    });
    if (!Number.isFinite(norm)) throw new Error(`Step ${this.step}: the gradient is not finite.`);
    const scale = Math.min(1, clipNorm / (norm + 1e-6));
    const rate = (learningRate * Math.sqrt(1 - beta2 ** this.step)) / (1 - beta1 ** this.step);
    const epsHat = eps * Math.sqrt(1 - beta2 ** this.step);
    tf.tidy(() => {
      for (const [name, gradient] of gradients) {
        const { m, v } = this.moments.get(name)!;
        const variable = this.variables.get(name)!;
        m.assign(tf.add(tf.mul(m, beta1), tf.mul(gradient, (1 - beta1) * scale)));
        const square = tf.square(gradient);
        v.assign(tf.add(tf.mul(v, beta2), tf.mul(square, (1 - beta2) * scale * scale)));
        const direction = tf.div(tf.mul(m, rate), tf.add(tf.sqrt(v), epsHat));
        const decay = variable.rank > 1 ? learningRate * weightDecay : 0;
        variable.assign(tf.sub(decay ? tf.mul(variable, 1 - decay) : variable, direction));
      }
    });
    return norm;
  }

  dispose() {
    for (const { m, v } of this.moments.values()) tf.dispose([m, v]);
  }
}
