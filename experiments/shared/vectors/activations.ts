import * as fs from 'node:fs';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { type HookFn, residPost } from '../../../src/engine/hooks';
import type { CausalLM } from '../../../src/engine/model';
import { leftPad } from '../../../src/engine/prefill';
import { describeFailures } from '../../../src/runs/runFolder';
import { InputError } from '../../../src/util/errors';
import { hashOf } from '../provenance';

/** The residual stream of one prompt: `finalTokens` rows of D for each layer, [L, F, D] flattened. */
export type PromptActivations = Float32Array;

export interface ActivationOptions {
  /** The blocks whose output is kept. */
  layers: number[];
  /** F: how many of the last prompt tokens; 1 in the paper. */
  finalTokens: number;
  batchSize: number;
  padId: number;
  /** Finished batches go here, and are not computed again. */
  partial?: PartialActivations;
  onBatch?(prompts: number): void;
}

/** The beginning of a file; the rest may be gigabytes. */
function firstBytes(file: string, count: number): Buffer {
  const handle = fs.openSync(file, 'r');
  const bytes = Buffer.alloc(count);
  const read = fs.readSync(handle, bytes);
  fs.closeSync(handle);
  return bytes.subarray(0, read);
}

/** Activations of the batches so far, on disk: what a run that was killed goes on with. */
export class PartialActivations {
  private constructor(
    private readonly file: string,
    private readonly head: number,
  ) {}

  /**
   * Opens the file for a computation, or starts it anew when it belongs to another one.
   * @param identity all that the activations and their order depend on
   */
  static open(file: string, identity: unknown): PartialActivations {
    const head = Buffer.from(`${hashOf(identity)}\n`);
    describeFailures(path.dirname(file), () => {
      if (fs.existsSync(file) && firstBytes(file, head.length).equals(head)) return;
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, head);
    });
    return new PartialActivations(file, head.length);
  }

  /**
   * The rows of whole batches.
   * @param sizes of all batches, in rows
   * @param width numbers in a row
   */
  read(sizes: number[], width: number): Float32Array[][] {
    const bytes = fs.readFileSync(this.file).subarray(this.head);
    const rows = Math.floor(bytes.length / 4 / width);
    let whole = 0;
    const batches: Float32Array[][] = [];
    for (const size of sizes) {
      if (whole + size > rows) break;
      batches.push(
        Array.from({ length: size }, (_, i) => {
          const at = (whole + i) * width * 4;
          return new Float32Array(Uint8Array.from(bytes.subarray(at, at + width * 4)).buffer);
        }),
      );
      whole += size;
    }
    fs.truncateSync(this.file, this.head + whole * width * 4);
    return batches;
  }

  append(rows: Float32Array[]): void {
    const bytes = rows.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength));
    describeFailures(path.dirname(this.file), () =>
      fs.appendFileSync(this.file, Buffer.concat(bytes), { flush: true }),
    );
  }

  remove(): void {
    fs.rmSync(this.file, { force: true });
  }
}

/**
 * `resid_post` of the given layers at the last prompt tokens (paper, section 3). Prompts of like
 * length run together; no logits are computed, and nothing else of the pass is kept.
 * @param prompts token ids, BOS included
 * @throws InputError for a prompt of fewer than F tokens
 */
export async function finalActivations(
  model: CausalLM,
  prompts: number[][],
  options: ActivationOptions,
): Promise<PromptActivations[]> {
  const { finalTokens, batchSize } = options;
  const short = prompts.findIndex((prompt) => prompt.length < finalTokens);
  if (short >= 0) {
    throw new InputError(
      `Prompt ${short} has ${prompts[short].length} tokens; num_final_tokens asks for ${finalTokens}.`,
    );
  }
  const results: PromptActivations[] = new Array(prompts.length);
  const order = [...prompts.keys()].sort((a, b) => prompts[a].length - prompts[b].length);
  const batches: number[][] = [];
  for (let i = 0; i < order.length; i += batchSize) batches.push(order.slice(i, i + batchSize));
  const width = options.layers.length * finalTokens * model.config.dModel;
  const done =
    options.partial?.read(
      batches.map((members) => members.length),
      width,
    ) ?? [];
  for (const [i, members] of batches.entries()) {
    const batch = members.map((prompt) => prompts[prompt]);
    const rows = done[i] ?? (await batchActivations(model, batch, options));
    if (!done[i]) options.partial?.append(rows);
    members.forEach((prompt, row) => {
      results[prompt] = rows[row];
    });
    options.onBatch?.(members.length);
  }
  return results;
}

async function batchActivations(
  model: CausalLM,
  prompts: number[][],
  { layers, finalTokens, padId }: ActivationOptions,
) {
  await new Promise(setImmediate);
  const { ids, pads } = leftPad(prompts, padId);
  const start = ids[0].length - finalTokens;
  const kept = new Map<number, tf.Tensor>();
  const hooks: Record<string, HookFn> = {};
  for (const layer of layers) {
    hooks[residPost(layer)] = (h) => {
      const size = [prompts.length, finalTokens, model.config.dModel];
      kept.set(layer, tf.keep(tf.slice(h, [0, start, 0], size)));
      return undefined;
    };
  }
  tf.dispose(model.forward(ids, { pads, hooks, logits: 'none' }));
  const width = finalTokens * model.config.dModel;
  const rows = prompts.map(() => new Float32Array(layers.length * width));
  for (const [index, layer] of layers.entries()) {
    const values = await kept.get(layer)!.data();
    rows.forEach((row, b) => {
      row.set(values.subarray(b * width, (b + 1) * width) as Float32Array, index * width);
    });
    kept.get(layer)!.dispose();
  }
  return rows;
}
