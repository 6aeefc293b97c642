import * as tf from '@tensorflow/tfjs-core';
import { dot } from '../engine/edits/vector';
import type { HookFn } from '../engine/hooks';
import { KVCache } from '../engine/kvCache';
import type { CausalLM, ForwardOptions } from '../engine/model';
import { type Edit, Steering } from '../engine/steering';
import { InputError } from '../util/errors';
import { actsAt, editedBy, lengthOf, marginOf } from './expectedEdit';

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

/** Logits [columns, V] of both models stand in memory for so many numbers at once. */
const LOGITS_AT_ONCE = 1 << 22;

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
  const ids = [...prompt, ...answer];
  const steering = new Steering([edits], model.config);
  const caches = [0, 1].map(() => new KVCache([0], [prompt.length]));
  const layers = [...new Set(edits.flatMap((edit) => [edit.layer, probedAt(edit)]))];
  const usual = Math.max(1, Math.floor(LOGITS_AT_ONCE / (2 * model.config.vocabSize)));
  // What a whole prompt decides is decided in the pass that holds its last token.
  const decides = edits.some(({ when }) => when?.at === 'prompt');
  const step = decides ? Math.max(usual, prompt.length) : usual;
  const tokens: TracedToken[] = [];
  const check = new Check(edits, prompt.length);
  try {
    for (let from = 0; from < ids.length; from += step) {
      await new Promise(setImmediate);
      const piece = ids.slice(from, from + step);
      const pass = { steering, cache: caches[0], lengths: [ids.length] };
      const plain = { cache: caches[1], lengths: [ids.length] };
      const next = ids.slice(from + 1, from + 1 + step);
      const read = await readPiece(model, { ids: piece, next, layers }, pass, plain);
      const last = prompt.length - 1 - from;
      if (decides && from === 0) check.prompt = (layer) => read.layers.get(layer)!.at(last);
      piece.forEach((id, t) => {
        const column = from + t;
        const at = (layer: number) => read.layers.get(layer)!.at(t);
        tokens.push({
          id,
          part: column < prompt.length ? 'prompt' : 'answer',
          edits: check.column(column, at),
          kl: Math.max(0, read.kl[t]),
        });
        const chosen = greedy && column >= prompt.length - 1 && column + 1 < ids.length;
        if (chosen) check.choice(column + 1, read.behind[t]);
      });
    }
  } finally {
    steering.dispose();
    for (const cache of caches) cache.dispose();
  }
  return { tokens, problems: check.problems() };
}

/** h before and after a layer's edits at one column, [D] each. */
interface BeforeAfter {
  before: Float64Array;
  after: Float64Array;
}

/** Tokens that are read at once, and those that follow each of them. */
interface Piece {
  ids: number[];
  next: number[];
  layers: number[];
}

async function readPiece(
  model: CausalLM,
  { ids, next, layers }: Piece,
  steered: ForwardOptions,
  plain: ForwardOptions,
) {
  const kept = new Map<string, tf.Tensor>();
  const hooks: Record<string, HookFn> = {};
  for (const layer of layers) {
    for (const point of ['hook_resid_mid', 'hook_mlp_out', 'hook_resid_post']) {
      hooks[`blocks.${layer}.${point}`] = (h, name) => {
        kept.set(name, tf.keep(tf.clone(h)));
        return undefined;
      };
    }
  }
  const { dModel, vocabSize } = model.config;
  const [kl, behind] = tf.tidy(() => {
    const [p, q] = [model.forward([ids], { ...steered, hooks }), model.forward([ids], plain)];
    const [logP, logQ] = [tf.logSoftmax(p), tf.logSoftmax(q)];
    const kl = tf.reshape(tf.sum(tf.mul(tf.exp(logP), tf.sub(logP, logQ)), -1), [-1]);
    const places = ids.map((_, t) => t * vocabSize + (next[t] ?? 0));
    const chosen = tf.gather(tf.reshape(p, [-1]), tf.tensor1d(places, 'int32'));
    return [kl, tf.sub(tf.reshape(tf.max(p, -1), [-1]), chosen)];
  });
  try {
    const read = async (layer: number, point: string) =>
      (await kept.get(`blocks.${layer}.${point}`)!.data()) as Float32Array;
    const byLayer = new Map<number, { at(t: number): BeforeAfter }>();
    for (const layer of layers) {
      const [mid, mlp, post] = [
        await read(layer, 'hook_resid_mid'),
        await read(layer, 'hook_mlp_out'),
        await read(layer, 'hook_resid_post'),
      ];
      byLayer.set(layer, {
        at: (t) => {
          const row = (i: number) => t * dModel + i;
          return {
            before: Float64Array.from({ length: dModel }, (_, i) => mid[row(i)] + mlp[row(i)]),
            after: Float64Array.from({ length: dModel }, (_, i) => post[row(i)]),
          };
        },
      });
    }
    const [divergence, gaps] = [await kl.data(), await behind.data()] as Float32Array[];
    return { layers: byLayer, kl: divergence, behind: gaps };
  } finally {
    tf.dispose([kl, behind]);
    tf.dispose([...kept.values()]);
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
