import type { ModelDims } from './model';

const DEFAULT_CACHE_BYTES = 2e9;
/** Rows to begin with, and decoding steps to judge a size by. */
const FIRST = 8;
const STEPS = 6;
/** Twice the rows must give at least so much more tokens per second. */
const GAIN = 1.15;

/**
 * How many rows to decode together: as given, else twice as many as before as long as that pays, by
 * the tokens per second measured; never more than keys and values have room for.
 */
export class BatchSizer {
  size: number;
  private readonly most: number;
  private settled: boolean;
  private lastRate = 0;
  private times: number[] = [];

  constructor(
    config: ModelDims,
    prompts: number[][],
    options: { batchSize?: number; cacheBytes?: number; maxNewTokens: number },
    /** Bytes that there are for keys and values. */
    room = Number.POSITIVE_INFINITY,
  ) {
    const longest = prompts.reduce((most, { length }) => Math.max(most, length), 1);
    const columns = Math.min(longest + options.maxNewTokens, config.maxPositions);
    const perRow = 8 * config.nLayers * config.kvHeads * config.headDim * columns;
    const bytes = Math.min(options.cacheBytes ?? DEFAULT_CACHE_BYTES, room);
    const fit = Math.floor(bytes / perRow);
    this.most = Math.max(1, Math.min(fit, prompts.length));
    this.settled = options.batchSize !== undefined;
    this.size = Math.min(options.batchSize ?? FIRST, this.most);
  }

  /** A decoding step of `rows` rows took `ms`; `waiting` prompts could fill more. */
  measured(rows: number, ms: number, waiting: number): void {
    if (this.settled || rows < this.size) return;
    this.times.push(ms);
    if (this.times.length < STEPS) return;
    const median = [...this.times].sort((a, b) => a - b)[STEPS >> 1];
    const rate = rows / median;
    this.times = [];
    if (rate < GAIN * this.lastRate) {
      this.size = Math.max(1, this.size >> 1);
      this.settled = true;
    } else if (waiting && this.size < this.most) {
      this.lastRate = rate;
      this.size = Math.min(2 * this.size, this.most);
    }
  }
}
