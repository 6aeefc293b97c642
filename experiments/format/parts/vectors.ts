import * as path from 'node:path';
import { modelName } from '../../../src/hub/modelFolder';
import { InputError } from '../../../src/util/errors';
import { hashFile } from '../../../src/util/hashFile';
import type { Direction } from '../../../src/vectors/direction';
import { checkWidth, type Provenance, type VectorFile } from '../../../src/vectors/vectorFile';
import {
  baseName,
  usualSettings,
  type VectorFileSettings,
  vectorFileName,
} from '../../shared/command/names';
import { dataFile } from '../../shared/data/dataFolder';
import type { InstructionRow } from '../../shared/data/instructionRows';
import {
  findVectorFile,
  foreseen,
  inputMark,
  lacksLayers,
  vectorsThemselves,
  type Wanted,
} from '../../shared/earlierSteps';
import { groupBy } from '../../shared/groupBy';
import type { Session } from '../../shared/session';
import {
  computeDirections,
  expectedProvenance,
  modelProvenance,
  ownerProvenance,
  type RepresentationOptions,
} from '../../shared/vectors/compute';
import { loadDirections } from '../../shared/vectors/load';

const VECTORS = 'format vectors';

/** Where the format experiment keeps what; each model has its own folder. */
export function formatFolders({ output_path, ...config }: { output_path: string; model: string }) {
  const base = path.join(output_path, 'format', config.model);
  return {
    /** Runs of `evaluate`. */
    base,
    representations: path.join(base, 'representations'),
    /** Runs of `find_best_layer`. */
    search: path.join(base, 'layer_search'),
    /** Vectors with each instruction's layer, from `precompute_ivs`. */
    ivs: path.join(base, 'ivs'),
  };
}

/** Which vectors a step uses: whose, of which data, computed how. */
export interface VectorsWanted {
  output_path: string;
  model_name: string;
  /** Vectors of another model; null: the model's own. */
  vectors_model: string | null;
  /** The data that they were computed from. */
  vectors_data_path: string;
}

/**
 * The file that format vectors come from: of `vectors_data_path`, else of `data_path`. Of a folder it
 * is the file for training, whatever the step itself reads of it.
 * @throws InputError as `dataFile`
 */
export function formatVectorData(config: {
  data_path: string;
  vectors_data_path?: string | null;
}): string {
  const { data_path, vectors_data_path } = config;
  return vectors_data_path
    ? dataFile(vectors_data_path, 'format_training', 'vectors_data_path')
    : dataFile(data_path, 'format_training');
}

/** What else tells format vectors from one another, as far as a step has such settings. */
type VectorSettings = VectorFileSettings & { seed?: number };

const STEP = 'format/compute_representations';

/** Where a set is kept. The name is for people: what a file is for stands in its metadata. */
export function formatVectorFile(
  folder: string,
  settings: {
    model_name: string;
    data_path: string;
    subset_ratio: number;
    seed: number;
  } & VectorFileSettings,
): string {
  const { model_name, data_path, subset_ratio, seed } = settings;
  const shown = `${baseName(data_path)}_ratio${subset_ratio}_seed${seed}`;
  return path.join(folder, vectorFileName(STEP, shown, settings, model_name));
}

/** The file that `compute_representations` writes with this step's settings, all others being usual. */
function usualVectorFile(wanted: VectorsWanted & VectorSettings): string {
  const model_name = vectorsOwner(wanted);
  const { seed, subset_ratio } = usualSettings(STEP, model_name);
  const { prompt_style, backend, dtype, compat, vectors_data_path } = wanted;
  return formatVectorFile('', {
    ...{ model_name, prompt_style, backend, dtype, compat },
    data_path: vectors_data_path,
    subset_ratio: Number(subset_ratio),
    seed: wanted.seed ?? Number(seed),
  });
}

/**
 * Step 1 of the format experiment: a direction for every instruction id, from its rows with and
 * without the instruction.
 * @throws InputError as `computeDirections`
 */
export async function computeFormatVectors(
  session: Session,
  rows: InstructionRow[],
  settings: { data_path: string; subset_ratio: number; seed: number },
  file: string,
  options: RepresentationOptions,
): Promise<void> {
  const groups = groupBy(rows, ({ id }) => id);
  const prompts = new Map(
    groups.map((group) => [
      group[0].id,
      {
        withIt: group.map(({ prompt }) => prompt),
        without: group.map(({ withoutInstruction }) => withoutInstruction),
      },
    ]),
  );
  const provenance = {
    kind: VECTORS,
    ...modelProvenance(session),
    data_path: settings.data_path,
    data_sha256: hashFile(settings.data_path),
    subset_ratio: String(settings.subset_ratio),
    seed: String(settings.seed),
    example_keys: JSON.stringify(rows.map(({ key }) => key)),
  };
  await computeDirections(session, prompts, file, provenance, options);
}

