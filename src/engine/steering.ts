import type * as tf from '@tensorflow/tfjs-core';
import { checkCount } from '../util/check';
import { InputError } from '../util/errors';
import type { Columns } from './columns';
import { checkEdits } from './edit';
import { EDIT_KINDS, type Edit } from './edits';
import { Slot } from './slot';

export { EDIT_KINDS, type Edit, type EditKindName, POSITIONS, type Positions } from './edits';
export type { Condition } from './edits/condition';

/** The edits of one forward call. */
export interface PassEdits {
  /** h [B, T, D] after block `layer`, edited. Called for every layer, in their order. */
  apply(layer: number, h: tf.Tensor3D): tf.Tensor3D;
  /**
   * All tensors that `apply` takes beside h, and a key that differs where its ops do; null where
   * that is not known beforehand.
   */
  recordable: { key: string; tensors: tf.Tensor[] } | null;
}

/** What edits the residual stream: `Steering`, or `Branches`. */
export interface Steerer {
  at(columns: Columns): PassEdits;
}

/**
 * The steering of a batch: each row has its own list of edits, applied in the listed order (per
 * layer), as tensor additions on the residual stream (paper, section 3).
 *
 * What the last prompt token decides (`when: { at: 'prompt' }`) is decided in the pass that holds it,
 * and holds for the passes after that.
 */
export class Steering implements Steerer {
  private slots: Slot[] = [];
  private disposed = false;

  /**
   * @param rows the edits of each row
   * @throws InputError for rows that are not lists of edits, or an edit that does not fit the model
   */
  constructor(
    private rows: Edit[][],
    private config: { nLayers: number; dModel: number },
  ) {
    checkEdits('Steering: rows', rows, config);
    this.compile();
  }

  private compile() {
    for (const layer of new Set(this.rows.flat().map((edit) => edit.layer))) {
      const perRow = this.rows.map((row) => row.filter((edit) => edit.layer === layer));
      const count = Math.max(...perRow.map((row) => row.length));
      for (let j = 0; j < count; j++) {
        // A row has one j-th edit, so that the order of kinds here is nobody's.
        for (const kind of EDIT_KINDS) {
          const edits = perRow.map((row) => (row[j]?.kind === kind ? row[j] : undefined));
          if (edits.some(Boolean))
            this.slots.push(new Slot(layer, kind, edits, this.config.dModel));
        }
      }
    }
  }

  /**
   * @throws InputError when it was disposed, the pass has other rows, or needs what a prompt decides
   *   before that prompt is there
   */
  at(columns: Columns): PassEdits {
    if (this.disposed) throw new InputError('This Steering was disposed: it would change nothing.');
    const { length } = columns.promptEnds;
    if (length !== this.rows.length) {
      throw new InputError(`Steering of ${this.rows.length} rows in a pass of ${length}.`);
    }
    const parts = this.slots.flatMap((slot) => slot.at(columns) ?? []);
    return {
      recordable: {
        key: parts.map(({ key }) => key).join(),
        tensors: parts.flatMap(({ tensors }) => tensors),
      },
      apply(layer, h) {
        // Before any edit of this layer, so that their order is nothing to conditions.
        for (const part of parts) part.read(layer, h);
        return parts.reduce((edited, part) => part.apply(layer, edited), h);
      },
    };
  }

  /**
   * The edits as they go on: what a prompt has decided is no condition any more. Those that act are
   * without it, the others are gone.
   */
  decided(): Edit[][] {
    const waits = (edit: Edit) => edit.when?.at === 'prompt';
    return this.rows.map((list, row) =>
      list.flatMap((edit) => {
        const slot = waits(edit) && this.slots.find(({ edits }) => edits[row] === edit);
        const acts = slot ? slot.verdict(row) : undefined;
        if (acts === undefined) return [edit];
        const { when: _, ...always } = edit;
        return acts ? [always as Edit] : [];
      }),
    );
  }

  /** Keeps only the given rows, in the given order. */
  selectRows(rows: number[]): void {
    for (const row of rows) checkCount('Steering.selectRows: a row', row, 0, this.rows.length - 1);
    const decided = this.decided();
    this.freeSlots();
    this.rows = rows.map((row) => decided[row]);
    this.compile();
  }

  dispose(): void {
    this.freeSlots();
    this.disposed = true;
  }

  private freeSlots() {
    for (const slot of this.slots) slot.dispose();
    this.slots = [];
  }
}
