import * as tf from '@tensorflow/tfjs-core';
import { yieldNow } from '../util/yieldNow';
import type { BatchSizer } from './batchSizer';
import { checkModel } from './checks';
import { type Choice, chooseTokens } from './choose';
import type { Hooks } from './hooks';
import type { KVCache } from './kvCache';
import type { CausalLM } from './model';
import { checkRequest, Row, type RowRequest } from './row';
import { discardRows, type StartedRows, startRows } from './startRows';
import { Steering } from './steering';

export interface SchedulerOptions {
  /** How many rows are decoded together. */
  sizer: BatchSizer;
  hooks?: Hooks;
  /** Fills the left of shorter rows; never attended to. Default 0. */
  padId?: number;
}

/** A share of finished rows that is worth a copy of the cache: to drop them, or to fill their places. */
const STALE = 0.25;

/**
 * Decodes rows together that come at any time, each with its own prompt, edits, limits and draws. A
 * row that is finished or cancelled leaves the batch, and those that wait take the places: first
 * come, first served. The tokens of a row do not depend on its neighbours, nor on how these end.
 */
export class Scheduler {
  private queue: Row[] = [];
  /** The rows of the batch; finished ones stay until it pays to drop them. */
  private rows: Row[] = [];
  private readonly going = new Set<Row>();
  private cache: KVCache | undefined;
  private steering: Steering | undefined;
  private running: Promise<void> | undefined;

  constructor(
    private readonly model: CausalLM,
    private readonly options: SchedulerOptions,
  ) {
    checkModel('Scheduler', model);
  }

  /** Rows that wait for a place. */
  get waiting(): number {
    return this.queue.length;
  }

  /** Rows that are decoded. */
  get active(): number {
    return this.going.size;
  }

  /**
   * Puts a row in the queue; `run` makes it go.
   * @returns what takes the row out again; none of its functions is called from then on
   * @throws InputError for a request that is not what it should be, or does not fit the model
   */
  submit(request: RowRequest): () => void {
    checkRequest('Scheduler.submit', request, this.model.config);
    const row = new Row(request, this.model.config.maxPositions);
    this.queue.push(row);
    return () => {
      this.going.delete(row);
      this.queue = this.queue.filter((other) => other !== row);
    };
  }

  /** Takes every row out. */
  stop(): void {
    this.queue = [];
    this.going.clear();
  }

  /** Runs until nothing waits and all rows are done; those that come meanwhile included. */
  run(): Promise<void> {
    // With nothing to do, the loop would be over before it is known to run, and seem to run forever.
    const idle = !this.queue.length && !this.rows.length;
    if (!idle) this.running ??= this.loop();
    return this.running ?? Promise.resolve();
  }

  private async loop() {
    while (this.queue.length || this.rows.length) {
      await yieldNow();
      await this.step();
    }
    // In one go with the last look at the queue: a row that came in between would wait forever.
    this.running = undefined;
    this.options.sizer.restart();
  }

  /** Admits rows where there is room, else decodes a token of every row. */
  private async step(): Promise<void> {
    try {
      if (this.compact()) this.steer();
      const members = this.takeWaiting();
      if (members.length) await this.admit(members);
      else if (this.going.size) await this.decode();
    } catch (error) {
      this.failAll(error);
    }
  }

  /** The rows that come next, where it pays to admit some now. */
  private takeWaiting(): Row[] {
    const { queue, going } = this;
    const { sizer } = this.options;
    const room = sizer.size - going.size;
    if (room <= 0 || (going.size && room < Math.max(1, STALE * sizer.size))) return [];
    const most = Math.min(room, queue.length);
    let columns = Math.max(0, ...Array.from(going, (row) => row.columns));
    let count = 0;
    while (count < most && (count === 0 || !queue[count].alone)) {
      columns = Math.max(columns, queue[count].columns);
      const rows = going.size + count + 1;
      if (rows > 1 && rows > sizer.fit(columns)) break;
      count++;
      if (queue[count - 1].alone) break;
    }
    return queue.splice(0, count);
  }

