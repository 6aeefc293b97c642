/** What was noted of a model's steps: which are alike, their graphs, and whether these still hold. */
import type * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../util/errors';
import { explain, graphMode } from './graphMode';

/** Ops that were noted, from inputs to outputs. */
export interface Program {
  /** The same for the same ops on the same places: a line for each constant and op. */
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
  /** Runs `body`; in place of a program, the reason why there can be none. */
  record(
    inputs: tf.Tensor[],
    weights: tf.Tensor[],
    body: () => tf.Tensor[],
  ): { outputs: tf.Tensor[]; program: Program | string };
}

/** A pass that may be replaced by a graph. */
export interface Pass {
  /** Must differ where `body` would run other ops. */
  key: string;
  /** What the pass continues: a model that changes is noticed with the next one. */
  cache: object;
  /** Everything that `body` reads beside the model's weights. */
  inputs: tf.Tensor[];
  body(): tf.Tensor[];
}

/** A graph takes about a third of a second to build. */
const OFTEN = 8;
/** Passes with the same key must have the same ops twice before a graph stands for them. */
const ALIKE = 2;
/** So many runs of a graph, then a step op by op, to compare. */
const RUNS_UNCHECKED = 64;
const RUNS_UNCHECKED_EXPLAINED = 8;
/** The text of a program is some 50 kB. */
const MOST_PROGRAMS = 64;
const MOST_KEYS = 512;
const MOST_GRAPHS = 32;
/** A graph that was not run for so many passes makes room for another. */
const IDLE = 2000;

/** A program that was seen, and its graph once it has come often. */
interface Known {
  signature: string;
  seen: number;
  graph?: Graph;
  usedAt: number;
}

/** What is known of the passes with one key. */
interface Entry {
  /** null: it is never the same. */
  program: Known | null;
  /** How often it was the same. */
  seen: number;
  /** The newest cache when it was last run op by op. */
  checkedIn: number;
  /** Runs of the graph since then. */
  unchecked: number;
  usedAt: number;
}

/** The recordings of one model. */
export class Recordings {
  private readonly programs = new Map<string, Known>();
  private readonly entries = new Map<string, Entry>();
  /** Caches, numbered in the order in which they came, or came to a model that had changed. */
  private readonly numbers = new WeakMap<object, number>();
  private caches = 0;
  /** Passes so far. */
  private clock = 0;
  private warned = false;
  private state: unknown[] = [];

  constructor(
    private readonly model: object,
    readonly weights: tf.Tensor[],
    private readonly recorder: Recorder,
    private readonly giveUp: (error: unknown) => void,
  ) {}

  run(pass: Pass): { outputs: tf.Tensor[]; byGraph: boolean } {
    this.clock++;
    const state = stateOf(this.model);
    const same = state.every((value, i) => Object.is(value, this.state[i]));
    const known = same && state.length === this.state.length && this.numbers.get(pass.cache);
    const number = known || ++this.caches;
    this.numbers.set(pass.cache, number);
    this.state = state;
    const entry = this.entries.get(pass.key);
    const fresh = entry !== undefined && entry.checkedIn >= number;
    if (entry) entry.usedAt = this.clock;
    if (entry && fresh && !entry.program) return { outputs: pass.body(), byGraph: false };
    const graph = entry && fresh && this.graphFor(entry);
    if (!graph) return { outputs: this.record(pass, entry, fresh), byGraph: false };
    entry.unchecked++;
    return { outputs: graph.run(pass.inputs, this.weights), byGraph: true };
  }

  private graphFor({ program, seen, unchecked }: Entry): Graph | undefined {
    const most = graphMode() === 'explain' ? RUNS_UNCHECKED_EXPLAINED : RUNS_UNCHECKED;
    if (!program?.graph || seen < ALIKE || unchecked >= most) return undefined;
    program.usedAt = this.clock;
    return program.graph;
  }

