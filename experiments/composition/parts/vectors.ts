import * as path from 'node:path';
import type { VectorFile } from '../../../src/vectors/vectorFile';
import { type FormatVectors, foreseeIvs, loadFormatVectors } from '../../format/parts/ivs';
import {
  findFormatVectors,
  foreseeVectors,
  steerable,
  type VectorsWanted,
} from '../../format/parts/vectors';
import type { VectorFileSettings } from '../../shared/command/names';
import type { InstructionRow } from '../../shared/data/instructionRows';
import type { Session } from '../../shared/session';
import type { CompositionConfig, CompositionVectors } from './plan';

/** Which format vectors a composition steers with. */
export interface FormatWanted
  extends VectorsWanted,
    VectorFileSettings,
    Pick<CompositionConfig, 'format_steering' | 'format_positions'> {
  format_layer: number | null;
  vectors_file: string | null;
  ivs_name: string | null;
}

/** Format vectors, and where each acts. */
export interface FormatSource extends Pick<CompositionVectors, 'formatLayer'> {
  vectors: VectorFile;
  sha256: string;
  /** For the name of what is made with it. */
  mark: string[];
  /** Where they are, and how the layers came about, in words. */
  described: string;
  /** What precompute_ivs stored: its name and the layers; null where those are not used. */
  ivs: { name: string; selectedLayers: FormatVectors['selectedLayers'] } | null;
}

/** @param made by earlier steps of the same `run.ts` */
const sourceOf = (
  { format_layer: layer, vectors_file, ivs_name }: FormatWanted,
  made: readonly string[],
) =>
  layer === null
    ? { chosen: ivs_name, made, layers: [] }
    : { chosen: vectors_file, made, layers: [layer] };

/** What a dry run says that a run's name would tell of its format vectors. */
export function foreseeFormat(
  wanted: FormatWanted & { model: string },
  made: readonly string[],
): string[] {
  const source = sourceOf(wanted, made);
  return wanted.format_layer === null ? foreseeIvs(wanted, source) : foreseeVectors(wanted, source);
}

/**
 * The format vectors of a composition: with the layers that `precompute_ivs` stored, or at one layer,
 * for which no layer has to be searched.
 * @throws InputError as `loadFormatVectors`, `findFormatVectors` and `steerable`
 */
export function findFormat(
  wanted: FormatWanted,
  made: readonly string[],
  session: Session,
  rows: InstructionRow[],
): FormatSource {
  const { format_layer, format_steering, format_positions: positions } = wanted;
  const source = sourceOf(wanted, made);
  if (format_layer !== null) {
    const found = findFormatVectors(wanted, source, session);
    const withVector = steerable(rows, found);
    const described = `${found.file}, at layer ${format_layer}`;
    const formatLayer = (id: string) => (withVector.has(id) ? format_layer : null);
    return { ...found, formatLayer, described, ivs: null };
  }
  const steered = { positions, steering: [format_steering] };
  const found = loadFormatVectors(wanted, source, steered, session);
  steerable(rows, found);
  return {
    ...found,
    formatLayer: (id, instructed) => found.selectedFor(instructed).get(id) ?? null,
    described: `${found.file}, layers by ${found.chosenBy}`,
    ivs: {
      name: path.basename(found.file, '.safetensors'),
      selectedLayers: found.selectedLayers,
    },
  };
}
