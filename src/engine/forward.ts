/** One forward pass: where its tokens stand, what its blocks get, and how it runs. */
import * as tf from '@tensorflow/tfjs-core';
import { explain } from '../backend/graphMode';
import { forgetRecordings, replayed, tensorsIn } from '../backend/replay';
import { lastColumn } from '../nn/embedding';
import { causalMask } from '../nn/mask';
import { InputError } from '../util/errors';
import { checkForward, checkRows } from './checks';
import type { Columns } from './columns';
import type { KVCache } from './kvCache';
import type {
  CausalLM,
  Computation,
  ForwardOptions,
  ModelDims,
  ModelHook,
  Pass,
  PassNumbers,
} from './model';
import { makePass } from './pass';
import type { PassEdits } from './steering';

/** The points outside the blocks, where no pass is looked at. */
export const unhooked: ModelHook = (_, value) => value;

/** What the models of `models` have in common: how a pass runs, and how their memory is freed. */
export abstract class Decoder<C extends ModelDims, W extends object, I extends object>
  implements CausalLM, Computation<I>
{
  abstract readonly modelType: string;

  constructor(
    readonly config: C,
    readonly weights: W,
  ) {}

  abstract inputs(numbers: PassNumbers): I;
  abstract blocks(pass: Pass, inputs: I): tf.Tensor3D;
  abstract readOut(h: tf.Tensor3D, hook?: ModelHook): tf.Tensor3D;
  abstract toVocabulary(x: tf.Tensor3D): tf.Tensor3D;
  abstract projectHeads(layer: number, z: tf.Tensor3D): tf.Tensor3D;

  /** See `CausalLM.forward`. */
  forward(ids: number[][], options: ForwardOptions = {}): tf.Tensor3D {
    return forwardPass(this, ids, options);
  }

  /** Frees every tensor that the model holds. */
  dispose(): void {
    forgetRecordings(this);
    tf.dispose(tensorsIn(this));
  }
}

type Model<I extends object> = Pick<CausalLM, 'config' | 'weights'> & Computation<I>;

/**
 * Runs the computation of a model as `CausalLM.forward` promises: the input is checked, columns,
 * positions and masks are laid out, everything but the result is freed, and the cache counts the
 * new columns.
 *
 * A row that grows past `changesBeyond` makes its cached keys and values stale. The batch is then
 * computed once more from its first column, and hooks see all columns in that pass.
 */
export function forwardPass<I extends object>(
  model: Model<I>,
  ids: number[][],
  options: ForwardOptions,
): tf.Tensor3D {
  const { cache } = options;
  const layout = layOut(ids, model.config, options);
  const limit = model.config.changesBeyond ?? Number.POSITIVE_INFINITY;
  if (cache?.length && layout.lengths.some((n, b) => n > limit && cache.lengths[b] <= limit)) {
    return startOver(model, ids, options, cache);
  }
  const logits = tf.tidy(() => run(model, layout, options));
  cache?.advance(ids, layout.lengths);
  return logits;
}

/** A pass; where it can, as the graph that stands for passes like it. */
function run<I extends object>(
  model: Model<I>,
  layout: Layout,
  options: ForwardOptions,
): tf.Tensor3D {
  const { cache, logits = 'all' } = options;
  const edits = options.steering?.at(layout.columns) ?? NO_EDITS;
  const inputs = model.inputs({ ...layout, mask: masks(layout, options.mask) });
  const parts = cache?.columnsAfter(layout.columns.length) ?? [];
  const pieces = parts.length > 1 ? tf.tensor1d(parts, 'int32') : null;
  const { pass, hooks } = makePass(model.config, layout.ids, options, edits, pieces);
  const readOut = (h: tf.Tensor3D) => {
    if (logits === 'none') return tf.zeros<tf.Rank.R3>([h.shape[0], 0, model.config.vocabSize]);
    return model.readOut(logits === 'last' ? lastColumn(h) : h, pass.hook);
  };
  const compute = () => {
    const computed = readOut(model.blocks(pass, inputs));
    hooks.finish();
    return computed;
  };
  const reason = whyOpByOp(layout, options, edits);
  if (!cache || !edits.recordable || reason) {
    if (reason) explain(model, `A pass goes op by op: ${reason}.`);
    return compute();
  }
  const held = cache.pieces();
  const made = { inputs, pieces };
  const kinds = [layout.ids.length, logits, edits.recordable.key, held.length, parts.length];
  const { outputs, byGraph } = replayed(model, {
    key: [...kinds, placesOf(made)].join(' '),
    cache,
    inputs: [pass.tokens, ...tensorsIn(made), ...edits.recordable.tensors, ...held],
    body: () => [compute(), ...cache.pieces()],
  });
  if (byGraph) cache.replacePieces(outputs.slice(1) as tf.Tensor4D[]);
  return outputs[0] as tf.Tensor3D;
}

