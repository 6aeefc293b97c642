/** Where progress is shown; `process.stderr` fits. */
export interface ProgressStream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/**
 * A bar with rate and time left on a terminal; elsewhere a plain line now and then. It goes to
 * standard error, so that results on standard output can be piped.
 *
 *     const progress = new Progress('answers', 300);
 *     progress.add(32);
 *     progress.end();
 */
export class Progress {
  private readonly started: number;
  private done: number;
  private lastShown = -Infinity;
  private lastDone = -1;

  /**
   * @param options.already items finished by an earlier run: shown, but not part of the rate
   * @param options.now the clock in milliseconds (tests)
   */
  constructor(
    private readonly unit: string,
    private readonly total: number,
    private readonly options: {
      already?: number;
      stream?: ProgressStream;
      now?: () => number;
    } = {},
  ) {
    this.done = options.already ?? 0;
    this.started = this.now();
    this.show();
  }

  add(count: number): void {
    this.done += count;
    this.show();
  }

  /** Shows the last state and ends the line. */
  end(): void {
    if (this.done !== this.lastDone) this.show(true);
    if (this.stream.isTTY) this.stream.write('\n');
  }

  /** E.g. `120/300 answers, 8.4/s, 21 s left`. */
  text(): string {
    const fresh = this.done - (this.options.already ?? 0);
    const seconds = (this.now() - this.started) / 1000;
    const parts = [`${this.done}/${this.total} ${this.unit}`];
    if (fresh > 0 && seconds > 0) {
      const rate = fresh / seconds;
      parts.push(`${rate >= 10 ? rate.toFixed(0) : rate.toFixed(1)}/s`);
      if (this.done < this.total) parts.push(`${duration((this.total - this.done) / rate)} left`);
      else parts.push(`took ${duration(seconds)}`);
    }
    return parts.join(', ');
  }

  private show(last = false) {
    const { isTTY, columns = 80 } = this.stream;
    // A bar may move ten times a second; a log file should not hold more than a line per 5 s.
    if (!last && this.now() - this.lastShown < (isTTY ? 100 : 5000)) return;
    this.lastShown = this.now();
    this.lastDone = this.done;
    const text = this.text();
    if (!isTTY) {
      this.stream.write(`${text}\n`);
      return;
    }
    const size = Math.max(0, Math.min(30, columns - text.length - 4));
    const full = this.total ? Math.round((size * this.done) / this.total) : size;
    this.stream.write(`\r[${'█'.repeat(full)}${' '.repeat(size - full)}] ${text}\x1b[K`);
  }

  private get stream(): ProgressStream {
    return this.options.stream ?? process.stderr;
  }

  private now() {
    return this.options.now?.() ?? performance.now();
  }
}

/** 75 → `1 min 15 s`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
