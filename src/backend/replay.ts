/**
 * Passes that are made again and again, as one call. A decoding step is hundreds of small ops, and the
 * way from here to each costs more than most of them. Where the backend can, the ops of a step are
 * noted while they run; once the same ones have come often, they become a graph, and a step is one
 * run of it. Nothing is written twice: what a model's file says is what is noted.
 *
 * A graph stands for tensors in, tensors out. So a pass is noted only when it touches nothing else:
 * its inputs, the model's weights, and numbers that are the same each time. Any other tensor, or
 * ops that change from step to step, and the pass goes on op by op.
 */
import * as tf from '@tensorflow/tfjs-core';

/** Ops that were noted, from inputs to outputs. */
export interface Program {
  /** The same for the same ops on the same places. */
  signature: string;
  build(): Graph;
}

export interface Graph {
  /** @returns the outputs; one that is an input, unchanged, is that very tensor */
  run(inputs: tf.Tensor[], weights: tf.Tensor[]): tf.Tensor[];
  dispose(): void;
}

/** What a backend must do for it. */
export interface Recorder {
  /** Whether tensors like these can be inputs of a graph. */
  takes(weights: tf.Tensor[]): boolean;
  /** Runs `body`; `program` is null where it touched other tensors than these, or numbers. */
  record(
    inputs: tf.Tensor[],
    weights: tf.Tensor[],
    body: () => tf.Tensor[],
  ): { outputs: tf.Tensor[]; program: Program | null };
}

/** A graph takes about a third of a second to build. */
const OFTEN = 8;
/** Passes with the same key must have the same ops twice before a graph stands for them. */
const SURE = 2;
const MOST_GRAPHS = 32;

let recorder: Recorder | null = null;

/** Which backend notes passes; null: none. */
export function recordWith(other: Recorder | null): void {
  recorder = other;
}

/** Where a graph can't be built (no room for its file, say), nothing is lost but time. */
function built(program: Program): Graph | undefined {
  try {
    return program.build();
  } catch (error) {
    recordWith(null);
    console.warn(`No graph of a decoding step could be built, so all go op by op: ${error}`);
    return undefined;
  }
}

/** The recordings of one model. */
class Recordings {
  private readonly programs = new Map<string, { seen: number; graph?: Graph }>();
  /** By key: the program, and how often; null where it is never the same. */
  private readonly passes = new Map<string, { signature: string; seen: number } | null>();
  private graphs = 0;

  constructor(
    readonly weights: tf.Tensor[],
    private readonly recorder: Recorder,
  ) {}

  graphOf(key: string): Graph | undefined {
    const pass = this.passes.get(key);
    return pass && pass.seen >= SURE ? this.programs.get(pass.signature)?.graph : undefined;
  }

  record(key: string, inputs: tf.Tensor[], body: () => tf.Tensor[]): tf.Tensor[] {
    const pass = this.passes.get(key);
    if (pass === null) return body();
    const { outputs, program } = this.recorder.record(inputs, this.weights, body);
    if (!program || (pass && pass.signature !== program.signature)) {
      this.passes.set(key, null);
      return outputs;
    }
    const { signature } = program;
    this.passes.set(key, { signature, seen: (pass?.seen ?? 0) + 1 });
    const known = this.programs.get(signature) ?? { seen: 0 };
    known.seen++;
    this.programs.set(signature, known);
    if (!known.graph && known.seen >= OFTEN && this.graphs < MOST_GRAPHS) {
      this.graphs++;
      known.graph = built(program);
    }
    return outputs;
  }

  dispose() {
    for (const { graph } of this.programs.values()) graph?.dispose();
    this.programs.clear();
    this.passes.clear();
  }
}

const recordings = new WeakMap<object, Recordings>();

/**
 * Runs `body`, or the graph that stands for it.
 * @param key must differ where `body` would run other ops
 * @param inputs everything that `body` reads beside the model's weights
 * @returns its outputs, and whether a graph made them, so that `body` was not called
 */
export function replayed(
  model: { weights: object },
  key: string,
  inputs: tf.Tensor[],
  body: () => tf.Tensor[],
): { outputs: tf.Tensor[]; byGraph: boolean } {
  const own = recorder && tf.engine().state.gradientDepth === 0 && recordingsOf(model, recorder);
  if (!own) return { outputs: body(), byGraph: false };
  const graph = own.graphOf(key);
  if (graph) return { outputs: graph.run(inputs, own.weights), byGraph: true };
  return { outputs: own.record(key, inputs, body), byGraph: false };
}

/** Those of a model, as long as its weights are the same tensors. */
function recordingsOf(model: { weights: object }, by: Recorder): Recordings | null {
  const weights = tensorsIn(model.weights);
  const own = recordings.get(model);
  const same = (x: tf.Tensor, i: number) => x.dataId === own?.weights[i].dataId;
  if (own && weights.length === own.weights.length && weights.every(same)) return own;
  forgetRecordings(model);
  if (!by.takes(weights)) return null;
  const fresh = new Recordings(weights, by);
  recordings.set(model, fresh);
  return fresh;
}

/** Every tensor in an object of objects, in its order. */
export function tensorsIn(container: object): tf.Tensor[] {
  return tf.tensor_util.getTensorsInContainer(container as tf.TensorContainer);
}

/** Frees the graphs of a model. */
export function forgetRecordings(model: { weights: object }): void {
  recordings.get(model)?.dispose();
  recordings.delete(model);
}
