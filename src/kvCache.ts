import * as tf from '@tensorflow/tfjs-core';

/**
 * Keys and values of the columns a batch has been through, one pair of [B, K, S, d] per layer.
 * It also remembers what later columns must know of the batch: left padding, end of the prompt.
 */
export class KVCache {
  /** Columns held. */
  length = 0;
  private keys: tf.Tensor4D[] = [];
  private values: tf.Tensor4D[] = [];

  /**
   * @param pads left padding of each row
   * @param promptEnd the first column that counts as generated
   */
  constructor(
    public pads: number[],
    readonly promptEnd: number,
  ) {}

  /** Adds this call's columns to a layer and returns all that layer has: k and v [B, K, S, d]. */
  append(layer: number, k: tf.Tensor4D, v: tf.Tensor4D): { k: tf.Tensor4D; v: tf.Tensor4D } {
    this.keys[layer] = grow(this.keys[layer], k);
    this.values[layer] = grow(this.values[layer], v);
    return { k: this.keys[layer], v: this.values[layer] };
  }

  /** Keeps only the given rows, in the given order. */
  selectRows(rows: number[]): void {
    const index = tf.tensor1d(rows, 'int32');
    const select = (old: tf.Tensor4D) => {
      const kept = tf.gather(old, index);
      old.dispose();
      return kept;
    };
    this.keys = this.keys.map(select);
    this.values = this.values.map(select);
    this.pads = rows.map((row) => this.pads[row]);
    index.dispose();
  }

  dispose(): void {
    tf.dispose([this.keys, this.values]);
    this.keys = [];
    this.values = [];
  }
}

/** Outlives the tidy around a forward pass; the tensor it replaces is freed. */
function grow(old: tf.Tensor4D | undefined, added: tf.Tensor4D): tf.Tensor4D {
  const grown = tf.keep(old ? tf.concat([old, added], 2) : tf.clone(added));
  old?.dispose();
  return grown;
}
