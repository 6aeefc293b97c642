/** What runs and files of results are called: their names follow from all that they depend on. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { modelName } from '../../../src/hub/modelFolder';
import { readYaml } from '../../../src/runs/config';
import { sectionsOf, valuesIn } from '../../../src/runs/yamlFile';
import { hashOf } from '../../../src/util/hash';
import { inputPath } from '../data/inputPath';
import { defaultsFile, experimentsFolder } from './help';
import { findPreset, settingsFor } from './presets';

/** Keys that pick what earlier steps wrote: the name tells what was picked, not how. */
const PICKS = ['vectors_file', 'length_vectors_file', 'search_name', 'ivs_name', 'run_folder'];

/** Settings that change where results go or are found, not what they are. */
export const WITHOUT_EFFECT = [
  // Without skip_long, there are no rows to skip.
  ...['model_name', 'preset', 'name', 'output_path', 'dry_run', 'device', 'judge', 'skip_long'],
  ...['representations_folder', 'length_vectors_folder', 'any_model', ...PICKS],
];

/** What vectors depend on beside what the name of their file shows. */
const OF_VECTORS = [
  ...['data_path', 'phrasings_path', 'words_path', 'num_final_tokens', 'layers'],
  ...['keep_activations', 'prompt_style', 'backend', 'dtype', 'compat'],
] as const;
/** Those of them that are known; the others have their defaults. */
export type VectorFileSettings = Partial<Record<(typeof OF_VECTORS)[number], unknown>>;

/** The settings that results depend on, in one spelling: of paths the file, of models the name. */
export function effective(config: Record<string, unknown>): [string, unknown][] {
  return Object.entries(config)
    .filter(([key]) => !WITHOUT_EFFECT.includes(key))
    .map(([key, value]) => [key, oneSpelling(key, value)]);
}

function oneSpelling(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value ?? null;
  if (key.endsWith('_path')) return realPath(inputPath(value));
  return key.endsWith('_model') ? modelName(value) : value;
}

function realPath(file: string): string {
  try {
    return fs.realpathSync(file);
  } catch {
    return path.resolve(file);
  }
}

/**
 * The name of a run: `default` where settings and inputs are the usual ones, else a hash of them.
 * @param usual the defaults for the run's model
 * @param inputs names of what the run takes from earlier steps, where they are not the usual ones
 */
export function nameOfRun(
  config: Record<string, unknown>,
  usual: Record<string, unknown>,
  inputs: string[] = [],
): string {
  const own = effective(config);
  const plain = JSON.stringify(own) === JSON.stringify(effective(usual));
  return plain && !inputs.length ? 'default' : hashOf([own, inputs]);
}

/**
 * The defaults of a script, unchecked: those of its YAML file alone, or with those for a model.
 * @param script e.g. `format/evaluate`
 */
export function usualSettings(script: string, model?: string): Record<string, unknown> {
  const file = readYaml(defaultsFile(path.join(experimentsFolder, `${script}.ts`)));
  const [plain, ...others] = sectionsOf(file);
  if (model === undefined) return plain.keys;
  const preset = settingsFor(findPreset(model), script, Object.keys(plain.keys));
  const name = { source: '', keys: { model_name: modelName(model) } };
  const values = valuesIn([plain, ...others, ...preset.flatMap(sectionsOf), name]);
  return Object.fromEntries([...values].map(([key, { value }]) => [key, value]));
}

/**
 * The file of a set of vectors. Its name shows some settings to people; where the others are not
 * those of the step's YAML file, it ends in a hash of them.
 * @param step that computes such vectors, e.g. `format/compute_representations`
 * @param shown the part for people; with all settings that `OF_VECTORS` does not have
 * @param model that the vectors are of, where its own usual settings count
 */
export function vectorFileName(
  step: string,
  shown: string,
  settings: VectorFileSettings,
  model?: string,
): string {
  const defaults: VectorFileSettings = usualSettings(step, model);
  const of = (given: VectorFileSettings) =>
    OF_VECTORS.map((key) => oneSpelling(key, given[key] ?? defaults[key]));
  const others = of(settings);
  const usual = JSON.stringify(others) === JSON.stringify(of({}));
  return `${shown}${usual ? '' : `_${hashOf(others)}`}.safetensors`;
}

/** A data file's name in other names. */
export const baseName = (file: string) => path.basename(file).replace(/\.\w+$/, '');

/** What vectors have in common with the run that they are computed for. */
export function vectorSettings({
  prompt_style,
  backend,
  dtype,
  compat,
  phrasings_path,
}: VectorFileSettings) {
  return { prompt_style, backend, dtype, compat, phrasings_path };
}
