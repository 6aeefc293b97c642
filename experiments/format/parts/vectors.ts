import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Positions } from '../../../src/engine/steering';
import { modelName } from '../../../src/hub/modelFolder';
import { isMap } from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';
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
  type Wanted,
  without,
} from '../../shared/earlierSteps';
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
  readProvenance,
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
  vectors: VectorFile;
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
    // Neither adds to the vectors themselves.
    same: (says) =>
      without(says, ['num_final_tokens', 'activations', 'layers', 'data_path', 'tool']),
    usual: usualVectorFile(wanted),
    key: 'vectors_file',
    how: howTo('compute_representations', owner, wanted.vectors_data_path),
  });
}

const howTo = (step: string, model: string, data: string) =>
  `npx ts-node experiments/format/${step}.ts model_name=${model} data_path=${data}`;

/** Format vectors, each with the layer to steer at. */
export interface FormatVectors extends FoundVectors {
  /** By instruction id; null: no steering is best. */
  selected: Map<string, number | null>;
  /** How the layers were found, in words. */
  chosenBy: string;
}

/** How a step steers, for the choice between layers that were found by steering otherwise. */
interface Steered {
  positions: Positions;
  steering: string[];
}

const USUAL_IVS = 'default.safetensors';

/** Which vectors with layers a step would take, for a dry run. */
export function foreseeIvs(
  wanted: { output_path: string; model: string },
  source: Pick<Source, 'chosen' | 'made'>,
): string[] {
  const { ivs } = formatFolders(wanted);
  return inputMark(
    ivs,
    foreseen(ivs, { ...source, usual: USUAL_IVS }, '.safetensors', isVectorFile),
    USUAL_IVS,
  );
}

/**
 * What `precompute_ivs` stored for a model, of the vectors wanted.
 * @throws InputError as `findFormatVectors`
 */
export function loadFormatVectors(
  wanted: VectorsWanted,
  source: Source,
  steered: Steered,
  session: Session,
): FormatVectors {
  const { ivs } = formatFolders({ ...wanted, model: session.files.name });
  const found = findAndOpen(ivs, session, {
    ...source,
    expected: {
      kind: CHOSEN,
      ...expectedOf(wanted, session),
      steered_model_fingerprint: session.files.fingerprint,
    },
    preferred: {
      'search.steering': steered.steering.filter((one) => one !== 'none'),
      'search.positions': steered.positions,
      backend: session.backend.name,
    },
    lacks: (says) => lacksLayers(says, source.layers),
    // The same vectors and layers are the same, however they were found.
    same: ({ vectors_sha256, selected_layers }) => [vectors_sha256, selected_layers],
    usual: USUAL_IVS,
    key: 'ivs_name',
    how: howTo('precompute_ivs', session.files.name, wanted.vectors_data_path),
  });
  const { selected_layers, chosen_by, vectors_sha256 } = found.vectors.provenance;
  return {
    ...found,
    sha256: hashOf([vectors_sha256, selected_layers]),
    selected: parseSelected(found.file, selected_layers, found.vectors.layers),
    chosenBy: chosen_by,
  };
}

/** @throws InputError for layers that the file does not hold, or that are no layers */
function parseSelected(file: string, text: string, layers: number[]): Map<string, number | null> {
  let selected: unknown;
  try {
    selected = JSON.parse(text);
  } catch {
    // reported below
  }
  const values = Object.values(selected ?? {});
  if (
    isMap(selected) &&
    values.every((layer) => layer === null || layers.includes(layer as number))
  )
    return new Map(Object.entries(selected) as [string, number | null][]);
  throw new InputError(`${file} is damaged: its layers are ${text}. Run precompute_ivs again.`);
}

/** How each instruction's layer was chosen. */
export interface Choice {
  selected: ReadonlyMap<string, number | null>;
  /** In words. */
  chosenBy: string;
  /** All that it depends on, beside the vectors. */
  settings: Record<string, unknown>;
  steeredFingerprint: string;
}

/**
 * Stores vectors with each instruction's layer, for `loadFormatVectors`.
 * @returns false where the very same are there already
 * @throws InputError where others are
 */
export function saveFormatVectors(
  file: string,
  { vectors, sha256 }: Pick<FoundVectors, 'vectors' | 'sha256'>,
  { selected, chosenBy, settings, steeredFingerprint }: Choice,
): boolean {
  const texts = Object.entries(settings).map(([key, value]) => [
    key,
    JSON.stringify(value ?? null),
  ]);
  const provenance: Provenance = {
    ...(without(vectors.provenance, ['checksum']) as Provenance),
    ...Object.fromEntries(texts.map(([key, text]) => [key, text.replace(/^"(.*)"$/, '$1')])),
    kind: CHOSEN,
    vectors_sha256: sha256,
    steered_model_fingerprint: steeredFingerprint,
    selected_layers: JSON.stringify(Object.fromEntries(selected)),
    chosen_by: chosenBy,
  };
  if (fs.existsSync(file)) {
    const before = readProvenance(file);
    const others = Object.keys(provenance).filter((key) => before[key] !== provenance[key]);
    if (!others.length) return false;
    const lines = others.map((key) => `\n  ${key}: ${before[key]} there, ${provenance[key]} now`);
    throw new InputError(
      `${file} holds vectors with layers that were found otherwise:${lines.join('')}\n` +
        'Give these another name (name=...), or remove that file if you no longer need it.',
    );
  }
  saveVectors(file, { ...vectors, provenance });
  return true;
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

function findAndOpen(folder: string, session: Session | undefined, wanted: Wanted): FoundVectors {
  const file = findVectorFile(folder, wanted);
  const vectors = loadVectors(file, {});
  if (session) checkWidth(vectors, session.model.config.dModel, session.files.name);
  return { file, sha256: hashFile(file), vectors, mark: inputMark(folder, file, wanted.usual) };
}

const isVectorFile = (name: string) => name.endsWith('.safetensors');
