/** Steering once more: numbers in lists, one row, no cache, no padding, no `Steering`. */
import * as tf from '@tensorflow/tfjs-core';
import { type HookFn, residPost } from '../../../src/engine/hooks';
import type { CausalLM } from '../../../src/engine/model';
import type { Condition, Edit } from '../../../src/engine/steering';

type Numbers = ArrayLike<number>;
const dot = (x: Numbers, y: Numbers) => Array.from(x).reduce((sum, a, i) => sum + a * y[i], 0);
const plus = (x: Numbers, c: number, y: Numbers) => Array.from(x, (a, i) => a + c * y[i]);
const length = (x: Numbers) => Math.sqrt(dot(x, x));

/** What is written of each kind in docs/steering.md. */
function edited(h: number[], edit: Edit): number[] {
  const { vector: u } = edit;
  const now = dot(h, u);
  const to = (target: number) => plus(h, target - now, u);
  if (edit.kind === 'add') return plus(h, edit.weight, u);
  if (edit.kind === 'project') return to(edit.target);
  if (edit.kind === 'ablate') return to(0);
  if (edit.kind === 'clamp') return to(Math.min(edit.max ?? 1e9, Math.max(edit.min ?? -1e9, now)));
  const other = edit.second ?? h;
  const beside = plus(other, -dot(other, u), u);
  const v = beside.map((x) => x / length(beside));
  const inPlane = Math.hypot(now, dot(h, v));
  const angle = (edit.angle / 180) * Math.PI;
  const outside = plus(plus(h, -now, u), -dot(h, v), v);
  return plus(plus(outside, inPlane * Math.cos(angle), u), inPlane * Math.sin(angle), v);
}

function holds({ vector, above, below, of }: Condition, h: number[]): boolean {
  const value = dot(h, vector) / (of === 'cosine' ? length(h) : 1);
  return above === undefined ? value < below! : value > above;
}

/**
 * One row through the model, edited by hooks.
 * @param promptEnd tokens of the prompt
 * @returns by layer and column, and the logits after the last token
 */
export function editedByHand(model: CausalLM, row: number[], promptEnd: number, edits: Edit[]) {
  const on = {
    all: () => true,
    prompt: (t: number) => t < promptEnd,
    last: (t: number) => t === promptEnd - 1,
    generated: (t: number) => t >= promptEnd,
  };
  const unedited: number[][][] = [];
  const after: number[][][] = [];
  const hooks: Record<string, HookFn> = {};
  for (let layer = 0; layer < model.config.nLayers; layer++) {
    hooks[residPost(layer)] = (h) => {
      const [columns] = h.arraySync() as number[][][];
      unedited[layer] = columns;
      after[layer] = columns.map((column, t) =>
        edits
          .filter((edit) => edit.layer === layer && on[edit.positions ?? 'all'](t))
          .filter(({ when }) => {
            const read = when?.at === 'prompt' ? promptEnd - 1 : t;
            return !when || holds(when, unedited[when.layer ?? layer][read]);
          })
          .reduce(edited, column),
      );
      return tf.tensor3d([after[layer]]);
    };
  }
  return tf.tidy(() => {
    const logits = model.forward([row], { hooks, logits: 'last' }).arraySync()[0][0];
    return { residPost: after, logits };
  });
}
