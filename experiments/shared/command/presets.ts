/**
 * The paper's settings and numbers, a file for each of its models: `configs/paper/<alias>.yaml`.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { MODEL_ALIASES } from '../../../src/hub/aliases';
import { modelName } from '../../../src/hub/modelFolder';
import { readYaml } from '../../../src/runs/config';
import { didYouMean, InputError } from '../../../src/util/errors';
import { experimentsFolder } from './help';

/** In percent of n answers; null: not published. */
export type PublishedCells = [
  none: number | null,
  steered: number | null,
  instruction: number | null,
  both: number | null,
];
export interface PublishedTable {
  n: number;
  cells: PublishedCells;
}

/** Layers by instruction id (`language:response_language_mr`); one that is not listed: none. */
export type PublishedLayers = Record<string, number>;

/** What the paper found with a model. */
export interface Published {
  format?: PublishedTable & {
    /** The steered cell, where layers were chosen without the filter for degenerate answers. */
    steered_without_filter?: number;
    /** By a GPT-4o judge, from 0 to 1. */
    quality?: PublishedCells;
    /** The search's choices: for prompts without the instruction, and with it. */
    layers?: { without: PublishedLayers; with: PublishedLayers };
    /** Steered by another model's vectors. */
    by_vectors_of?: Record<string, PublishedCells>;
  };
  keywords?: { existence?: PublishedTable; forbidden?: PublishedTable };
  length?: {
    at_most?: PublishedTable & {
      /** By the number of sentences asked for, from 1 on. */
      by_sentences: { instruction: number[]; both: number[] };
    };
  };
  /** Cells of both vectors or none, both instructions or none: format obeyed, length, both. */
  composition?: {
    n: number;
    format: PublishedCells;
    length: PublishedCells;
    both: PublishedCells;
  };
}

/** A file of `configs/paper`. */
export interface Preset {
  /** Of the file, without its ending. */
  name: string;
  file: string;
  published: Published;
}

const presetsFolder = path.join(experimentsFolder, '../configs/paper');

/** The presets there are: `gemma-2-2b`, …; the folder's other files are the defaults of its scripts. */
export function presetNames(): string[] {
  const isScript = (name: string) =>
    fs.existsSync(path.join(experimentsFolder, `paper/${name}.ts`));
  return fs
    .readdirSync(presetsFolder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => path.basename(name, '.yaml'))
    .filter((name) => !isScript(name))
    .sort();
}

/**
 * The preset that a model takes.
 * @param given its name, as users give it; the name of a folder counts too
 * @param chosen the config key `preset`: the name of a preset, `none`, or null for the model's own
 * @throws InputError for a preset there isn't
 */
export function findPreset(given: string, chosen: string | null = null): Preset | undefined {
  if (chosen === 'none') return undefined;
  const names = presetNames();
  if (chosen !== null) {
    const name = names.find((one) => one === chosen.toLowerCase());
    if (name) return readPreset(name).preset;
    throw new InputError(
      `There is no preset "${chosen}": ${names.join(', ')}, or none.${didYouMean(chosen, names)}`,
    );
  }
  const model = bareName(given);
  const id = MODEL_ALIASES[model];
  const own = [model, id && path.basename(id).toLowerCase()];
  const fits = ({ preset, models }: ReturnType<typeof readPreset>) =>
    [preset.name, ...models].some((name) => own.includes(name.toLowerCase()));
  return names.map(readPreset).find(fits)?.preset;
}

/** What the paper found with a model; undefined where it has none. Arguments as of `findPreset`. */
export function published(given: string, chosen: string | null = null): Published | undefined {
  return findPreset(given, chosen)?.published;
}

/** In small letters, without a revision. */
const bareName = (given: string) => modelName(given).toLowerCase().replace(/@.*$/, '');

function readPreset(name: string): { preset: Preset; models: string[] } {
  const file = path.join(presetsFolder, `${name}.yaml`);
  const { models, published: found } = readYaml(file).content as {
    models: string[];
    published: Published;
  };
  return { preset: { name, file, published: found }, models };
}
