import type { TensorData } from '../../../weights/safetensors/dtypes';
import type { SteeringVector } from '../direction';
import type { Provenance } from '../provenance';
import type { Setting, TriedSetting } from '../setting';

/**
 * Vectors by name: what a vector file holds. Vectors of pairs are `Direction`s, with means; those of
 * other programs may be without.
 */
export interface VectorFile<V extends SteeringVector = SteeringVector> {
  directions: Map<string, V>;
  /** Which layer each entry of a vector is of. */
  layers: number[];
  /** Where all of them come from. */
  provenance: Provenance;
  /** What holds for one of them alone, by its name, in a file that was merged. */
  origins?: Record<string, Provenance>;
  /** How to steer by a vector, by its name, where a search has chosen that. */
  settings?: Record<string, Setting>;
  /** What that search tried, by the vector's name. */
  curves?: Record<string, TriedSetting[]>;
}

/** Extra tensors to store beside the vectors, e.g. the activations themselves. */
export type ExtraTensors = Record<string, TensorData>;

export interface SaveOptions {
  /** Stored beside the vectors, in safetensors only. */
  extra?: ExtraTensors;
  /** In gguf, what the numbers are multiplied by besides; default 1. */
  scale?: number;
  /** In gguf, the `model_type` of the model; default: what the vectors say. */
  modelType?: string;
}
