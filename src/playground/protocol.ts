/**
 * What the playground's page and the side that holds the model say to each other. There are two such
 * sides: the server (over HTTP) and a Web Worker (over messages); the page knows `Engine` alone.
 */
import type { EditKindName, Positions } from '../engine/steering';
import type { PromptStyle } from '../text/prompt';
import type { Method } from '../vectors/finders';
import type { Pair } from '../vectors/fromPairs';
import type { Setting } from '../vectors/setting';
import type { SteerSpec } from '../vectors/steerSpec';

/** What the page is told first. */
export interface PlaygroundInfo {
  model: {
    name: string;
    nLayers: number;
    dModel: number;
    /** Tokens of prompt and answer together. */
    maxPositions: number;
    /** How prompts may become text; the first is the model's own way. */
    styles: PromptStyle[];
    /** Whether the chat template has a place for a system prompt. */
    takesSystem: boolean;
    /** `wasm (SIMD, 1 thread)` */
    backend: string;
  };
  vectors: VectorInfo[];
  kinds: readonly EditKindName[];
  positions: readonly Positions[];
  methods: readonly Method[];
}

/** A vector file that can steer, or vectors made from pairs on the spot. */
export interface VectorInfo {
  /** What a `SteerSpec` has as its `file`. */
  id: string;
  from: 'file' | 'run' | 'pairs';
  names: string[];
  /** Ascending. */
  layers: number[];
  /** Of each vector, the norm at each of `layers`: what `1x` adds. */
  norms: Record<string, number[]>;
  /** Of each vector that a search has found a setting for. */
  settings: Record<string, Setting>;
  /** Of those made from pairs: they make it anew. */
  pairs?: PairsOfVector;
}

/** What a vector is made of on the spot. */
export interface PairsOfVector {
  name: string;
  pairs: Pair[];
  method: Method;
}

/** All that decides what is shown, beside the vectors themselves: it lives in the page's URL. */
export interface PlaygroundSettings {
  prompt: string;
  system?: string;
  style?: PromptStyle;
  /** The vectors that act, as `--steer` has them. */
  steer: SteerSpec[];
  maxNewTokens: number;
  /** 0: greedy. */
  temperature: number;
  topP: number;
  seed: number;
}

export const SIDES = ['unsteered', 'steered'] as const;
export type Side = (typeof SIDES)[number];

/** What comes while the two answers are written, and after them. */
export type PlayEvent =
  | { type: 'text'; side: Side; text: string }
  | { type: 'end'; side: Side; reason: 'stop' | 'length'; tokens: number; seconds: number }
  | { type: 'reading'; side: Side; reading: Reading };

/** What the model held while it read the prompt and wrote one answer. T tokens. */
export interface Reading {
  layers: number[];
  /** The vectors of `steer`, in its order, as the page calls them. */
  vectors: string[];
  /**
   * h·u after each layer's edits, by vector, layer, token: [V][L][T]. u is the vector at that layer;
   * null where its file has none of that layer.
   */
  projections: (number | null)[][][];
  tokens: ReadToken[];
}

export interface ReadToken {
  text: string;
  part: 'prompt' | 'answer';
  /** How far what follows is moved by the edits: KL(steered ‖ unsteered) on this text, in nats. */
  kl: number;
  /** What the model finds likeliest to follow, at the temperature 1. */
  top: { text: string; p: number }[];
}

/** The side that holds the model, as the page sees it. All throw an Error whose message is for people. */
export interface Engine {
  info(): Promise<PlaygroundInfo>;
  /** Makes vectors of all layers from pairs. */
  makeVector(from: PairsOfVector): Promise<VectorInfo>;
  /** Takes a vector file: .safetensors, .gguf or .npz. */
  addVectorFile(name: string, bytes: Uint8Array): Promise<VectorInfo>;
  /** The bytes of a vector as a .safetensors file. */
  vectorFile(id: string): Promise<Uint8Array>;
  /**
   * Writes both answers side by side. Ends early when `signal` says so; without a vector, the
   * unsteered side alone is written.
   */
  play(
    settings: PlaygroundSettings,
    onEvent: (event: PlayEvent) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** The same settings for the command line and for the experiments. */
  exportAs(settings: PlaygroundSettings): Promise<Exported>;
}

export interface Exported {
  /** A whole `tiller generate` command line, quoted for a shell. */
  command: string;
  /** A config file of experiments/custom. */
  config: string;
  /** The command that runs the experiment with that file. */
  run: string;
  /** Vector files that both name and that lie nowhere yet: the page offers them for saving. */
  unsaved: string[];
}
