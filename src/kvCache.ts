import * as tf from '@tensorflow/tfjs-core';

/**
 * Keys and values of the columns a batch has been through, one pair of [B, K, S, d] per layer.
 * It also remembers what later columns must know of the batch: left padding, end of the prompt.
 */
export class KVCache {
  /** Columns held. */
  length = 0;
  /** The tokens of the columns held, [B][length]. */
  ids: number[][];
  /** Tokens of each row, as the last pass saw them. */
  lengths: number[];
  private keys: tf.Tensor4D[] = [];
  private values: tf.Tensor4D[] = [];

  /**
   * @param pads left padding of each row
   * @param promptEnd the first column that counts as generated
   */
  constructor(
    public pads: number[],
    readonly promptEnd: number,
  ) {
    this.ids = pads.map(() => []);
    this.lengths = pads.map(() => 0);
  }

  /** Adds this call's columns to a layer and returns all that layer has: k and v [B, K, S, d]. */
  append(layer: number, k: tf.Tensor4D, v: tf.Tensor4D): { k: tf.Tensor4D; v: tf.Tensor4D } {
    this.keys[layer] = grow(this.keys[layer], k);
    this.values[layer] = grow(this.values[layer], v);
    return { k: this.keys[layer], v: this.values[layer] };
  }

  /** Counts the columns of a pass that is done: their tokens, and the length of each row. */
  advance(ids: number[][], lengths: number[]): void {
    this.length += ids[0].length;
    // In place: copies would make decoding quadratic in the length of a text.
    for (const [b, row] of this.ids.entries()) for (const id of ids[b]) row.push(id);
    this.lengths = lengths;
  }

  /** Forgets all columns, but not what it knows of the batch. */
  clear(): void {
    this.dispose();
    this.length = 0;
    this.ids = this.pads.map(() => []);
    this.lengths = this.pads.map(() => 0);
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
    this.ids = rows.map((row) => [...this.ids[row]]);
    this.lengths = rows.map((row) => this.lengths[row]);
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