/** A vector file that a step uses, and a mark of what it holds for the step's config. */
export interface FoundVectors {
  file: string;
  sha256: string;
  vectors: VectorFile<Direction>;
  /** For the name of what is made with it. */
  mark: string[];
}

/** How a step of the format experiment comes to what earlier steps wrote. */
export interface Source {
  /** The config key's value that chooses it. */
  chosen: string | null;
  /** By earlier steps of the same `run.ts`. */
  made: readonly string[];
  /** Layers that its vectors must have. */
  layers: number[];
}

/** Where format vectors would come from, for a dry run. */
export function foreseeVectors(wanted: VectorsWanted & VectorSettings, source: Source): string[] {
  const { representations } = formatFolders({ ...wanted, model: vectorsOwner(wanted) });
  const usual = usualVectorFile(wanted);
  const file = foreseen(representations, { ...source, usual }, '.safetensors');
  return inputMark(representations, file, usual);
}

/**
 * The format vectors of the wanted model, data and settings.
 * @param session what they are to steer; without one, prompt style and width are not compared
 * @throws InputError saying what is there instead, or when the model's width is another
 */
export function findFormatVectors(
  wanted: VectorsWanted & VectorSettings,
  source: Source,
  session?: Session,
): FoundVectors {
  const owner = vectorsOwner(wanted);
  const { representations } = formatFolders({ ...wanted, model: owner });
  const { seed } = wanted;
  return findAndOpen(representations, session, {
    ...source,
    expected: { kind: VECTORS, ...expectedOf(wanted, session) },
    settings: seed === undefined ? {} : { seed: String(seed) },
    preferred: session ? { backend: session.backend.name } : {},
    lacks: (says) => lacksLayers(says, source.layers),
    same: vectorsThemselves,
    usual: usualVectorFile(wanted),
    key: 'vectors_file',
    how: howTo('compute_representations', owner, wanted.vectors_data_path),
  });
}

/** The command that makes what is missing. */
export const howTo = (step: string, model: string, data: string) =>
  `npx ts-node experiments/format/${step}.ts model_name=${model} data_path=${data}`;

/** Keys of the rows of a data file that the directions come from; none when they come from another. */
export function usedRows({ vectors }: FoundVectors, dataPath: string): ReadonlySet<string> {
  const { data_sha256, example_keys } = vectors.provenance;
  if (data_sha256 !== hashFile(dataPath)) return new Set();
  return new Set(JSON.parse(example_keys) as string[]);
}

/** @throws InputError naming the instructions of the rows that have no vector */
export function checkVectorsFor(rows: InstructionRow[], { file, vectors }: FoundVectors): void {
  const ids = new Set(rows.map(({ id }) => id));
  const missing = [...ids].filter((id) => !vectors.directions.has(id));
  if (!missing.length) return;
  throw new InputError(
    `${file} has no vector for ${missing.join(', ')}. Compute representations from data that has ` +
      'these instructions, or leave their rows out.',
  );
}

/**
 * The instructions of the rows that have a vector. The others stay unsteered, which is said: the
 * paper's evaluation has languages that its data for vectors lack.
 * @throws InputError as `checkVectorsFor`, when none has one
 */
export function steerable(rows: InstructionRow[], found: FoundVectors): ReadonlySet<string> {
  const ids = [...new Set(rows.map(({ id }) => id))];
  const lack = ids.filter((id) => !found.vectors.directions.has(id));
  if (lack.length === ids.length) checkVectorsFor(rows, found);
  const count = rows.filter(({ id }) => lack.includes(id)).length;
  if (count) {
    console.log(
      `There is no vector for ${lack.join(', ')}; unsteered stay ${count} of ${rows.length} rows.`,
    );
  }
  return new Set(ids.filter((id) => !lack.includes(id)));
}

/** The name of the model whose activations the vectors are. */
export function vectorsOwner({
  model_name,
  vectors_model,
}: Pick<VectorsWanted, 'model_name' | 'vectors_model'>): string {
  return modelName(vectors_model ?? model_name);
}

/** Whose vectors of which data: what vector files must say of themselves. */
export function expectedOf(wanted: VectorsWanted, session?: Session): Provenance {
  const { model_name, vectors_model, vectors_data_path } = wanted;
  const owner = session
    ? expectedProvenance(session, vectors_model)
    : ownerProvenance(vectors_model ?? model_name);
  return { ...owner, data_sha256: hashFile(vectors_data_path) };
}

/** @throws InputError as `findVectorFile`, and when the model's width is another */
export function findAndOpen(
  folder: string,
  session: Session | undefined,
  wanted: Wanted,
): FoundVectors {
  const file = findVectorFile(folder, wanted);
  const vectors = loadDirections(file, {});
  if (session) checkWidth(vectors, session.model.config.dModel, session.files.name);
  return { file, sha256: hashFile(file), vectors, mark: inputMark(folder, file, wanted.usual) };
}
