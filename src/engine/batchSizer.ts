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
  size = 1;
  private readonly bytes: number;
  private readonly bytesPerColumn: number;
  private most: number;
  private settled = false;
  private lastRate = 0;
  private times: number[] = [];

  constructor(
    config: ModelDims,
    prompts: number[][],
    private readonly options: { batchSize?: number; cacheBytes?: number; maxNewTokens: number },
    /** Bytes that there are for keys and values. */
    room = Number.POSITIVE_INFINITY,
  ) {
    const longest = prompts.reduce((most, { length }) => Math.max(most, length), 1);
    this.bytesPerColumn = 8 * config.nLayers * config.kvHeads * config.headDim;
    this.bytes = Math.min(options.cacheBytes ?? DEFAULT_CACHE_BYTES, room);
    const columns = Math.min(longest + options.maxNewTokens, config.maxPositions);
    this.most = Math.max(1, Math.min(this.fit(columns), prompts.length));
    this.restart();
  }

  /** For prompts that are not known beforehand: at most `rows`, and as many as `fit` says. */
  static open(
    config: ModelDims,
    rows: number,
    options: { batchSize?: number; cacheBytes?: number },
    room?: number,
  ): BatchSizer {
    const sizer = new BatchSizer(config, [], { ...options, maxNewTokens: 0 }, room);
    sizer.most = rows;
    sizer.restart();
    return sizer;
  }

  /** Rows of so many columns that there is room for; 0 where there is not even room for one. */
  fit(columns: number): number {
    return Math.floor(this.bytes / (this.bytesPerColumn * columns));
  }

  /** Forgets what was measured: the next rows may be of quite another length. */
  restart(): void {
    this.settled = this.options.batchSize !== undefined;
    this.size = Math.min(this.options.batchSize ?? FIRST, this.most);
    this.lastRate = 0;
    this.times = [];
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
