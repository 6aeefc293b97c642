import * as tf from '@tensorflow/tfjs-core';
import type { Seen } from '../nn/attention';
import { checkCount, checkList } from '../util/check';
import { InputError } from '../util/errors';

/** What a layer holds: pieces of consecutive columns, each [B, K, s, d]. */
type Pieces = Omit<Seen, 'columns'>;

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
  private layers: Pieces[] = [];

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
    for (const [name, list] of Object.entries({ pads, promptEnds })) {
      checkList(`KVCache: ${name}`, list, 'a list of a number for each row');
      for (const value of list) checkCount(`KVCache: ${name}: a value`, value);
    }
    if (!pads.length || pads.length !== promptEnds.length) {
      throw new InputError(`KVCache: ${pads.length} pads and ${promptEnds.length} promptEnds.`);
    }
    this.ids = pads.map(() => []);
    this.lengths = pads.map(() => 0);
  }

  /** Adds this call's columns to a layer and returns all that layer has. */
  append(layer: number, k: tf.Tensor4D, v: tf.Tensor4D): Pieces {
    this.layers[layer] ??= { keys: [], values: [] };
    const { keys, values } = this.layers[layer];
    keys.push(tf.keep(tf.clone(k)));
    values.push(tf.keep(tf.clone(v)));
    while (this.shouldMerge(columnsOf(keys))) {
      mergeLastTwo(keys);
      mergeLastTwo(values);
    }
    return this.layers[layer];
  }

  /** Columns of each piece of a layer, once so many more are appended. */
  columnsAfter(more: number): number[] {
    if (!this.layers.length) return [more];
    const { keys } = this.layers[0];
    const columns = [...columnsOf(keys), more];
    while (this.shouldMerge(columns)) {
      const [a, b] = columns.splice(-2);
      columns.push(a + b);
    }
    return columns;
  }

  /** Whether the newest piece belongs to the one before it: together a short tail, or half of it. */
  private shouldMerge(pieces: number[]): boolean {
    if (pieces.length < 2) return false;
    // The first layer decides, so that the pieces of all layers are alike.
    const columnBytes = bytesPerColumn(this.layers[0].keys[0]);
    const [before, last] = pieces.slice(-2);
    const columns = before + last;
    if (columns <= TAIL_COLUMNS || columnBytes * columns <= this.tailBytes) return true;
    // A tail that is still filling waits until it is half as long as what stands before it.
    return last * 2 > before;
  }

  /** Every piece: for each layer its keys, then its values. */
  pieces(): tf.Tensor4D[] {
    return this.layers.flatMap(({ keys, values }) => [...keys, ...values]);
  }

  /** Holds these pieces, in the order of `pieces`, instead of its own; each layer gets as many. */
  replacePieces(pieces: tf.Tensor4D[]): void {
    const stay = new Set(pieces);
    for (const old of this.pieces()) if (!stay.has(old)) old.dispose();
    const each = pieces.length / this.layers.length / 2;
    const next = [...pieces];
    this.layers = this.layers.map(() => {
      return { keys: next.splice(0, each), values: next.splice(0, each) };
    });
    for (const piece of pieces) tf.keep(piece);
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
    if (!rows.length) throw new InputError('KVCache.selectRows: there are no rows.');
    for (const row of rows) checkCount('KVCache.selectRows: a row', row, 0, this.pads.length - 1);
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

  /** Adds the rows of other caches below; shorter ones are padded on the left. The others are used up. */
  join(...others: KVCache[]): void {
    const all = [this as KVCache, ...others];
    if (new Set(all.map((cache) => cache.layers.length)).size > 1) {
      throw new InputError(
        'KVCache.join: the caches are of different models, or one was disposed.',
      );
    }
    const length = Math.max(...all.map((cache) => cache.length));
    for (const cache of all) cache.padTo(length);
    this.layers = this.layers.map((_, layer) =>
      tf.tidy(() => {
        const joined = (name: 'keys' | 'values') => [
          tf.keep(
            tf.concat(
              all.map((cache) => whole(cache.layers[layer][name])),
              0,
            ),
          ),
        ];
        const both = { keys: joined('keys'), values: joined('values') };
        // Layer by layer, so that no more than one is there twice.
        tf.dispose(all.map((cache) => [cache.layers[layer].keys, cache.layers[layer].values]));
        return both;
      }),
    );
    for (const other of others) {
      other.layers = [];
      this.pads = [...this.pads, ...other.pads];
      this.promptEnds = [...this.promptEnds, ...other.promptEnds];
      this.ids = [...this.ids, ...other.ids];
      this.lengths = [...this.lengths, ...other.lengths];
    }
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

const columnsOf = (pieces: tf.Tensor4D[]) => pieces.map((piece) => piece.shape[2]);
const bytesPerColumn = (piece: tf.Tensor4D) => 4 * (piece.size / piece.shape[2]);

function mergeLastTwo(pieces: tf.Tensor4D[]) {
  const two = pieces.splice(-2);
  pieces.push(tf.keep(tf.concat(two, 2)));
  tf.dispose(two);
}
