import * as tf from '@tensorflow/tfjs-core';
import { dot } from '../engine/edits/vector';
import type { HookFn } from '../engine/hooks';
import type { CausalLM } from '../engine/model';
import type { Edit } from '../engine/steering';
import { InputError } from '../util/errors';
import { actsAt, editedBy, lengthOf, marginOf } from './expectedEdit';
import { divergence, readInPieces } from './inPieces';

/** What the edits of one layer did to the residual stream at one token. */
export interface TracedEdit {
  layer: number;
  /** h·u before the layer's edits, u being this edit's vector divided by its length. */
  before: number;
  /** h·u after them. */
  after: number;
  /** |h| before and after them. */
  normBefore: number;
  norm: number;
  /** Whether the positions of this edit include the token. */
  acts: boolean;
}

export interface TracedToken {
  id: number;
  /** Whether it is part of the prompt or was generated. */
  part: 'prompt' | 'answer';
  /** One for each edit, in their order. */
  edits: TracedEdit[];
  /**
   * KL(steered ‖ unsteered) of the distributions of the token after this one, in nats; the unsteered
   * model reads the same tokens.
   */
  kl: number;
}

export interface Trace {
  tokens: TracedToken[];
  /** Where the edits that were asked for are not those that acted, in words; none if all is well. */
  problems: string[];
}

export interface TraceOptions {
  /** The answer was chosen greedily: then it must be what the steered model finds likeliest. */
  greedy?: boolean;
}

/**
 * Follows edits through a text token by token. The residual stream before a layer's edits is read as
 * what the block adds up (`hook_resid_mid` + `hook_mlp_out`), after them as `hook_resid_post`, and
 * the edits are recomputed from the one and compared with the other.
 * @param prompt ids, BOS included
 * @param answer the ids that were generated
 * @throws InputError where there is no edit
 */
export async function traceEdits(
  model: CausalLM,
  prompt: number[],
  answer: number[],
  edits: Edit[],
  { greedy = false }: TraceOptions = {},
): Promise<Trace> {
  if (!edits.length) throw new InputError('traceEdits: there are no edits to follow.');
  const layers = [...new Set(edits.flatMap((edit) => [edit.layer, probedAt(edit)]))];
  const residuals = new Residuals(layers, model.config.dModel);
  const following = [...prompt, ...answer].slice(1);
  const decides = edits.some(({ when }) => when?.at === 'prompt');
  const tokens: TracedToken[] = [];
  const check = new Check(edits, prompt.length);
  try {
    const rows = [edits, []];
    await readInPieces(
      model,
      { prompt, answer },
      rows,
      residuals.hooks,
      async (from, ids, logits) => {
        const next = following.slice(from, from + ids.length);
        const [states, scores] = [await residuals.read(), await scoresOf(logits, next)];
        const last = prompt.length - 1 - from;
        if (decides && from === 0) check.prompt = (layer) => states.get(layer)!(last);
        for (const [t, id] of ids.entries()) {
          const column = from + t;
          tokens.push({
            id,
            part: column < prompt.length ? 'prompt' : 'answer',
            edits: check.column(column, (layer) => states.get(layer)!(t)),
            kl: Math.max(0, scores.kl[t]),
          });
          const chosen = greedy && column >= prompt.length - 1 && t < next.length;
          if (chosen) check.choice(column + 1, scores.behind[t]);
        }
      },
    );
  } finally {
    residuals.dispose();
  }
  return { tokens, problems: check.problems() };
}

/** h before and after a layer's edits at one column, [D] each. */
interface BeforeAfter {
  before: Float64Array;
  after: Float64Array;
}

/** Keeps the residual stream of the first row of each pass around the edits of some layers. */
class Residuals {
  readonly hooks: Record<string, HookFn> = {};
  private readonly kept = new Map<string, tf.Tensor>();

  constructor(
    private readonly layers: number[],
    private readonly dModel: number,
  ) {
    for (const layer of layers) {
      for (const point of ['hook_resid_mid', 'hook_mlp_out', 'hook_resid_post']) {
        this.hooks[`blocks.${layer}.${point}`] = (h, name) => {
          this.kept.set(name, tf.keep(tf.slice(h, 0, 1)));
          return undefined;
        };
      }
    }
  }

  /** By layer, h at a column of the last pass; what was kept of it is freed. */
  async read(): Promise<Map<number, (t: number) => BeforeAfter>> {
    const { dModel } = this;
    const numbers = async (layer: number, point: string) =>
      (await this.kept.get(`blocks.${layer}.${point}`)!.data()) as Float32Array;
    const byLayer = new Map<number, (t: number) => BeforeAfter>();
    for (const layer of this.layers) {
      const [mid, mlp, post] = [
        await numbers(layer, 'hook_resid_mid'),
        await numbers(layer, 'hook_mlp_out'),
        await numbers(layer, 'hook_resid_post'),
      ];
      byLayer.set(layer, (t) => {
        const row = (i: number) => t * dModel + i;
        return {
          before: Float64Array.from({ length: dModel }, (_, i) => mid[row(i)] + mlp[row(i)]),
          after: Float64Array.from({ length: dModel }, (_, i) => post[row(i)]),
        };
      });
    }
    this.dispose();
    return byLayer;
  }

