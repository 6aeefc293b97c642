import * as tf from '@tensorflow/tfjs-core';
import { checkCount } from '../util/check';
import { InputError } from '../util/errors';
import { checkEdits, type Edit, type Positions } from './edit';

export { type Edit, POSITIONS, type Positions } from './edit';

/** The columns of one forward call, as far as steering must know them. */
export interface Columns {
  /** Columns before this call. */
  start: number;
  /** T */
  length: number;
  /** For each row, the first column that counts as generated. */
  promptEnds: number[];
}

/** The edits of one forward call. */
export interface PassEdits {
  /** h [B, T, D] after block `layer`, edited. */
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

/** The j-th edit at one layer for every row at once; rows without one carry a zero vector. */
interface Slot {
  /** u, [B, 1, D] */
  vector: tf.Tensor3D;
  /** weight (add) or target (project), [B, 1, 1] */
  amount: tf.Tensor3D;
  /** 1 where the row projects, 0 where it adds, [B, 1, 1]; null when no row projects. */
  projects: tf.Tensor3D | null;
  positions: Positions[];
}

/**
 * The steering of a batch: each row has its own list of edits, applied in the listed order (per
 * layer), as tensor additions on the residual stream (paper, section 3).
 */
export class Steering implements Steerer {
  private slots = new Map<number, Slot[]>();
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
    const layers = new Set(this.rows.flat().map((edit) => edit.layer));
    for (const layer of layers) {
      const perRow = this.rows.map((row) => row.filter((edit) => edit.layer === layer));
      const count = Math.max(...perRow.map((row) => row.length));
      const slots = Array.from({ length: count }, (_, j) =>
        makeSlot(
          perRow.map((row) => row[j]),
          this.config.dModel,
        ),
      );
      this.slots.set(layer, slots);
    }
  }

  /** @throws InputError when it was disposed, or the pass has other rows */
  at(columns: Columns): PassEdits {
    if (this.disposed) throw new InputError('This Steering was disposed: it would change nothing.');
    const { length } = columns.promptEnds;
    if (length !== this.rows.length) {
      throw new InputError(`Steering of ${this.rows.length} rows in a pass of ${length}.`);
    }
    const edits = [...this.slots].flatMap(([layer, slots]) =>
      slots.flatMap((slot) => {
        const mask = positionMask(slot.positions, columns);
        return mask === 'nowhere' ? [] : [{ layer, mask, ...slot }];
      }),
    );
    const parts = edits.map(({ layer, vector, amount, projects, mask }) => ({
      key: `${layer}${projects ? 'p' : ''}${mask ? 'm' : ''}`,
      tensors: [vector, amount, projects, mask].filter((x) => x !== null),
    }));
    return {
      recordable: {
        key: parts.map(({ key }) => key).join(),
        tensors: parts.flatMap(({ tensors }) => tensors),
      },
      apply(layer, h) {
        for (const { vector, amount, projects, mask } of edits.filter((e) => e.layer === layer)) {
          let factor: tf.Tensor = amount;
          if (projects) {
            const along = tf.sum(tf.mul(h, vector), -1, true);
            factor = tf.sub(amount, tf.mul(projects, along));
          }
          if (mask) factor = tf.mul(factor, mask);
          h = tf.add(h, tf.mul(factor, vector));
        }
        return h;
      },
    };
  }

  /** Keeps only the given rows, in the given order. */
  selectRows(rows: number[]): void {
    for (const row of rows) checkCount('Steering.selectRows: a row', row, 0, this.rows.length - 1);
    this.freeSlots();
    this.rows = rows.map((row) => this.rows[row]);
    this.compile();
  }

  dispose(): void {
    this.freeSlots();
    this.disposed = true;
  }

  private freeSlots() {
    for (const slot of [...this.slots.values()].flat()) {
      tf.dispose([slot.vector, slot.amount]);
      slot.projects?.dispose();
    }
    this.slots.clear();
  }
}

function makeSlot(edits: (Edit | undefined)[], dModel: number): Slot {
  const batch = edits.length;
  const vector = new Float32Array(batch * dModel);
  const amount = new Float32Array(batch);
  const projects = new Float32Array(batch);
  edits.forEach((edit, row) => {
    if (!edit) return;
    vector.set(edit.vector, row * dModel);
    amount[row] = edit.kind === 'add' ? edit.weight : edit.target;
    projects[row] = edit.kind === 'project' ? 1 : 0;
  });
  return {
    vector: tf.tensor3d(vector, [batch, 1, dModel]),
    amount: tf.tensor3d(amount, [batch, 1, 1]),
    projects: projects.includes(1) ? tf.tensor3d(projects, [batch, 1, 1]) : null,
    positions: edits.map((edit) => edit?.positions ?? 'all'),
  };
}

/** 1 where a row is steered, [B, T, 1]; null when every row is steered at every column. */
function positionMask(
  positions: Positions[],
  { start, length, promptEnds }: Columns,
): tf.Tensor3D | 'nowhere' | null {
  if (positions.every((where) => where === 'all')) return null;
  const on = {
    all: () => true,
    prompt: (column: number, end: number) => column < end,
    last: (column: number, end: number) => column === end - 1,
    generated: (column: number, end: number) => column >= end,
  };
  const values = positions.flatMap((where, row) =>
    Array.from({ length }, (_, t) => (on[where](start + t, promptEnds[row]) ? 1 : 0)),
  );
  if (!values.includes(1)) return 'nowhere';
  return tf.tensor3d(values, [positions.length, length, 1]);
}
