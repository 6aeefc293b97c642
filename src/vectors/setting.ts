import type { Condition, EditKindName, Positions } from '../engine/steering';
import type { Weight } from './weight';

/** How a vector steers: what `steer` takes, and what a search writes into a vector file, as JSON. */
export interface Setting {
  /** The block whose output is edited. */
  layer: number;
  /** The layer whose vector is taken; default: `layer`. */
  source?: number;
  /** Default `add`; docs/steering.md says what each does. */
  kind?: EditKindName;
  /** For `add`: what is added of u, or `0.5x`. */
  weight?: Weight;
  /** For `project`: what h·u becomes; default: its mean over the prompts with the instruction. */
  target?: number;
  /**
   * For `clamp`: the range that h·u is moved into. Default, where neither is given: at least its mean
   * over the prompts with the instruction.
   */
  min?: number;
  max?: number;
  /** For `rotate`, in degrees. */
  angle?: number;
  /** For `rotate`: the vector of the same file that u is turned towards; default: the rest of h. */
  second?: string;
  /** Default: at all positions. */
  positions?: Positions;
  /** Acts only where this holds; default: everywhere. */
  when?: SettingCondition;
}

/**
 * When a vector steers: where a vector of the file says so. Without a threshold: above the middle
 * between the mean projections with and without the instruction.
 */
export interface SettingCondition extends Omit<Condition, 'vector'> {
  /** The probe; default: the vector that steers. */
  name?: string;
  /** The layer whose vector is taken; default: the one where the condition is read. */
  source?: number;
}

/** A setting that a search tried, and how it did. */
export interface TriedSetting extends Setting {
  /** Share of the answers that obeyed, 0 to 1. */
  obeyed: number;
  /** Median perplexity of the answers; null where none could be measured. */
  perplexity: number | null;
}
