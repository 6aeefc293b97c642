import * as fs from 'node:fs';
import * as path from 'node:path';
import { nullable, text } from '../../../src/runs/config';
import { readRun } from '../../../src/runs/runFolder';
import { InputError } from '../../../src/util/errors';
import { inputPath } from '../../shared/data/questions';
import { findRun } from '../../shared/earlierSteps';
import { findModel, hashFile } from '../../shared/provenance';
import { loadVectors, type VectorFile } from '../../shared/vectors/vectorFile';
import type { FormatRow } from './cells';
import { formatFolders, vectorsOwner } from './vectors';

/** The config keys that name a layer search. */
export const searchSchema = {
  model_name: text(),
  data_path: text(),
  vectors_model: nullable(text()),
  output_path: text(),
};

interface SearchWanted {
  model_name: string;
  data_path: string;
  vectors_model: string | null;
  output_path: string;
}

export interface SearchRun {
  folder: string;
  config: Record<string, unknown>;
  rows: FormatRow[];
}

/**
 * A finished layer search of this model, data and vectors.
 * @param name of the run; null: the newest that fits
 * @throws InputError saying what there is instead
 */
export function findSearchRun(wanted: SearchWanted, name: string | null): SearchRun {
  const model = findModel(wanted.model_name);
  const { search } = formatFolders({ ...wanted, model: model.name });
  const how = `npx ts-node experiments/format/find_best_layer.ts model_name=${wanted.model_name}`;
  const expected = {
    step: 'find_best_layer',
    model_fingerprint: model.fingerprint,
    vectors_model: wanted.vectors_model,
    data_sha256: hashFile(inputPath(wanted.data_path)),
    ...(name === null ? {} : { name }),
  };
  const folder = findRun(search, expected, how);
  console.log(`Layer search: ${folder}`);
  return { folder, ...readRun<FormatRow>(folder) };
}

/**
 * The vectors that a layer search steered with.
 * @throws InputError when they are gone, or others by now
 */
export function searchVectors(
  wanted: SearchWanted,
  { folder, config }: SearchRun,
): { vectors: VectorFile; sha256: string } {
  const owner = vectorsOwner(wanted);
  const { representations } = formatFolders({ ...wanted, model: owner });
  const file = path.join(representations, path.basename(String(config.vectors_file)));
  const sha256 = fs.existsSync(file) ? hashFile(file) : 'gone';
  if (sha256 === config.vectors_sha256) return { vectors: loadVectors(file, {}), sha256 };
  throw new InputError(
    `The layers in ${folder} were found with vectors that ${file} does not hold any more. ` +
      'Run find_best_layer again, under another name=.',
  );
}