  private record({ key, inputs, body }: Pass, entry: Entry | undefined, fresh: boolean) {
    const { outputs, program } = this.recorder.record(inputs, this.weights, body);
    let seen = entry?.program ? entry.seen : 0;
    const difference = entry?.program && differenceOf(entry.program.signature, program);
    if (difference) {
      if (entry.unchecked && fresh) this.refuse(difference, entry.unchecked);
      if (!fresh) this.drop(difference);
      seen = 0;
    }
    // What changes from one step to the next goes op by op until there is another cache.
    const unsteady = difference && fresh;
    if (unsteady) explain(this.model, `A step goes op by op, as its ops change: ${difference}.`);
    if (typeof program === 'string') {
      explain(this.model, `A step goes op by op, as no graph can stand for it: ${program}.`);
    }
    const noted = unsteady || typeof program === 'string' ? null : this.count(program);
    const { clock: usedAt, caches: checkedIn } = this;
    makeRoom(this.entries, MOST_KEYS);
    this.entries.set(key, { program: noted, seen: seen + 1, checkedIn, unchecked: 0, usedAt });
    return outputs;
  }

  /** Counts a program that was seen, and builds its graph when it has come often. */
  private count(program: Program): Known {
    const { signature } = program;
    let known = this.programs.get(signature);
    if (!known) {
      const [oldest] = makeRoom(this.programs, MOST_PROGRAMS);
      if (oldest) this.forget(oldest);
      known = { signature, seen: 0, usedAt: 0 };
      this.programs.set(signature, known);
    }
    known.seen++;
    known.usedAt = this.clock;
    if (!known.graph && known.seen >= OFTEN && this.roomForGraph()) {
      known.graph = this.build(program);
    }
    return known;
  }

  private roomForGraph(): boolean {
    const built = [...this.programs.values()].filter(({ graph }) => graph);
    if (built.length < MOST_GRAPHS) return true;
    const oldest = built.reduce((a, b) => (b.usedAt < a.usedAt ? b : a));
    if (this.clock - oldest.usedAt < IDLE) {
      explain(this.model, `A step goes op by op, as ${MOST_GRAPHS} graphs of others are in use.`);
      return false;
    }
    this.programs.delete(oldest.signature);
    this.forget(oldest);
    return true;
  }

  private forget(program: Known) {
    program.graph?.dispose();
    program.graph = undefined;
    for (const [key, entry] of this.entries) {
      if (entry.program === program) this.entries.delete(key);
    }
  }

  private build(program: Program): Graph | undefined {
    try {
      const graph = program.build();
      const ops = program.signature.split('\n').length;
      explain(this.model, `A graph of about ${ops} ops stands for steps that are alike.`);
      return graph;
    } catch (error) {
      this.giveUp(error);
      return undefined;
    }
  }

  /** The model changed since another cache was in use. */
  private drop(difference: string) {
    this.entries.clear();
    explain(this.model, `The recorded steps were dropped: ${difference}.`);
    if (this.warned) return;
    this.warned = true;
    console.warn(
      `The model computes otherwise than when its steps were recorded (${difference}): the recording is dropped, and steps go op by op until the new ones are recorded.`,
    );
  }

  private refuse(difference: string, runs: number): never {
    this.entries.clear();
    throw new InputError(
      `The model was changed in the middle of a generation (${difference}); of the last ${runs} steps or more, some were computed as before the change. Change it between generations, use hooks, or set TILLER_GRAPHS=off.`,
    );
  }

  dispose() {
    for (const { graph } of this.programs.values()) graph?.dispose();
    this.programs.clear();
    this.entries.clear();
  }
}

/** What can be seen of a model's state without running it: its own values and methods, its config's. */
function stateOf(model: object): unknown[] {
  const { config, inputs, blocks, readOut, toVocabulary } = model as Record<string, unknown>;
  const methods = [inputs, blocks, readOut, toVocabulary];
  return [...Object.values(model), ...Object.values(config ?? {}), ...methods];
}

/** Drops what was not used for longest where there are as many as may be, and returns it. */
function makeRoom<V extends { usedAt: number }>(map: Map<string, V>, most: number): V[] {
  if (map.size < most) return [];
  const [key, value] = [...map].reduce((a, b) => (b[1].usedAt < a[1].usedAt ? b : a));
  map.delete(key);
  return [value];
}

/** The first op in which a program differs from another; undefined where there is none. */
function differenceOf(before: string, now: Program | string): string | undefined {
  if (typeof now === 'string') return now;
  if (now.signature === before) return undefined;
  const [old, lines] = [before.split('\n'), now.signature.split('\n')];
  const at = lines.findIndex((line, i) => line !== old[i]);
  const show = (line = 'nothing') => `"${line.length > 80 ? `${line.slice(0, 77)}...` : line}"`;
  return at < 0
    ? `${old.length - lines.length} ops fewer`
    : `${show(lines[at])} where ${show(old[at])} was`;
}
