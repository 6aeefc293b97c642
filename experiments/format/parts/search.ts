import * as fs from 'node:fs';
import * as path from 'node:path';
import { findModel } from '../../../src/hub/fingerprint';
import { type ConfigOf, nullable, oneOf, text } from '../../../src/runs/config';
import { readRun } from '../../../src/runs/runFolder';
import { InputError } from '../../../src/util/errors';
import { hashFile } from '../../../src/util/hashFile';
import { dataFile } from '../../shared/data/dataFolder';
import { findRun, foreseen, inputMark, without } from '../../shared/earlierSteps';
import { loadDirections } from '../../shared/vectors/load';
import type { FormatRow } from './cells';
import { type FoundVectors, formatFolders, formatVectorData, vectorsOwner } from './vectors';

/** The config key that says where layers come from: a search, or what the paper found. */
export const layersFromSchema = { layers_from: oneOf(['search', 'published']) };

/** The config keys that name a layer search. */
export const searchSchema = {
  ...layersFromSchema,
  model_name: text(),
  data_path: text(),
  vectors_model: nullable(text()),
  output_path: text(),
};

/** Whether a step of the search has nothing to do, which it says then. */
export function needsNoSearch({ layers_from }: ConfigOf<typeof layersFromSchema>): boolean {
  if (layers_from === 'search') return false;
  console.log('layers_from=published: no search is needed.');
  return true;
}

export interface SearchWanted {
  model_name: string;
  data_path: string;
  vectors_model: string | null;
  /** Where the step has a setting for it; null: any. */
  vectors_data_path?: string | null;
  output_path: string;
}

export interface SearchRun {
  folder: string;
  config: Record<string, unknown>;
  rows: FormatRow[];
  /** For the name of what is made with it. */
  mark: string[];
}

/** What the rows of a search do not depend on. */
const PLACES = [
  ...['name', 'output_path', 'data_path', 'vectors_data_path', 'vectors_file', 'skip_long'],
];
const USUAL = 'default';

/** How a step comes to a search: the key that chooses it, its value, and what this `run.ts` made. */
export interface SearchSource {
  key: 'name' | 'search_name';
  chosen: string | null;
  made: readonly string[];
}

/** Which search a step would take, for a dry run. */
export function foreseeSearch(wanted: SearchWanted, source: SearchSource) {
  const { search } = formatFolders({
    ...wanted,
    model: vectorsOwner({ ...wanted, vectors_model: null }),
  });
  const folder = foreseen(search, { ...source, usual: USUAL }, '');
  return { folder, mark: inputMark(search, folder, USUAL) };
}

/**
 * A finished layer search of this model, data and vectors.
 * @throws InputError saying what there is instead, or in what several differ
 */
export function findSearchRun(wanted: SearchWanted, source: SearchSource): SearchRun {
  const model = findModel(wanted.model_name);
  const { search } = formatFolders({ ...wanted, model: model.name });
  const { vectors_model, vectors_data_path: vectorsData } = wanted;
  const folder = findRun(search, {
    ...source,
    expected: {
      step: 'find_best_layer',
      model_fingerprint: model.fingerprint,
      vectors_model: vectors_model && vectorsOwner(wanted),
      data_sha256: hashFile(dataFile(wanted.data_path, 'format_training')),
      ...(vectorsData ? { vectors_data_sha256: hashFile(formatVectorData(wanted)) } : {}),
    },
    same: (says) => without(says, PLACES),
    usual: USUAL,
    how: `npx ts-node experiments/format/find_best_layer.ts model_name=${wanted.model_name}`,
  });
  console.log(`Layer search: ${folder}`);
  return { folder, ...readRun<FormatRow>(folder), mark: inputMark(search, folder, USUAL) };
}

/** What the choice of layers depends on in a search, for the vectors that it is stored with. */
export function searchSettings({ folder, config }: SearchRun): Record<string, unknown> {
  const settings = without(config, [...PLACES, 'dry_run', 'model_name']);
  const named = Object.entries(settings).map(([key, value]) => [`search.${key}`, value]);
  return {
    search: path.basename(folder),
    ...Object.fromEntries(named),
    search_rows: rowsMark(folder),
  };
}

const rowsMark = (folder: string) => hashFile(path.join(folder, 'out.jsonl')).slice(0, 16);

/**
 * The vectors that a layer search steered with.
 * @throws InputError when they are gone, or others by now
 */
export function searchVectors(
  wanted: SearchWanted,
  { folder, config }: SearchRun,
): Pick<FoundVectors, 'vectors' | 'sha256'> {
  const { representations } = formatFolders({ ...wanted, model: vectorsOwner(wanted) });
  const recorded = String(config.vectors_file);
  const beside = path.join(representations, path.basename(recorded));
  const shaOf = (file: string) => (fs.existsSync(file) ? hashFile(file) : 'gone');
  // The folder of results may have been moved since.
  const file = [beside, recorded].find((one) => shaOf(one) === config.vectors_sha256);
  if (file) return { vectors: loadDirections(file, {}), sha256: shaOf(file) };
  throw new InputError(
    `The layers in ${folder} were found with vectors that ${beside} does not hold any more. ` +
      'Run find_best_layer again, under another name=.',
  );
}
