import * as fs from 'node:fs';
import * as path from 'node:path';
import type { ModelFiles } from '../../../src/hub/fingerprint';
import { modelName } from '../../../src/hub/modelFolder';
import { hashOf } from '../../../src/util/hash';
import { hashFile } from '../../../src/util/hashFile';
import { checkWidth, type Provenance, type VectorFile } from '../../../src/vectors/vectorFile';
import {
  baseName,
  usualSettings,
  type VectorFileSettings,
  vectorFileName,
} from '../../shared/command/names';
import type { ScriptContext } from '../../shared/command/script';
import type { Question } from '../../shared/data/questions';
import {
  findVectorFile,
  foreseen,
  inputMark,
  lacksLayers,
  vectorsThemselves,
} from '../../shared/earlierSteps';
import { type LongPromptsConfig, shortRows } from '../../shared/prompts';
import type { Session, SessionConfig } from '../../shared/session';
import {
  clearLeftovers,
  computeDirections,
  expectedProvenance,
  modelProvenance,
  ownerProvenance,
  type RepresentationOptions,
} from '../../shared/vectors/compute';
import { loadDirections } from '../../shared/vectors/load';
import { type LengthPhrasings, type LengthSet, lengthInstructions } from './phrasings';

/** What a set of length vectors is computed from. */
export interface LengthVectorSettings extends VectorFileSettings {
  constraint_type: LengthSet;
  n_sent_max: number;
  n_examples: number;
  num_final_tokens: number;
  seed: number;
  data_path: string;
  phrasings: LengthPhrasings;
}

/** Where a set is kept. The name is for people: what a file is for stands in its metadata. */
export function lengthVectorFile(folder: string, settings: LengthVectorSettings): string {
  const { constraint_type: set, n_examples, n_sent_max, seed } = settings;
  const which = set === 'sentences' ? `${n_sent_max}sentences` : 'high-level';
  const shown = `${baseName(settings.data_path)}_${which}_${n_examples}examples_seed${seed}`;
  return path.join(folder, vectorFileName(STEP, shown, settings));
}

const STEP = 'length/compute_representations';

/** What must agree between a file of length vectors and their use, beside the model. */
function lengthProvenance(settings: LengthVectorSettings): Provenance {
  const instructions = lengthInstructions(settings.phrasings, settings);
  return {
    kind: 'length vectors',
    data_sha256: hashFile(settings.data_path),
    constraint_type: settings.constraint_type,
    n_examples: String(settings.n_examples),
    seed: String(settings.seed),
    phrasings: hashOf([...instructions]),
  };
}

/** The prompts that a query gives length vectors with: alone, and with each instruction. */
export function lengthPrompts(query: Question, settings: LengthVectorSettings): string[] {
  const instructions = lengthInstructions(settings.phrasings, settings);
  return [query.prompt, ...[...instructions.values()].map((draw) => withDrawn(query, draw))];
}

const withDrawn = ({ key, prompt }: Question, draw: (key: string) => string) =>
  `${prompt} ${draw(key)}`;

/**
 * Step 1 of the length experiment: every query with a drawn phrasing of each level (or sentence
 * count) against the same query alone, at the last prompt token of every layer.
 * @throws InputError as `computeDirections`
 */
export async function computeLengthVectors(
  session: Session,
  questions: Question[],
  settings: LengthVectorSettings,
  file: string,
  options: Pick<RepresentationOptions, 'batchSize'> & Partial<RepresentationOptions>,
): Promise<void> {
  const instructions = lengthInstructions(settings.phrasings, settings);
  const plain = questions.map(({ prompt }) => prompt);
  const groups = new Map(
    [...instructions].map(([name, draw]) => {
      const withIt = questions.map((question) => withDrawn(question, draw));
      return [name, { withIt, without: plain }] as const;
    }),
  );
  const provenance = {
    ...modelProvenance(session),
    ...lengthProvenance(settings),
    data_path: settings.data_path,
    example_keys: JSON.stringify(questions.map(({ key }) => key)),
  };
  await computeDirections(session, groups, file, provenance, {
    finalTokens: settings.num_final_tokens,
    layers: null,
    keepActivations: false,
    ...options,
  });
}

/** Which length vectors a step steers with. */
export interface LengthVectorsWanted {
  output_path: string;
  /** Vectors of another model, which must be there; null: the steered model's own. */
  vectors_model: string | null;
  settings: LengthVectorSettings;
  /** Layers that they must have. */
  layers: number[];
  /** Null: the folder of the model that they are of. */
  folder: string | null;
  /** A file that the user chose, and the config key for that. */
  chosen: string | null;
  key: 'vectors_file' | 'length_vectors_file';
  /** By earlier steps of the same `run.ts`. */
  made: readonly string[];
}

