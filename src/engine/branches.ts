import * as tf from '@tensorflow/tfjs-core';
import { checkCount } from '../util/check';
import { InputError } from '../util/errors';
import type { Columns } from './columns';
import { checkEdits } from './edit';
import type { KVCache } from './kvCache';
import type { ModelDims } from './model';
import { type Edit, type PassEdits, type Steerer, Steering } from './steering';

/** A row of the result: one of the prompts, with its edits. */
export interface Branch {
  /** Index among the trunks. */
  trunk: number;
  edits: Edit[];
}

/**
 * Whether a row with these edits can be a branch: each layer's edits must be told by that layer alone.
 * A condition that is read at a lower layer, or decided by the whole prompt, is not.
 */
export function canBranch(edits: Edit[]): boolean {
  return edits.every(({ when, layer }) => {
    return !when || ((when.layer ?? layer) === layer && when.at !== 'prompt');
  });
}

/**
 * One pass over prompts that serves many steered rows. Below the lowest layer that a row steers it
 * is the unsteered prompt, computed once for all: the pass begins with one row per prompt (a trunk),
 * and a branch leaves its trunk where it is first steered. Residual streams, keys and values below
 * are shared; `settle` copies them to the rows in the end.
 *
 * The trunks must have one length, so that positions and masks hold for any number of rows.
 */
export class Branches implements Steerer {
  /** By layer: the branches that leave there. */
  private readonly leaving = new Map<number, number[]>();
  /** Rows alive at the start of each layer: which branch, or (trunk only) -1 - trunk. */
  private readonly alive: number[][] = [];
  private readonly topLayer: number;

  constructor(
    private readonly branches: Branch[],
    trunks: number,
    private readonly config: ModelDims,
  ) {
    checkCount('Branches: trunks', trunks, 1);
    checkEdits(
      'Branches: edits',
      branches.map(({ edits }) => edits),
      config,
    );
    const lone = branches.findIndex(({ edits }) => !canBranch(edits));
    if (lone >= 0) {
      throw new InputError(
        `Branches: branch ${lone} has a condition of another layer, or of its prompt: make it a row of its own.`,
      );
    }
    this.topLayer = -1;
    for (const [i, { trunk, edits }] of branches.entries()) {
      checkCount(`Branches: branch ${i}: trunk`, trunk, 0, trunks - 1);
      if (!edits.length) continue;
      const lowest = Math.min(...edits.map(({ layer }) => layer));
      this.leaving.set(lowest, [...(this.leaving.get(lowest) ?? []), i]);
      this.topLayer = Math.max(this.topLayer, lowest);
    }
    this.alive[0] = Array.from({ length: trunks }, (_, trunk) => -1 - trunk);
  }

  at(columns: Columns): PassEdits {
    return { recordable: null, apply: (layer, h) => this.apply(layer, h, columns) };
  }

  /** h of the rows alive after block `layer` → h of the rows alive at the next one, steered. */
  private apply(layer: number, h: tf.Tensor3D, columns: Columns): tf.Tensor3D {
    const before = this.alive[layer];
    const after = this.rowsAfter(layer, before);
    this.alive[layer + 1] = after;
    const from = after.map((row) => {
      const at = before.indexOf(row);
      return at >= 0 ? at : before.indexOf(-1 - this.branches[row].trunk);
    });
    const same = from.length === before.length && from.every((row, i) => row === i);
    const rows = same ? h : tf.gather(h, tf.tensor1d(from, 'int32'));
    const edits = after.map((row) =>
      row < 0 ? [] : this.branches[row].edits.filter((edit) => edit.layer === layer),
    );
    if (!edits.some((list) => list.length)) return rows;
    const steering = new Steering(edits, this.config);
    const end = columns.promptEnds[0];
    const own = { ...columns, promptEnds: after.map(() => end) };
    const steered = steering.at(own).apply(layer, rows);
    steering.dispose();
    return steered;
  }

  private rowsAfter(layer: number, before: number[]): number[] {
    const rows = [...before, ...(this.leaving.get(layer) ?? [])];
    if (layer < this.topLayer) return rows;
    // No branch is left to leave: a trunk goes on only where an unsteered row is it.
    const needed = new Set(
      this.branches.filter(({ edits }) => !edits.length).map(({ trunk }) => -1 - trunk),
    );
    return rows.filter((row) => row >= 0 || needed.has(row));
  }

  /**
   * Brings the cache of the pass to one row per branch, in their order.
   * @returns for each branch, its row in the pass's last hidden state
   */
  settle(cache: KVCache): number[] {
    const rowsAt = (layer: number) =>
      this.branches.map(({ trunk }, i) => {
        const at = this.alive[layer].indexOf(i);
        return at >= 0 ? at : this.alive[layer].indexOf(-1 - trunk);
      });
    cache.selectRows(
      this.branches.map(({ trunk }) => trunk),
      rowsAt,
    );
    return rowsAt(this.config.nLayers);
  }
}