/** Why no graph could stand for a pass, whatever its ops; undefined for a decoding step. */
function whyOpByOp(
  { columns }: Layout,
  { graph = true, hooks, mask }: ForwardOptions,
  { recordable }: PassEdits,
): string | undefined {
  if (!columns.start || columns.length > 1) return 'it is no step of one token on a cache';
  if (!graph) return 'so it was asked for (graph: false)';
  if (hooks) return 'hooks are called at each step';
  if (mask) return 'it has a mask of its own';
  return recordable ? undefined : 'its steering adds rows on the way';
}

/** Where the tensors of an object stand, and what stands beside them, as text. */
function placesOf(container: object): string {
  const tensors = tensorsIn(container);
  return JSON.stringify(container, (_, x) => (x instanceof tf.Tensor ? tensors.indexOf(x) : x));
}

const NO_EDITS: PassEdits = { apply: (_, h) => h, recordable: { key: '', tensors: [] } };

/** The masks of a pass, one for each window that is asked for, with `extra` added to all. */
function masks(layout: Layout, extra: tf.Tensor4D | null = null): PassNumbers['mask'] {
  const made = new Map<number | null, tf.Tensor4D | null>();
  return (window) => {
    if (!made.has(window)) {
      const causal = causalMask({ ...layout, ...layout.columns, window });
      made.set(window, causal && extra ? tf.add<tf.Tensor4D>(causal, extra) : (causal ?? extra));
    }
    return made.get(window) ?? null;
  };
}

function startOver<I extends object>(
  model: Model<I>,
  ids: number[][],
  options: ForwardOptions,
  cache: KVCache,
): tf.Tensor3D {
  if (options.mask) throw new Error('An extra mask does not fit a pass that starts over.');
  const whole = cache.ids.map((row, b) => [...row, ...ids[b]]);
  cache.clear();
  const logits = forwardPass(model, whole, options);
  if (options.logits && options.logits !== 'all') return logits;
  const [batch, seen, vocab] = logits.shape;
  const length = ids[0].length;
  const last = tf.slice(logits, [0, seen - length, 0], [batch, length, vocab]);
  logits.dispose();
  return last;
}

/** Where the tokens of a pass stand. */
interface Layout extends Omit<PassNumbers, 'mask'> {
  pads: number[];
  columns: Columns;
}

function layOut(ids: number[][], config: ModelDims, options: ForwardOptions): Layout {
  checkRows(ids, config);
  const { cache } = options;
  const start = cache?.length ?? 0;
  const { length } = ids[0];
  checkForward(ids, start + length, options);
  const pads = cache?.pads ?? options.pads ?? ids.map(() => 0);
  const longest = start + length - Math.min(...pads);
  if (longest > config.maxPositions) {
    throw new InputError(
      `${longest} tokens are more than this model's context of ${config.maxPositions}. Shorten the prompt or generate fewer tokens.`,
    );
  }
  const end = options.promptEnd ?? start + length;
  return {
    ids,
    pads,
    columns: { start, length, promptEnds: cache?.promptEnds ?? pads.map(() => end) },
    lengths: options.lengths ?? pads.map((pad) => start + length - pad),
    positions: pads.map((pad) => Array.from({ length }, (_, t) => Math.max(0, start + t - pad))),
  };
}
