import * as fs from 'node:fs';
import * as path from 'node:path';
import { modelName } from '../../../src/hub/modelFolder';
import { InputError } from '../../../src/util/errors';
import type { InstructionRow } from '../../shared/data/instructionRows';
import { findVectorFile } from '../../shared/earlierSteps';
import { groupBy } from '../../shared/groupBy';
import { hashFile, hashOf } from '../../shared/provenance';
import type { Session } from '../../shared/session';
import {
  computeDirections,
  expectedProvenance,
  modelProvenance,
  ownerProvenance,
  type RepresentationOptions,
} from '../../shared/vectors/compute';
import {
  checkWidth,
  loadVectors,
  type Provenance,
  saveVectors,
  type VectorFile,
} from '../../shared/vectors/vectorFile';

const VECTORS = 'format vectors';
const CHOSEN = 'format instruction vectors';

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

/** Which vectors a step uses: whose, and of which data. */
export interface VectorsWanted {
  output_path: string;
  model_name: string;
  /** Vectors of another model; null: the model's own. */
  vectors_model: string | null;
  /** The data that they were computed from. */
  vectors_data_path: string;
}

/** Where a set is kept. The name is for people: what a file is for stands in its metadata. */
export function formatVectorFile(
  folder: string,
  { data_path, subset_ratio, seed }: { data_path: string; subset_ratio: number; seed: number },
): string {
  const data = path.basename(data_path).replace(/\.\w+$/, '');
  return path.join(folder, `${data}_ratio${subset_ratio}_seed${seed}.safetensors`);
}

/**
 * Step 1 of the format experiment: a direction for every instruction id, from its rows with and
 * without the instruction. The file becomes the newest, which the next steps take.
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
  fs.utimesSync(file, new Date(), new Date());
}

/** A vector file that a step uses, and a mark of what it holds for the step's config. */
export interface FoundVectors {
  file: string;
  sha256: string;
  vectors: VectorFile;
}

/**
 * The newest format vectors of the wanted model and data.
 * @param session what they are to steer; without one, prompt style and width are not compared
 * @throws InputError saying what is there instead, or when the model's width is another
 */
export function findFormatVectors(wanted: VectorsWanted, session?: Session): FoundVectors {
  const owner = vectorsOwner(wanted);
  const { representations } = formatFolders({ ...wanted, model: owner });
  return findAndOpen(representations, VECTORS, expectedOf(wanted, session), session, [
    'compute_representations',
    owner,
    wanted.vectors_data_path,
  ]);
}

/** Format vectors, each with the layer to steer at. */
export interface FormatVectors extends FoundVectors {
  /** By instruction id; null: no steering is best. */
  selected: Map<string, number | null>;
  /** How the layers were found, in words. */
  chosenBy: string;
}

/**
 * What `precompute_ivs` stored for a model: the newest file that fits the vectors wanted.
 * @throws InputError as `findFormatVectors`
 */
export function loadFormatVectors(wanted: VectorsWanted, session: Session): FormatVectors {
  const { ivs } = formatFolders({ ...wanted, model: session.files.name });
  const expected = {
    ...expectedOf(wanted, session),
    steered_model_fingerprint: session.files.fingerprint,
  };
  const found = findAndOpen(ivs, CHOSEN, expected, session, [
    'precompute_ivs',
    session.files.name,
    wanted.vectors_data_path,
  ]);
  const { selected_layers, chosen_by, vectors_sha256 } = found.vectors.provenance;
  return {
    ...found,
    // The same vectors and layers are the same, wherever the search lies that found them.
    sha256: hashOf([vectors_sha256, selected_layers]),
    selected: new Map(Object.entries(JSON.parse(selected_layers))),
    chosenBy: chosen_by,
  };
}

/** Stores vectors with each instruction's layer, for `loadFormatVectors`. */
export function saveFormatVectors(
  file: string,
  { vectors, sha256 }: Pick<FoundVectors, 'vectors' | 'sha256'>,
  choice: {
    selected: ReadonlyMap<string, number | null>;
    chosenBy: string;
    steeredFingerprint: string;
  },
): void {
  saveVectors(file, {
    ...vectors,
    provenance: {
      ...vectors.provenance,
      kind: CHOSEN,
      vectors_sha256: sha256,
      steered_model_fingerprint: choice.steeredFingerprint,
      selected_layers: JSON.stringify(Object.fromEntries(choice.selected)),
      chosen_by: choice.chosenBy,
    },
  });
}

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

/** The name of the model whose activations the vectors are. */
export function vectorsOwner({
  model_name,
  vectors_model,
}: Pick<VectorsWanted, 'model_name' | 'vectors_model'>): string {
  return modelName(vectors_model ?? model_name);
}

function expectedOf(wanted: VectorsWanted, session?: Session): Provenance {
  const { model_name, vectors_model, vectors_data_path } = wanted;
  const owner = session
    ? expectedProvenance(session, vectors_model)
    : ownerProvenance(vectors_model ?? model_name);
  return { ...owner, data_sha256: hashFile(vectors_data_path) };
}

function findAndOpen(
  folder: string,
  kind: string,
  expected: Provenance,
  session: Session | undefined,
  [step, model, data]: [string, string, string],
): FoundVectors {
  const how = `npx ts-node experiments/format/${step}.ts model_name=${model} data_path=${data}`;
  const file = findVectorFile(folder, { kind, ...expected }, how);
  const vectors = loadVectors(file, {});
  if (session) checkWidth(vectors, session.model.config.dModel, session.files.name);
  return { file, sha256: hashFile(file), vectors };
}
