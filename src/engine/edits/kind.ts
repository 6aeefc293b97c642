/** What a way to steer is to the rest of the code: one file of this folder says it. */
import type * as tf from '@tensorflow/tfjs-core';

/** The numbers of one kind's edits for every row at once; zeros where a row has no such edit. */
export interface Operands {
  /** Each [B, 1, D], in the order of `EditKind.vectors`. */
  vectors: tf.Tensor3D[];
  /** Each [B, 1, 1], in the order of `EditKind.amounts`. */
  amounts: tf.Tensor3D[];
}

/** `factor` [B, T or 1, 1] times `of` [B, T or 1, D]: one term of what is added to h. */
export interface Term {
  factor: tf.Tensor;
  of: tf.Tensor;
}

/** A way to steer. `P`: its parameters beside the vector. */
export interface EditKind<P extends object> {
  /** What it takes, for messages: `a weight`. */
  takes: string;
  parameters: readonly (keyof P & string)[];
  /** Whether its formula is that of a vector of length 1. */
  unit: boolean;
  /**
   * @param what names the edit in errors
   * @throws InputError for a parameter that is missing or out of its range
   */
  check(what: string, edit: P & { vector: Float32Array }): void;
  /** Always as many. */
  vectors(edit: P & { vector: Float32Array }): Float32Array[];
  /** Always as many. */
  amounts(edit: P): number[];
  /**
   * What is added to h [B, T, D]. With zeros for operands it must be zero, and so must its gradient:
   * rows without the edit stay as they are. Ops in tensors and plain numbers alone, and none that
   * depends on values, so that a graph can stand for them (models/README.md).
   */
  terms(h: tf.Tensor3D, operands: Operands): Term[];
}

/** For the compiler: the parameters of a kind are those that its file names. */
export const defineKind = <P extends object>(kind: EditKind<P>): EditKind<P> => kind;
