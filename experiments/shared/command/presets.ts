/**
 * The paper's settings and numbers, a file for each of its models: `configs/paper/<alias>.yaml`.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { MODEL_ALIASES } from '../../../src/hub/aliases';
import { modelName } from '../../../src/hub/modelFolder';
import {
  isMap,
  nullable,
  parseOverride,
  readYaml,
  text,
  type YamlFile,
} from '../../../src/runs/config';
import { didYouMean, InputError } from '../../../src/util/errors';
import { configsFolder, defaultsFile, experimentsFolder, presetNames, presetsFolder } from './help';

/** The config key `preset`, which every script has. */
export const presetSchema = { preset: nullable(text()) };

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
  /** Keys for all scripts that have them (`data_path`), and for single ones (`format/evaluate`). */
  settings: Record<string, unknown>;
  published: Published;
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
    if (name) return checkNames(readPreset(name).preset);
    throw new InputError(
      `There is no preset "${chosen}": ${names.join(', ')}, or none.${didYouMean(chosen, names)}`,
    );
  }
  const model = bareName(given);
  const id = MODEL_ALIASES[model];
  const own = [model, id && path.basename(id).toLowerCase()];
  const fits = ({ preset, models }: ReturnType<typeof readPreset>) =>
    [preset.name, ...models].some((name) => own.includes(name.toLowerCase()));
  const found = names.map(readPreset).find(fits);
  return found && checkNames(found.preset);
}

/** What the paper found with a model; undefined where it has none. Arguments as of `findPreset`. */
export function published(given: string, chosen: string | null = null): Published | undefined {
  return findPreset(given, chosen)?.published;
}

/**
 * The preset of a config before it is read.
 * @param files its files, in order
 * @param overrides `key=value`
 */
export function presetFor(files: YamlFile[], overrides: readonly string[]): Preset | undefined {
  const all = [
    ...files.map(({ content }) => content),
    ...overrides.map(parseOverride).map(({ key, value }) => ({ [key]: value })),
  ];
  const last = (key: string) => all.map((keys) => keys[key]).findLast((one) => one !== undefined);
  const chosen = last('preset') ?? null;
  if (chosen !== null && typeof chosen !== 'string') {
    throw new InputError(`preset must be a name, none or null, not ${JSON.stringify(chosen)}.`);
  }
  return findPreset(String(last('model_name')), chosen);
}

/**
 * What a preset has for a script, as files of settings.
 * @param script e.g. `format/evaluate`
 * @param keys those of the script: of what all scripts share, the others are left out
 */
export function settingsFor(
  preset: Preset | undefined,
  script: string,
  keys: string[],
): YamlFile[] {
  if (!preset) return [];
  const { file: source, settings } = preset;
  const shared = Object.entries(settings).filter(([key]) => keys.includes(key));
  const own = settings[script] ?? {};
  if (!isMap(own)) throw new InputError(`${source}: ${script} must hold "key: value" lines.`);
  return [Object.fromEntries(shared), own]
    .filter((content) => Object.keys(content).length)
    .map((content) => ({ source, content }));
}

/** Told once a run, so that nobody wonders where settings come from. */
export const presetNotice = ({ name, file }: Preset) =>
  `Settings of the paper for ${name} (configs/paper/${path.basename(file)}); preset=none does without.`;

/** In small letters, without a revision. */
const bareName = (given: string) => modelName(given).toLowerCase().replace(/@.*$/, '');

/** Files that were read, by name: every step asks which of them is its model's. */
const known = new Map<string, { preset: Preset; models: string[] }>();

function readPreset(name: string): { preset: Preset; models: string[] } {
  const read = known.get(name) ?? openPreset(name);
  known.set(name, read);
  return read;
}

function openPreset(name: string): { preset: Preset; models: string[] } {
  const file = path.join(presetsFolder, `${name}.yaml`);
  const { content } = readYaml(file);
  const { models = [], settings = {}, published: found = {}, ...others } = content;
  const [other] = Object.keys(others);
  if (other !== undefined) {
    const hint = didYouMean(other, ['models', 'settings', 'published']);
    throw new InputError(`${file}: "${other}" is none of models, settings, published.${hint}`);
  }
  if (!Array.isArray(models) || !isMap(settings) || !isMap(found)) {
    throw new InputError(`${file}: models must be a list, settings and published hold keys.`);
  }
  const preset: Preset = { name, file, settings, published: found as Published };
  return { preset, models: models.map(String) };
}

/**
 * Checks what a preset's settings are for, whichever script runs. The keys of a script's section are
 * checked where that is used.
 * @throws InputError for a script that there isn't, or a shared key that no script has
 */
export function checkNames(preset: Preset): Preset {
  if (checked.has(preset)) return preset;
  const scripts = scriptNames();
  const keys = new Set(scripts.flatMap((name) => Object.keys(readYaml(defaultsOf(name)).content)));
  for (const name of Object.keys(preset.settings)) {
    const [what, known] = name.includes('/') ? ['script', scripts] : ['key', [...keys]];
    if (known.includes(name)) continue;
    throw new InputError(
      `${preset.file}: no ${what} is called "${name}".${didYouMean(name, known)}`,
    );
  }
  checked.add(preset);
  return preset;
}

/** Presets that were found to name scripts and keys that there are. */
const checked = new Set<Preset>();

const defaultsOf = (script: string) => defaultsFile(path.join(experimentsFolder, `${script}.ts`));

/** All scripts: those that have a file of defaults. */
function scriptNames(): string[] {
  const files = fs.readdirSync(configsFolder, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.replace(/\.yaml$/, '').replaceAll(path.sep, '/'))
    .filter((name) => !name.endsWith('/run'))
    .filter((name) => fs.existsSync(path.join(experimentsFolder, `${name}.ts`)));
}