  dispose(): void {
    tf.dispose([...this.kept.values()]);
    this.kept.clear();
  }
}

/**
 * Of each column, KL(steered ‖ unsteered), and how far the steered logit of the token that follows
 * lies behind the largest one.
 * @param logits steered and unsteered, [2, T, V]
 */
async function scoresOf(logits: tf.Tensor3D, next: number[]) {
  const [, columns, vocabSize] = logits.shape;
  const table: tf.Tensor2D = tf.tidy(() => {
    const [p, q] = tf.unstack(logits);
    const places = Array.from({ length: columns }, (_, t) => t * vocabSize + (next[t] ?? 0));
    const chosen = tf.gather(tf.reshape(p, [-1]), tf.tensor1d(places, 'int32'));
    return tf.stack([divergence(p, q), tf.sub(tf.max(p, -1), chosen)]) as tf.Tensor2D;
  });
  try {
    const [kl, behind] = await table.array();
    return { kl, behind };
  } finally {
    table.dispose();
  }
}

/** Of float32: what a sum of h and an edit may differ by, as a share of |h| and of the edit. */
const OF_H = 1e-5;
const OF_EDIT = 1e-4;
/** How far a greedy choice may lie behind the largest logit: rounding in another batch is less. */
const BEHIND = 0.1;

/** The layer where an edit's condition is read; its own where there is none. */
const probedAt = ({ layer, when }: Edit) => when?.layer ?? layer;

/** Compares what the edits did with what they should have done, column by column. */
class Check {
  /** h of the last prompt token, by layer; known where some condition asks for it. */
  prompt: ((layer: number) => BeforeAfter) | undefined;
  private readonly wrong = new Map<number, { column: number; off: number; wanted: number }>();
  private acted = false;
  private unlikely: { column: number; gap: number } | undefined;

  constructor(
    private readonly edits: Edit[],
    private readonly promptEnd: number,
  ) {}

  column(column: number, at: (layer: number) => BeforeAfter): TracedEdit[] {
    const margins = this.edits.map((edit) => this.margin(edit, column, at));
    for (const layer of new Set(this.edits.map((edit) => edit.layer))) {
      this.compare(layer, column, margins, at(layer));
    }
    return this.edits.map((edit, i) => {
      const { before, after } = at(edit.layer);
      const along = (h: Float64Array) => dot(h, edit.vector) / lengthOf(edit.vector);
      return {
        layer: edit.layer,
        before: along(before),
        after: along(after),
        normBefore: lengthOf(before),
        norm: lengthOf(after),
        acts: margins[i] > 0,
      };
    });
  }

  /** Above 0 where an edit acts; infinite where that hangs on no number. */
  private margin(edit: Edit, column: number, at: (layer: number) => BeforeAfter): number {
    if (!actsAt(edit, column, this.promptEnd)) return -Infinity;
    if (!edit.when) return Infinity;
    const read = edit.when.at === 'prompt' ? this.prompt! : at;
    return marginOf(edit.when, read(probedAt(edit)).before);
  }

  private compare(layer: number, column: number, margins: number[], state: BeforeAfter) {
    const own = this.edits.flatMap((edit, i) =>
      edit.layer === layer ? [{ edit, margin: margins[i] }] : [],
    );
    const acting = own.filter(({ margin }) => margin > 0);
    const wanted = acting.reduce((h, { edit }) => editedBy(edit, h), state.before);
    const change = distance(wanted, state.before);
    const off = distance(wanted, state.after);
    const most = OF_H * lengthOf(state.before) + OF_EDIT * change;
    if (change > OF_H * lengthOf(state.before)) this.acted = true;
    // So near its threshold, rounding may decide a condition.
    if (own.some(({ margin }) => Math.abs(margin) < OF_H)) return;
    // NaN is wrong, too.
    if (!(off <= most) && !this.wrong.has(layer)) {
      this.wrong.set(layer, { column, off, wanted: change });
    }
  }

  /** @param gap how far the logit of the token at `column` lies behind the largest one */
  choice(column: number, gap: number): void {
    if (!(gap <= BEHIND)) this.unlikely ??= { column, gap };
  }

  problems(): string[] {
    const wrong = [...this.wrong].map(
      ([layer, { column, off, wanted }]) =>
        `At layer ${layer}, token ${column}, the residual stream is ${off.toPrecision(3)} away from what ` +
        `the edit gives (which moves it by ${wanted.toPrecision(3)}).`,
    );
    if (this.unlikely) {
      const { column, gap } = this.unlikely;
      wrong.push(
        `Token ${column} of the answer is not what the model with these edits finds likeliest ` +
          `(its logit is ${gap.toPrecision(3)} below that).`,
      );
    }
    if (wrong.length || this.acted) return wrong;
    return [
      'No edit changed anything at any token: their weights or positions leave nothing to do.',
    ];
  }
}

const distance = (a: Float64Array, b: Float64Array) => lengthOf(a.map((x, i) => x - b[i]));
