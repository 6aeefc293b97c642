/** What a way to find a vector is to the rest of the code: one file of this folder says it. */

/** What is known at one layer: activations of N pairs of texts, each [D]. */
export interface Samples {
  /** Of the texts with the instruction, or showing the behaviour. */
  positive: Float32Array[];
  /** Of their counterparts, in the same order. */
  negative: Float32Array[];
  meanPositive: Float32Array;
  meanNegative: Float32Array;
  /** Mean over a background of other texts, where one was given. */
  background?: Float32Array;
}

export interface FoundVector {
  /** u, of length 1, [D]; texts with the behaviour lie further along it. */
  unit: Float32Array;
  /** What a weight of `1x` adds. */
  norm: number;
}

/** @throws InputError where the samples determine no direction, saying why; the caller names the layer */
export type Finder = (samples: Samples) => FoundVector;
