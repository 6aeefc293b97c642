/** What the model held while it wrote an answer. */
import * as tf from '@tensorflow/tfjs-core';
import { residPost } from '../engine/hookPoints';
import type { HookFn } from '../engine/hooks';
import { readScores, type ScoredToken, scoreTable } from '../engine/logprobs';
import type { Edit } from '../engine/steering';
import { divergence, readInPieces, type WrittenText } from '../language/inPieces';
import type { LanguageModel } from '../language/languageModel';
import { tokenText } from '../text/tokenText';
import type { Reading, ReadToken, Side } from './protocol';

/** A vector that is looked for in the residual stream. */
export interface Followed {
  name: string;
  /** u by layer. */
  units: Map<number, Float32Array>;
}

const TOP = 5;

/**
 * Reads a text once more, as the side of it that wrote it, and beside it as the other one.
 * @param text what the side read and wrote
 * @param edits those of the steered side
 * @param vectors V vectors, looked for at each layer
 * @param signal ends it early, with what was read by then
 */
export async function readSide(
  lm: LanguageModel,
  side: Side,
  text: WrittenText,
  edits: Edit[],
  vectors: Followed[],
  signal?: AbortSignal,
): Promise<Reading> {
  const { model, tokenizer } = lm;
  const layers = Array.from({ length: model.config.nLayers }, (_, layer) => layer);
  const rows = edits.length ? [edits, []] : [[]];
  const own = edits.length && side === 'unsteered' ? 1 : 0;
  const along = new Projections(vectors, layers, own);
  const tokens: ReadToken[] = [];
  const shown = (id: number) => tokenText(tokenizer, id);
  try {
    await readInPieces(
      model,
      text,
      rows,
      along.hooks,
      async (from, ids, logits) => {
        await along.take();
        const { kl, scores } = await scoresOf(logits, own);
        for (const [t, id] of ids.entries()) {
          tokens.push({
            text: shown(id),
            part: from + t < text.prompt.length ? 'prompt' : 'answer',
            kl: kl[t],
            top: scores[t].top.map(({ token, logprob }) => {
              return { text: shown(token), p: Math.exp(logprob) };
            }),
          });
        }
      },
      signal,
    );
  } finally {
    along.dispose();
  }
  return { layers, vectors: vectors.map(({ name }) => name), projections: along.values, tokens };
}

/** h·u of one row of the passes that its hooks see, by vector, layer and token. */
class Projections {
  readonly hooks: Record<string, HookFn> = {};
  /** [V][L][T] */
  readonly values: (number | null)[][][];
  /** What a pass gave, by layer: [T, V]. */
  private readonly kept = new Map<number, tf.Tensor2D>();
  /** The vectors at each layer, [D, V]; zeros for those that have none there. */
  private readonly bases: tf.Tensor2D[];

  constructor(
    private readonly vectors: Followed[],
    private readonly layers: number[],
    row: number,
  ) {
    this.values = vectors.map(() => layers.map(() => []));
    const [width = 0] = vectors.flatMap(({ units }) => [...units.values()].map((u) => u.length));
    this.bases = vectors.length ? layers.map((layer) => basisAt(vectors, layer, width)) : [];
    for (const [at, basis] of this.bases.entries()) {
      this.hooks[residPost(layers[at])] = (h) => {
        const own = tf.squeeze(tf.slice(h, row, 1), [0]) as tf.Tensor2D;
        this.kept.set(at, tf.keep(tf.matMul(own, basis)));
        return undefined;
      };
    }
  }

  /** Adds what the last pass gave, and frees it. */
  async take(): Promise<void> {
    for (const [at, tensor] of this.kept) {
      const rows = await tensor.array();
      for (const [v, { units }] of this.vectors.entries()) {
        const has = units.has(this.layers[at]);
        this.values[v][at].push(...rows.map((row) => (has ? row[v] : null)));
      }
    }
    this.drop();
  }

  dispose(): void {
    this.drop();
    tf.dispose(this.bases);
  }

  private drop() {
    tf.dispose([...this.kept.values()]);
    this.kept.clear();
  }
}

function basisAt(vectors: Followed[], layer: number, width: number): tf.Tensor2D {
  return tf.tidy(() => {
    const columns = vectors.map(({ units }) => {
      const u = units.get(layer);
      return u ? tf.tensor1d(u) : tf.zeros([width]);
    });
    return tf.stack(columns, 1) as tf.Tensor2D;
  });
}

/**
 * Of each column, KL(steered ‖ unsteered) and the likeliest tokens by one row.
 * @param logits steered and unsteered [2, T, V], or unsteered alone [1, T, V]
 */
async function scoresOf(logits: tf.Tensor3D, own: number) {
  const [rows, columns] = logits.shape;
  // What the scored token itself is, nobody asks.
  const none = new Array(columns).fill(0);
  const [kl, table] = tf.tidy(() => {
    const sides = tf.unstack(logits) as tf.Tensor2D[];
    const moved = rows > 1 ? divergence(sides[0], sides[1]) : tf.zeros([columns]);
    return [tf.relu(moved), scoreTable(sides[own], none, TOP)];
  });
  try {
    const scores = readScores((await table.data()) as Float32Array, none);
    const failed = scores.find((one) => one instanceof Error);
    if (failed) throw failed;
    return { kl: await kl.data(), scores: scores as ScoredToken[] };
  } finally {
    tf.dispose([kl, table]);
  }
}
