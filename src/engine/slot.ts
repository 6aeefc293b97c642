/** Edits of one kind at one layer, one for each row: what a Steering is made of. */
import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../util/errors';
import { type Columns, lastPromptToken, positionMask } from './columns';
import { type Edit, type EditKindName, kindOf, type Positions } from './edits';
import { type Condition, Probe } from './edits/condition';
import type { Operands } from './edits/kind';

/** A slot in one forward call. */
export interface SlotPass {
  /** Differs where the ops do. */
  key: string;
  tensors: tf.Tensor[];
  /** Reads the conditions of this layer, if there are some; h [B, T, D] is unedited. */
  read(layer: number, h: tf.Tensor3D): void;
  /** h [B, T, D], edited where `layer` is the slot's. */
  apply(layer: number, h: tf.Tensor3D): tf.Tensor3D;
}

/** The j-th edit at one layer, of one kind, for every row at once; zeros for rows without one. */
export class Slot {
  private readonly operands: Operands;
  private readonly positions: Positions[];
  private readonly probes: Probe[];
  /** What prompts have decided, by probe, [B, 1, 1]. */
  private readonly verdicts = new Map<Probe, tf.Tensor>();
  /** What a lower layer's condition said, until this slot's layer comes: [B, T, 1]. */
  private carried: tf.Tensor[] = [];

  constructor(
    readonly layer: number,
    readonly kind: EditKindName,
    readonly edits: (Edit | undefined)[],
    dModel: number,
  ) {
    this.operands = operandsOf(kind, edits, dModel);
    this.positions = edits.map((edit) => edit?.positions ?? 'all');
    this.probes = probesOf(layer, edits, dModel);
  }

  /** @returns null where it does nothing in these columns */
  at(columns: Columns): SlotPass | null {
    this.dropCarried();
    const { layer, kind, operands, probes } = this;
    const mask = positionMask(this.positions, columns);
    const deciding = this.decides(columns);
    if (mask === 'nowhere' && !deciding) return null;
    const last = deciding ? lastPromptToken(columns) : null;
    const reading = probes.filter(({ at }) => (at === 'prompt' ? deciding : mask !== 'nowhere'));
    const known = probes.filter((probe) => !reading.includes(probe));
    if (known.some((probe) => !this.verdicts.has(probe))) throw undecided(layer);
    const gates: tf.Tensor[] = [...known.map((probe) => this.verdicts.get(probe)!)];
    if (mask && mask !== 'nowhere') gates.push(mask);
    const tensors = [...operands.vectors, ...operands.amounts, ...gates];
    return {
      key: [layer, kind, gates.length, ...reading.map(({ key, at }) => `${key}${at}`)].join(' '),
      tensors: [...tensors, ...reading.flatMap((probe) => probe.tensors)],
      read: (at, h) => {
        for (const probe of reading) {
          if (probe.layer === at) gates.push(this.verdictOf(probe, h, last));
        }
      },
      apply: (at, h) => {
        if (at !== layer || mask === 'nowhere') return h;
        for (const { factor, of } of kindOf(kind).terms(h, operands)) {
          h = tf.add(h, tf.mul(gates.reduce(tf.mul<tf.Tensor>, factor), of));
        }
        this.dropCarried();
        return h;
      },
    };
  }

  /** Whether the edit of a row acts from here on; undefined while its prompt is not decided. */
  verdict(row: number): boolean | undefined {
    const probes = this.probes.filter(({ at, conditions }) => at === 'prompt' && conditions[row]);
    if (probes.some((probe) => !this.verdicts.has(probe))) return undefined;
    return probes.every((probe) => this.verdicts.get(probe)!.dataSync()[row] === 1);
  }

  dispose(): void {
    this.dropCarried();
    tf.dispose([...this.verdicts.values()]);
    this.verdicts.clear();
    tf.dispose([this.operands.vectors, this.operands.amounts]);
    for (const probe of this.probes) probe.dispose();
  }

  /** 1 where a condition holds, [B, T, 1]; of a prompt [B, 1, 1], and remembered. */
  private verdictOf(probe: Probe, h: tf.Tensor3D, last: tf.Tensor3D | null): tf.Tensor {
    const passes = probe.passes(h);
    if (probe.at === 'prompt') {
      // Rows whose prompt ends elsewhere have no condition here: they pass.
      const fails = tf.sum(tf.mul(last!, tf.sub(1, passes)), 1, true);
      const verdict = tf.keep(tf.sub(1, fails));
      this.verdicts.get(probe)?.dispose();
      this.verdicts.set(probe, verdict);
      return verdict;
    }
    if (probe.layer < this.layer) this.carried.push(tf.keep(passes));
    return passes;
  }

  /** Whether the last prompt token of the rows with such a condition is among these columns. */
  private decides({ start, length, promptEnds }: Columns): boolean {
    const inside = this.probes.flatMap(({ at, conditions }) =>
      at === 'token'
        ? []
        : promptEnds
            .filter((_, row) => conditions[row])
            .map((end) => end > start && end <= start + length),
    );
    if (inside.includes(true) && inside.includes(false)) throw undecided(this.layer);
    return inside.includes(true);
  }

  private dropCarried() {
    tf.dispose(this.carried);
    this.carried = [];
  }
}

const undecided = (layer: number) =>
  new InputError(
    `An edit at layer ${layer} waits for what the last prompt token decides (when: { at: "prompt" }): the pass with that token must come first, and be one for all rows.`,
  );

function operandsOf(kind: EditKindName, edits: (Edit | undefined)[], dModel: number): Operands {
  const { vectors, amounts } = kindOf(kind);
  const rows = edits.map((edit) => edit && { vectors: vectors(edit), amounts: amounts(edit) });
  const some = rows.find((row) => row !== undefined)!;
  const batch = edits.length;
  return {
    vectors: some.vectors.map((_, i) => {
      const all = new Float32Array(batch * dModel);
      for (const [row, own] of rows.entries()) if (own) all.set(own.vectors[i], row * dModel);
      return tf.tensor3d(all, [batch, 1, dModel]);
    }),
    amounts: some.amounts.map((_, i) =>
      tf.tensor3d(
        rows.map((row) => row?.amounts[i] ?? 0),
        [batch, 1, 1],
      ),
    ),
  };
}

/** The conditions of a slot's edits, those read alike together. */
function probesOf(layer: number, edits: (Edit | undefined)[], dModel: number): Probe[] {
  const placeOf = (when: Condition) => `${when.layer ?? layer} ${when.at ?? 'token'}`;
  const conditions = edits.map((edit) => edit?.when);
  const places = new Set(conditions.flatMap((when) => (when ? [placeOf(when)] : [])));
  return [...places].map((place) => {
    const own = conditions.map((when) => (when && placeOf(when) === place ? when : undefined));
    const { layer: at = layer, at: when = 'token' } = own.find((one) => one !== undefined)!;
    return new Probe(at, when, own, dModel);
  });
}