/** Where length vectors are, or will be. */
export interface LengthVectorSource extends LengthVectorsWanted {
  file: string;
  /** The queries that they are computed from, where they are not there yet. */
  queries: Question[];
  /** For the name of what is made with it. */
  mark: string[];
}

/**
 * Looks for length vectors, before a model is loaded. Missing ones of the steered model itself will be
 * computed from `questions`.
 * @param model the one that is steered
 * @throws InputError saying how to compute those of another model, or what is there instead; as
 *   `shortRows` for the queries
 */
export function findLengthVectors(
  model: ModelFiles,
  config: LongPromptsConfig,
  questions: Question[],
  wanted: LengthVectorsWanted,
): LengthVectorSource {
  const { vectors_model, settings } = wanted;
  const owner = modelName(vectors_model ?? model.name);
  const folder = wanted.folder ?? path.join(wanted.output_path, 'length', owner, 'representations');
  // Another model has a prompt style of its own.
  const styled = vectors_model === null ? settings : { ...settings, prompt_style: null };
  const usual = path.basename(lengthVectorFile(folder, styled));
  const file =
    vectors_model === null && wanted.chosen === null
      ? path.join(folder, usual)
      : (rehearsed(folder, usual, wanted) ?? findStored(folder, usual, model, wanted));
  const source = { ...wanted, file, mark: inputMark(folder, file, usual) };
  if (fs.existsSync(file) || vectors_model !== null) return { ...source, queries: [] };
  const { rows: queries } = shortRows(model, config, questions, {
    file: settings.data_path,
    promptsOf: (query) => lengthPrompts(query, settings),
  });
  return { ...source, queries };
}

/** What an earlier step of this `run.ts` would write, while they are rehearsed. */
function rehearsed(folder: string, usual: string, { chosen, made }: LengthVectorsWanted) {
  const missing = made.filter((place) => !fs.existsSync(place));
  const file = foreseen(folder, { chosen, usual, made: missing }, '.safetensors');
  return missing.includes(file) ? file : undefined;
}

/** Tells that a dry step would compute length vectors, where they are not there. */
export function tellLengthVectors(
  { plans }: Pick<ScriptContext, 'plans'>,
  config: SessionConfig & { batch_size: number },
  { file, queries, settings }: LengthVectorSource,
): void {
  if (!queries.length) return;
  const prompts = queries.flatMap((query) => lengthPrompts(query, settings));
  plans({ kind: 'vectors', place: file, model: config, prompts: [...new Set(prompts)] });
}

function findStored(
  folder: string,
  usual: string,
  model: ModelFiles,
  { vectors_model, settings, layers, ...wanted }: LengthVectorsWanted,
): string {
  return findVectorFile(folder, {
    ...wanted,
    expected: { ...ownerProvenance(vectors_model ?? model.dir), ...lengthProvenance(settings) },
    preferred: {
      dtype: settings.dtype ?? 'float32',
      ...(settings.backend === null ? {} : { backend: settings.backend }),
    },
    lacks: (says) => lacksLayers(says, layers),
    same: vectorsThemselves,
    usual,
    how: howTo(vectors_model ?? model.name, settings),
  });
}

/** The command that computes such vectors of a model. */
function howTo(model: string, settings: LengthVectorSettings): string {
  const { constraint_type, n_sent_max, n_examples, seed, data_path, phrasings_path } = settings;
  const usual = usualSettings(STEP, model);
  const sentences = constraint_type === 'sentences' ? { n_sent_max } : {};
  const given = { data_path, phrasings_path, constraint_type, n_examples, seed, ...sentences };
  const words = Object.entries({ ...given, dtype: settings.dtype }).filter(
    ([key, value]) => value !== undefined && value !== (usual[key] ?? null),
  );
  return [
    `npx ts-node experiments/${STEP}.ts model_name=${model}`,
    ...words.map(([key, value]) => `${key}=${value}`),
  ].join(' ');
}

/**
 * The length vectors that were looked for; own ones that are not there are computed.
 * @param session the model that is steered
 * @throws InputError as `computeLengthVectors` and `loadDirections`, or for vectors of another width
 */
export async function needLengthVectors(
  session: Session,
  { file, queries, settings, vectors_model }: LengthVectorSource,
  batchSize: number,
): Promise<VectorFile> {
  if (fs.existsSync(file)) clearLeftovers(file);
  else {
    console.log(`No length vectors yet: computing them from the first ${queries.length} queries.`);
    await computeLengthVectors(session, queries, settings, file, { batchSize });
  }
  const vectors = loadDirections(file, {
    ...expectedProvenance(session, vectors_model),
    ...lengthProvenance(settings),
  });
  checkWidth(vectors, session.model.config.dModel, session.files.name);
  return vectors;
}
