import * as tf from '@tensorflow/tfjs-core';

/** Keys and values of S columns, in pieces of consecutive columns: each [B, K, s, d]. */
export interface Seen {
  keys: tf.Tensor4D[];
  values: tf.Tensor4D[];
}

/** The newest piece grows, by copying itself, to so many columns, or to `tailBytes` of keys. */
const TAIL_COLUMNS = 32;

/**
 * Keys and values of the columns a batch has been through. It also remembers what later columns must
 * know of the batch: left padding, end of the prompt.
 *
 * Tensors can't grow in place. A layer therefore holds a few pieces, each at least about twice as
 * long as the next, so that a column is copied as often as the logarithm of the text's length.
 */
export class KVCache {
  /** Columns held. */
  length = 0;
  /** The tokens of the columns held, [B][length]. */
  ids: number[][];
  /** Tokens of each row, as the last pass saw them. */
  lengths: number[];
  private layers: Seen[] = [];

  /**
   * @param pads left padding of each row
   * @param promptEnds for each row, the first column that counts as generated
   * @param tailBytes up to here a copy costs less than another piece
   */
  constructor(
    public pads: number[],
    public promptEnds: number[],
    private readonly tailBytes = 1 << 18,
  ) {
    this.ids = pads.map(() => []);
    this.lengths = pads.map(() => 0);
  }

  /** Adds this call's columns to a layer and returns all that layer has. */
  append(layer: number, k: tf.Tensor4D, v: tf.Tensor4D): Seen {
    this.layers[layer] ??= { keys: [], values: [] };
    const { keys, values } = this.layers[layer];
    keys.push(tf.keep(tf.clone(k)));
    values.push(tf.keep(tf.clone(v)));
    while (shouldMerge(keys, this.tailBytes)) {
      mergeLastTwo(keys);
      mergeLastTwo(values);
    }
    return this.layers[layer];
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

  /**
   * Keeps only the given rows, in the given order; a row may be taken more than once. Columns that
   * are padding in all of them are dropped.
   * @param perLayer where layers hold other rows (see `Branches`): those of each layer
   */
  selectRows(rows: number[], perLayer?: (layer: number) => number[]): void {
    const from = Math.min(...rows.map((row) => this.pads[row]));
    this.mapLayers((piece, layer) => {
      const wanted = perLayer?.(layer) ?? rows;
      if (wanted.length === piece.shape[0] && wanted.every((row, i) => row === i)) return piece;
      return tf.gather(piece, tf.tensor1d(wanted, 'int32'));
    });
    this.pads = rows.map((row) => this.pads[row]);
    this.promptEnds = rows.map((row) => this.promptEnds[row]);
    this.ids = rows.map((row) => [...this.ids[row]]);
    this.lengths = rows.map((row) => this.lengths[row]);
    if (from) this.dropColumns(from);
  }

  /** Adds the rows of another cache below; the shorter one is padded on the left. The other is used up. */
  join(other: KVCache): void {
    const length = Math.max(this.length, other.length);
    this.padTo(length);
    other.padTo(length);
    this.layers = this.layers.map((own, layer) =>
      tf.tidy(() => {
        const joined = (name: 'keys' | 'values') => [
          tf.keep(tf.concat([whole(own[name]), whole(other.layers[layer][name])], 0)),
        ];
        const both = { keys: joined('keys'), values: joined('values') };
        tf.dispose([own.keys, own.values]);
        return both;
      }),
    );
    other.dispose();
    this.pads = [...this.pads, ...other.pads];
    this.promptEnds = [...this.promptEnds, ...other.promptEnds];
    this.ids = [...this.ids, ...other.ids];
    this.lengths = [...this.lengths, ...other.lengths];
  }

  dispose(): void {
    for (const { keys, values } of this.layers) tf.dispose([keys, values]);
    this.layers = [];
  }

  /** More padding on the left of every row. */
  private padTo(length: number) {
    const extra = length - this.length;
    if (!extra) return;
    for (const { keys, values } of this.layers) {
      for (const pieces of [keys, values]) {
        const room: [number, number][] = [
          [0, 0],
          [0, 0],
          [extra, 0],
          [0, 0],
        ];
        const padded = tf.keep(tf.pad(pieces[0], room));
        pieces[0].dispose();
        pieces[0] = padded as tf.Tensor4D;
      }
    }
    this.shift(extra);
    this.ids = this.ids.map((row) => [...new Array(extra).fill(0), ...row]);
  }

  /** Drops `count` columns on the left, which must be padding in every row. */
  private dropColumns(count: number) {
    for (const { keys, values } of this.layers) {
      for (const pieces of [keys, values]) {
        const all = tf.tidy(() => tf.keep(tf.slice(whole(pieces), [0, 0, count, 0])));
        tf.dispose(pieces);
        pieces.splice(0, pieces.length, all as tf.Tensor4D);
      }
    }
    this.shift(-count);
    this.ids = this.ids.map((row) => row.slice(count));
  }

  private shift(columns: number) {
    this.length += columns;
    this.pads = this.pads.map((pad) => pad + columns);
    this.promptEnds = this.promptEnds.map((end) => end + columns);
  }

  /** Puts what `change` makes of each piece in its place. */
  private mapLayers(change: (piece: tf.Tensor4D, layer: number) => tf.Tensor4D) {
    for (const [layer, { keys, values }] of this.layers.entries()) {
      for (const pieces of [keys, values]) {
        for (const [i, piece] of pieces.entries()) {
          const changed = tf.tidy(() => tf.keep(change(piece, layer)));
          if (changed !== piece) piece.dispose();
          pieces[i] = changed;
        }
      }
    }
  }
}

const whole = (pieces: tf.Tensor4D[]): tf.Tensor4D =>
  pieces.length === 1 ? pieces[0] : tf.concat(pieces, 2);

/** Whether the newest piece belongs to the one before it: together a short tail, or half of it. */
function shouldMerge(pieces: tf.Tensor4D[], tailBytes: number): boolean {
  if (pieces.length < 2) return false;
  const [before, last] = pieces.slice(-2);
  const columns = before.shape[2] + last.shape[2];
  const bytes = 4 * (last.size / last.shape[2]) * columns;
  if (columns <= TAIL_COLUMNS || bytes <= tailBytes) return true;
  // A tail that is still filling waits until it is half as long as what stands before it.
  return last.shape[2] * 2 > before.shape[2];
}

function mergeLastTwo(pieces: tf.Tensor4D[]) {
  const two = pieces.splice(-2);
  pieces.push(tf.keep(tf.concat(two, 2)));
  tf.dispose(two);
}
