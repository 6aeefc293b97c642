import type { Edit, Positions } from '../engine/steering';
import type { Weight } from './weight';

/** How a vector steers: what `steer` takes, and what a search writes into a vector file, as JSON. */
export interface Setting {
  /** The block whose output is edited. */
  layer: number;
  /** The layer whose vector is taken; default: `layer`. */
  source?: number;
  /** `add` (default): weight · u is added. `project`: h·u becomes `target` (the paper's adjust_rs). */
  kind?: Edit['kind'];
  /** For `add`. */
  weight?: Weight;
  /** For `project`; default: the mean h·u of the prompts with the instruction. */
  target?: number;
  /** Default: at all positions. */
  positions?: Positions;
}

/** A setting that a search tried, and how it did. */
export interface TriedSetting extends Setting {
  /** Share of the answers that obeyed, 0 to 1. */
  obeyed: number;
  /** Median perplexity of the answers; null where none could be measured. */
  perplexity: number | null;
}
