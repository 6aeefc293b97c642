/** Format vectors with the layers to steer at: what `precompute_ivs` stores and `evaluate` takes. */
import * as fs from 'node:fs';
import type { Positions } from '../../../src/engine/steering';
import { InputError } from '../../../src/util/errors';
import { hashOf } from '../../../src/util/hash';
import { type Provenance, readProvenance, saveVectors } from '../../../src/vectors/vectorFile';
import { foreseen, inputMark, lacksLayers, without } from '../../shared/earlierSteps';
import type { Session } from '../../shared/session';
import { type Layers, parseSelected, type SelectedLayers, selectedToJson } from './selectedLayers';
import {
  expectedOf,
  type FoundVectors,
  findAndOpen,
  formatFolders,
  howTo,
  type Source,
  type VectorsWanted,
} from './vectors';

const KIND = 'format instruction vectors';
const USUAL = 'default.safetensors';

/** Format vectors, each with the layer to steer at. */
export interface FormatVectors extends FoundVectors {
  /** The layers for prompts with the instruction, or without it. */
  selectedFor(instructed: boolean): Layers;
  /** The same as summaries have it, see `selectedToJson`. */
  selectedLayers: Record<string, unknown>;
  /** How the layers were found, in words. */
  chosenBy: string;
}

/** How a step steers, for the choice between layers that were found by steering otherwise. */
interface Steered {
  positions: Positions;
  steering: string[];
}

/** Which vectors with layers a step would take, for a dry run. */
export function foreseeIvs(
  wanted: { output_path: string; model: string },
  source: Pick<Source, 'chosen' | 'made'>,
): string[] {
  const { ivs } = formatFolders(wanted);
  const isVectorFile = (name: string) => name.endsWith('.safetensors');
  const file = foreseen(ivs, { ...source, usual: USUAL }, '.safetensors', isVectorFile);
  return inputMark(ivs, file, USUAL);
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
      kind: KIND,
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
    usual: USUAL,
    key: 'ivs_name',
    how: howTo('precompute_ivs', session.files.name, wanted.vectors_data_path),
  });
  const { selected_layers, chosen_by, vectors_sha256 } = found.vectors.provenance;
  const selected = parseSelected(found.file, selected_layers, found.vectors.layers);
  return {
    ...found,
    sha256: hashOf([vectors_sha256, selected_layers]),
    selectedFor: (instructed) => (instructed ? selected.with : selected.without),
    selectedLayers: selectedToJson(selected),
    chosenBy: chosen_by,
  };
}

/** How each instruction's layer was chosen. */
export interface Choice {
  selected: SelectedLayers;
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
    kind: KIND,
    vectors_sha256: sha256,
    steered_model_fingerprint: steeredFingerprint,
    selected_layers: JSON.stringify(selectedToJson(selected)),
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