  private async admit(members: Row[]) {
    const started = this.start(members);
    this.dropFinished();
    for (const row of started.flatMap(({ rows }) => rows)) this.going.add(row);
    try {
      for (const { rows, cache, edits } of started) {
        for (const [i, row] of rows.entries()) row.edits = edits[i];
        if (this.cache) this.cache.join(cache);
        else this.cache = cache;
        this.rows.push(...rows);
      }
      for (const { rows, logits, read } of started) {
        for (const [i, scores] of ((await read?.()) ?? []).entries()) {
          if (!this.going.has(rows[i])) continue;
          if (scores instanceof Error) this.fail(rows[i], scores);
          else rows[i].takePrompt(scores);
        }
        await this.take(logits, rows);
      }
    } catch (error) {
      discardRows(started);
      throw error;
    }
    for (const { logits } of started) logits.dispose();
    this.compact();
    this.steer();
  }

  /** Runs the prompts. Where that fails, each is tried alone in one of the next steps. */
  private start(members: Row[]): StartedRows[] {
    try {
      return startRows(this.model, members, this.options);
    } catch (error) {
      if (members.length === 1) members[0].request.onError(error);
      else {
        for (const row of members) row.alone = true;
        this.queue.unshift(...members);
      }
      return [];
    }
  }

  private async decode() {
    const { cache, rows, model, options } = this;
    const begin = performance.now();
    // A finished row repeats its last token until it is dropped.
    const next = rows.map(({ result }) => [result.tokens.at(-1) ?? 0]);
    const logits: tf.Tensor2D = tf.tidy(() => {
      const { steering } = this;
      const out = model.forward(next, { cache, steering, hooks: options.hooks, logits: 'last' });
      return tf.reshape(out, [rows.length, model.config.vocabSize]);
    });
    const decoded = this.going.size;
    try {
      await this.take(logits, rows);
    } finally {
      logits.dispose();
    }
    options.sizer.measured(decoded, performance.now() - begin, this.queue.length);
    if (this.compact()) this.steer();
  }

  /** Chooses the next token of every row that goes on, from logits [B, V]. */
  private async take(logits: tf.Tensor2D, rows: Row[]) {
    const wishes = rows.map((row) => (this.going.has(row) ? row.next() : null));
    const choices = await chooseTokens(logits, wishes);
    for (const [i, row] of rows.entries()) {
      const choice = choices[i];
      if (!this.going.has(row)) continue;
      if (choice instanceof Error) this.fail(row, choice);
      else this.advance(row, choice);
    }
  }

  /** Gives a row its token; without one it has all it wants. */
  private advance(row: Row, choice: Choice | null) {
    try {
      if (choice && row.take(choice.token, choice.score)) return;
      // What it was told may have made its owner take it out.
      if (this.going.delete(row)) row.request.onFinish?.(row.result);
    } catch (error) {
      this.fail(row, error);
    }
  }

  private fail(row: Row, error: unknown) {
    this.going.delete(row);
    row.request.onError(error);
  }

  /** What failed concerns the whole batch, and its cache may be half of one step, half of another. */
  private failAll(error: unknown) {
    const lost = [...this.going];
    this.dispose();
    for (const { request } of lost) request.onError(error);
  }

  /** Drops finished rows once they are many, or when one stands at the end of the context. */
  private compact(): boolean {
    const { maxPositions } = this.model.config;
    const done = this.rows.filter((row) => !this.going.has(row));
    const full = this.rows.some((_, row) => this.cache!.lengths[row] >= maxPositions);
    const changes = this.model.config.changesBeyond !== undefined;
    if (!done.length || !(full || changes || done.length >= STALE * this.rows.length)) return false;
    this.dropFinished();
    return true;
  }

  private dropFinished() {
    const kept = this.rows.flatMap((prompt, row) => (this.going.has(prompt) ? [row] : []));
    if (kept.length === this.rows.length) return;
    if (kept.length) this.cache!.selectRows(kept);
    else {
      this.cache?.dispose();
      this.cache = undefined;
    }
    this.rows = kept.map((row) => this.rows[row]);
  }

  /** The edits of the rows as they stand now. */
  private steer() {
    this.steering?.dispose();
    const edits = this.rows.map((row) => row.edits);
    const any = edits.some((list) => list.length);
    this.steering = any ? new Steering(edits, this.model.config) : undefined;
  }

  /** Drops the batch and frees its memory; rows that wait stay. */
  dispose(): void {
    this.going.clear();
    this.rows = [];
    this.cache?.dispose();
    this.cache = undefined;
    this.steering?.dispose();
    this.steering = undefined;
  }
}
