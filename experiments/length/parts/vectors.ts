import * as fs from 'node:fs';
import * as path from 'node:path';
import { baseName, type VectorFileSettings, vectorFileName } from '../../shared/command/names';
import type { Question } from '../../shared/data/questions';
import { hashFile, hashOf } from '../../shared/provenance';
import type { Session } from '../../shared/session';
import {
  clearLeftovers,
  computeDirections,
  modelProvenance,
  type RepresentationOptions,
} from '../../shared/vectors/compute';
import { loadVectors, type Provenance, type VectorFile } from '../../shared/vectors/vectorFile';
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
  return path.join(folder, vectorFileName('length/compute_representations', shown, settings));
}

/** What must agree between a file of length vectors and their use. */
export function lengthProvenance(session: Session, settings: LengthVectorSettings): Provenance {
  const instructions = lengthInstructions(settings.phrasings, settings);
  return {
    kind: 'length vectors',
    ...modelProvenance(session),
    data_sha256: hashFile(settings.data_path),
    constraint_type: settings.constraint_type,
    n_examples: String(settings.n_examples),
    seed: String(settings.seed),
    phrasings: hashOf([...instructions]),
  };
}

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
  const without = questions.map(({ prompt }) => prompt);
  const groups = new Map(
    [...instructions].map(([name, draw]) => {
      const withIt = questions.map(({ key, prompt }) => `${prompt} ${draw(key)}`);
      return [name, { withIt, without }] as const;
    }),
  );
  const provenance = {
    ...lengthProvenance(session, settings),
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

/**
 * The length vectors of a file, which are computed when it is not there.
 * @param questions the queries that they come from
 * @throws InputError as `computeLengthVectors` and `loadVectors`
 */
export async function needLengthVectors(
  session: Session,
  questions: Question[],
  settings: LengthVectorSettings,
  file: string,
  batchSize: number,
): Promise<VectorFile> {
  if (fs.existsSync(file)) clearLeftovers(file);
  else {
    console.log(
      `No length vectors yet: computing them from the first ${questions.length} queries.`,
    );
    await computeLengthVectors(session, questions, settings, file, { batchSize });
  }
  return loadVectors(file, lengthProvenance(session, settings));
}
