/** The vector files of earlier steps that the analyses are about. */
import * as path from 'node:path';
import type { Positions } from '../../../src/engine/steering';
import { layer, listOf, nameText, nullable, oneOf, text } from '../../../src/runs/config';
import { checkWidth, type VectorFile } from '../../../src/vectors/vectorFile';
import { loadFormatVectors } from '../../format/parts/ivs';
import { formatVectorData } from '../../format/parts/vectors';
import { usualSettings } from '../../shared/command/names';
import { findVectorFile, lacksLayers, without } from '../../shared/earlierSteps';
import type { Session } from '../../shared/session';
import { expectedProvenance } from '../../shared/vectors/compute';
import { loadDirections } from '../../shared/vectors/load';

export const VECTOR_SETS = ['format', 'length', 'keywords'] as const;
export type VectorSet = (typeof VECTOR_SETS)[number];

/** The config keys that say which vectors. */
export const vectorsSchema = {
  of: listOf(oneOf(VECTOR_SETS)),
  vectors_model: nullable(text()),
  vectors_data_path: nullable(text()),
  ivs_name: nullable(nameText()),
  length_vectors: nullable(text()),
  keyword_vectors: nullable(text()),
  length_layer: nullable(layer()),
  keyword_layer: nullable(layer()),
};

export interface VectorsWanted {
  model_name: string;
  data_path: string;
  output_path: string;
  of: VectorSet[];
  vectors_model: string | null;
  vectors_data_path: string | null;
  ivs_name: string | null;
  length_vectors: string | null;
  keyword_vectors: string | null;
  length_layer: number | null;
  keyword_layer: number | null;
}

/** Vectors of one experiment, and the layer that each acts at. */
export interface AnalysedVectors {
  of: VectorSet;
  file: string;
  vectors: VectorFile;
  /** By name; null or none: it does not act. */
  layerOf(name: string): number | null;
}

/** @throws InputError as `findVectorFile`, naming the command that makes them */
export function findAnalysedVectors(
  wanted: VectorsWanted,
  session: Session,
  made: readonly string[],
): AnalysedVectors[] {
  return wanted.of.map((of) => {
    if (of === 'format') return formatVectors(wanted, session, made);
    return otherVectors(of, wanted, session, made);
  });
}

function formatVectors(
  wanted: VectorsWanted,
  session: Session,
  made: readonly string[],
): AnalysedVectors {
  const { file, vectors, selectedFor } = loadFormatVectors(
    { ...wanted, vectors_data_path: formatVectorData(wanted) },
    { chosen: wanted.ivs_name, made, layers: [] },
    { steering: ['adjust_rs'], positions: positionsOf(wanted) },
    session,
  );
  // For prompts without the instruction, where steering has to do all; else for those with it.
  const layerOf = (name: string) =>
    selectedFor(false).get(name) ?? selectedFor(true).get(name) ?? null;
  return { of: 'format', file, vectors, layerOf };
}

/** Those that format/evaluate steers at. */
const positionsOf = ({ model_name }: VectorsWanted) =>
  usualSettings('format/evaluate', model_name).positions as Positions;

/** How a file of each set is told, and what it acts at. */
const OTHERS = {
  length: {
    says: { kind: 'length vectors' },
    preferred: { constraint_type: 'high-level' },
    step: 'length/compute_representations.ts',
    evaluation: 'length/evaluate',
    chosen: 'length_vectors',
    layer: 'length_layer',
  },
  keywords: {
    says: { kind: 'keyword vectors', keyword_type: 'include' },
    preferred: {},
    step: 'keywords/compute_representations.ts word_set=[ifeval_include,ifeval_exclude,validation]',
    evaluation: 'keywords/evaluate',
    chosen: 'keyword_vectors',
    layer: 'keyword_layer',
  },
} as const;

function otherVectors(
  of: 'length' | 'keywords',
  wanted: VectorsWanted,
  session: Session,
  made: readonly string[],
): AnalysedVectors {
  const { says, preferred, step, evaluation, chosen, layer: layerKey } = OTHERS[of];
  const provenance = expectedProvenance(session, wanted.vectors_model);
  const folder = path.join(wanted.output_path, of, provenance.model, 'representations');
  const usual = usualSettings(evaluation, wanted.model_name).source_layer_idx;
  const at = wanted[layerKey] ?? Number([usual].flat()[0]);
  const file = findVectorFile(folder, {
    expected: { ...says, ...provenance },
    preferred: { ...preferred, backend: session.backend.name },
    lacks: (says) => lacksLayers(says, [at]),
    same: (own) => without(own, ['num_final_tokens', 'activations', 'data_path', 'tool']),
    usual: '',
    chosen: wanted[chosen],
    key: chosen,
    made,
    how: `npx ts-node experiments/${step} model_name=${provenance.model}`,
  });
  const vectors = loadDirections(file, {});
  checkWidth(vectors, session.model.config.dModel, session.files.name);
  return { of, file, vectors, layerOf: () => at };
}
