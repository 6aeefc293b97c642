import * as fs from 'node:fs';
import { findModel } from '../../../src/hub/fingerprint';
import { flag, integer, layer, listOf, nullable, text } from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';
import { hashOf } from '../../../src/util/hash';
import { lock } from '../../../src/util/lock';
import { Progress } from '../../../src/util/progress';
import { toolVersion } from '../../../src/util/version';
import type { PromptActivations } from '../../../src/vectors/activations';
import { type Direction, directionOf } from '../../../src/vectors/direction';
import {
  type ExtraTensors,
  type Provenance,
  readProvenance,
  saveVectors,
} from '../../../src/vectors/vectorFile';
import { longPromptsSchema } from '../prompts';
import { type Session, sessionSchema } from '../session';
import { loadDirections } from './load';
import { PartialActivations } from './partialActivations';

/** The config keys of every step that computes representations. */
export const representationsSchema = {
  ...sessionSchema,
  ...longPromptsSchema,
  data_path: text(),
  output_path: text(),
  num_final_tokens: integer({ min: 1 }),
  layers: nullable(listOf(layer())),
  keep_activations: flag(),
  seed: integer(),
  batch_size: integer({ min: 1 }),
  dry_run: flag(),
};

/** Prompts with an instruction, and the same prompts without it, in the same order. */
export interface PairedPrompts {
  withIt: string[];
  without: string[];
}

export interface RepresentationOptions {
  /** F: last prompt tokens that are kept; the directions come from the last one. */
  finalTokens: number;
  batchSize: number;
  /** The layers that are kept; null: all. */
  layers: number[] | null;
  /** Stores every prompt's activations beside the directions: [N, L, F, D], with and without. */
  keepActivations: boolean;
}

/** What every vector file says about the model it was computed with, for its use to agree with. */
export function modelProvenance({ files, promptStyle, dtype, compat }: Session): Provenance {
  return {
    model: files.name,
    model_fingerprint: files.fingerprint,
    prompt_style: promptStyle,
    dtype,
    double_bos: String(compat.includes('double_bos')),
  };
}

/**
 * What vectors must say to be used on this model: that they are its own, or those of `vectorsModel`
 * (cross-model steering).
 * @throws InputError for a model there isn't
 */
export function expectedProvenance(session: Session, vectorsModel: string | null): Provenance {
  return vectorsModel === null ? modelProvenance(session) : ownerProvenance(vectorsModel);
}

/** What vector files say about a model that is not open. @throws InputError for one there isn't */
export function ownerProvenance(model: string): Provenance {
  const { name, fingerprint } = findModel(model);
  return { model: name, model_fingerprint: fingerprint };
}

/**
 * Computes the direction of every group of pairs (paper, section 3) and writes them as one file.
 * Each different prompt is computed once. Killed, it goes on where it was; a file that holds the very
 * same already is left as it is.
 * @param provenance all that the directions depend on, beside the prompts
 * @throws InputError as `session.encode`, `finalActivations` and `directionOf`
 */
export async function computeDirections(
  session: Session,
  groups: Map<string, PairedPrompts>,
  file: string,
  provenance: Provenance,
  options: RepresentationOptions,
): Promise<void> {
  const { nLayers } = session.model.config;
  const layers = options.layers ?? Array.from({ length: nLayers }, (_, layer) => layer);
  const known = {
    ...provenance,
    prompts: hashOf([...groups]),
    backend: session.backend.name,
    tool: toolVersion,
    num_final_tokens: String(options.finalTokens),
    activations: String(options.keepActivations),
    layers: JSON.stringify(layers),
  };
  const { lockFile, partialFile } = beside(file);
  const release = lock(lockFile, `the vectors ${file}`);
  try {
    const partial = PartialActivations.open(partialFile, [known, options.batchSize]);
    if (holdsAlready(file, known)) console.log(`${file} is there already.`);
    else {
      const vectors = await compute(session, groups, { ...options, layers, partial });
      const { directions, extra } = vectors;
      saveVectors(file, { directions, layers, provenance: known }, { extra });
    }
    // A process may have been killed before it came to this.
    partial.remove();
  } finally {
    release();
  }
}

/** Clears away what a process that was killed just after it wrote a vector file left beside it. */
export function clearLeftovers(file: string): void {
  const { lockFile, partialFile } = beside(file);
  if (!fs.existsSync(lockFile)) return;
  try {
    const release = lock(lockFile, `the vectors ${file}`);
    fs.rmSync(partialFile, { force: true });
    release();
  } catch (error) {
    // A process that still runs is about to do it, or this one may not write here.
    if (!(error instanceof InputError)) throw error;
  }
}

const beside = (file: string) => ({ lockFile: `${file}.lock`, partialFile: `${file}.partial` });

/** The activations of every different prompt, with a progress bar; see `session.activations`. */
export async function activationsByPrompt(
  session: Session,
  prompts: string[],
  options: Parameters<Session['activations']>[1],
): Promise<Map<string, PromptActivations>> {
  const different = [...new Set(prompts)];
  const progress = new Progress('prompts', different.length);
  const activations = await session.activations(different, {
    ...options,
    onBatch: (count) => progress.add(count),
  });
  progress.end();
  return new Map(different.map((prompt, i) => [prompt, activations[i]]));
}

async function compute(
  session: Session,
  groups: Map<string, PairedPrompts>,
  options: RepresentationOptions & { layers: number[]; partial: PartialActivations },
): Promise<{ directions: Map<string, Direction>; extra: ExtraTensors }> {
  const { layers, finalTokens } = options;
  const pairs = [...groups.values()];
  const prompts = pairs.flatMap(({ withIt, without }) => [...without, ...withIt]);
  const of = await activationsByPrompt(session, prompts, options);
  const shape = [layers.length, finalTokens, session.model.config.dModel];
  const directions = new Map<string, Direction>();
  const extra: ExtraTensors = {};
  for (const [name, { withIt, without }] of groups) {
    const rows = { with: withIt.map((p) => of.get(p)!), without: without.map((p) => of.get(p)!) };
    const last = (some: Float32Array[]) => some.map((row) => lastTokens(row, shape));
    directions.set(name, directionOf(last(rows.with), last(rows.without), layers));
    if (!options.keepActivations) continue;
    for (const [which, some] of Object.entries(rows)) {
      extra[`${name}.activations_${which}`] = stack(some, shape);
    }
  }
  return { directions, extra };
}

/** Whether a file holds the very vectors; one that is damaged is said to be, and computed again. */
function holdsAlready(file: string, known: Provenance): boolean {
  if (!fs.existsSync(file)) return false;
  try {
    const says = readProvenance(file);
    if (!Object.entries(known).every(([key, value]) => says[key] === value)) return false;
    loadDirections(file, {});
    return true;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.log(`${error.message} It is computed again now.`);
    return false;
  }
}

function stack(rows: Float32Array[], shape: number[]): ExtraTensors[string] {
  const data = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, i) => {
    data.set(row, i * row.length);
  });
  return { dtype: 'F32', shape: [rows.length, ...shape], data };
}

/** [L, F, D] → [L, D]: the last token of each layer. */
function lastTokens(activations: Float32Array, [layers, tokens, width]: number[]): Float32Array {
  const last = new Float32Array(layers * width);
  for (let layer = 0; layer < layers; layer++) {
    const end = (layer + 1) * tokens * width;
    last.set(activations.subarray(end - width, end), layer * width);
  }
  return last;
}
