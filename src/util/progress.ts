import { duration, formatBytes } from './units';

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
   * @param options.bytes the items are bytes: `1.20 GB/5.23 GB, 48.1 MB/s`
   * @param options.now the clock in milliseconds (tests)
   */
  constructor(
    private readonly unit: string,
    private readonly total: number,
    private readonly options: {
      already?: number;
      bytes?: boolean;
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
    const { already = 0, bytes } = this.options;
    const fresh = this.done - already;
    const seconds = (this.now() - this.started) / 1000;
    const amount = bytes ? formatBytes : String;
    const parts = [`${amount(this.done)}/${amount(this.total)} ${this.unit}`.trimEnd()];
    if (fresh > 0 && seconds > 0) {
      const rate = fresh / seconds;
      const shown = bytes ? formatBytes(rate) : rate.toFixed(rate >= 10 ? 0 : 1);
      parts.push(`${shown}/s`);
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
