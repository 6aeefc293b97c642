/**
 * Control vectors of llama.cpp: GGUF files of the architecture `controlvector`. `direction.N` is what
 * is added to the output of block N, blocks counted from 0; block 0 can't be steered there. Sources:
 * docs/vectors.md.
 */
import { InputError } from '../../util/errors';
import { stemOf } from '../../util/fileName';
import { indexOfLayer } from '../lookUp';
import { originOf } from '../provenance';
import type { Setting } from '../setting';
import { absoluteWeight } from '../weight';
import { type Gguf, ggufBytes, readGguf } from './gguf';
import { fromNumbers } from './numbers';
import type { NumberArray } from './schema';
import type { SaveOptions, VectorFile } from './types';

const ARCHITECTURE = 'controlvector';
const HINT = `${ARCHITECTURE}.model_hint`;
const PROVENANCE = 'tiller.provenance';

/** What llama.cpp calls architectures that it calls otherwise than transformers' `model_type`. */
const LLAMA_CPP_NAMES: Record<string, string> = { mistral: 'llama', gemma3_text: 'gemma3' };

/** What llama.cpp calls a `model_type`. */
const llamaCppName = (modelType: string) =>
  Object.hasOwn(LLAMA_CPP_NAMES, modelType) ? LLAMA_CPP_NAMES[modelType] : modelType;

/** Whether a `controlvector.model_hint` fits a model: repeng writes the `model_type` itself. */
export const hintFits = (hint: string, modelType: string): boolean =>
  llamaCppName(hint) === llamaCppName(modelType);

/** @throws InputError for what is no control vector, or can't be told apart from a damaged one */
export function readControlVector(file: string, bytes: Uint8Array): VectorFile {
  const { metadata, tensors } = readGguf(file, bytes);
  const architecture = metadata.get('general.architecture');
  if (architecture !== ARCHITECTURE) {
    throw new InputError(
      `${file} is no control vector: its general.architecture is ${show(architecture)}, not "${ARCHITECTURE}".`,
    );
  }
  const found = [...tensors].map(([tensor, array]) => ({
    layer: layerOf(file, tensor, array),
    row: array.data,
  }));
  if (!found.length)
    throw new InputError(`${file} holds no tensor direction.N: it steers nowhere.`);
  found.sort((a, b) => a.layer - b.layer);
  const given = metadata.get('general.name');
  const name = typeof given === 'string' && given ? given : stemOf(file);
  const rows = new Map([[name, found.map(({ row }) => row)]]);
  const layers = found.map(({ layer }) => layer);
  return { ...fromNumbers(file, rows, layers), provenance: provenanceOf(file, metadata) };
}

const show = (value: unknown) =>
  value === undefined ? 'missing' : typeof value === 'string' ? `"${value}"` : String(value);

function layerOf(file: string, tensor: string, { shape }: NumberArray): number {
  const layer = /^direction\.(\d{1,6})$/.exec(tensor)?.[1];
  if (layer === undefined) {
    throw new InputError(`${file}: a tensor is called "${tensor}", not direction.N.`);
  }
  if (Number(layer) === 0) {
    throw new InputError(
      `${file} has a direction.0: llama.cpp refuses that, as block 0 can't be steered there. Perhaps ` +
        'its layers are counted otherwise.',
    );
  }
  if (shape.length === 1) return Number(layer);
  throw new InputError(`${file}: ${tensor} has shape [${shape}], where one row is wanted.`);
}

function provenanceOf(file: string, metadata: Gguf['metadata']): Record<string, string> {
  const hint = metadata.get(HINT);
  const own = metadata.get(PROVENANCE);
  let stored: unknown = {};
  try {
    if (typeof own === 'string') stored = JSON.parse(own);
  } catch {
    throw new InputError(`${file}: its ${PROVENANCE} is no JSON.`);
  }
  const texts = Object.entries(stored as object).filter(([, value]) => typeof value === 'string');
  return { ...Object.fromEntries(texts), ...(typeof hint === 'string' && { model_hint: hint }) };
}

/**
 * The vector that there is as a control vector: what its setting adds, at the layer of the
 * setting; without a setting, unit · norm at every layer.
 * @throws InputError for several vectors, layer 0, or a setting that llama.cpp can't follow
 */
export function controlVectorBytes(
  file: string,
  vectors: VectorFile,
  { scale = 1, modelType }: SaveOptions,
): Uint8Array {
  const names = [...vectors.directions.keys()];
  if (names.length !== 1) {
    throw new InputError(
      `${file}: a control vector is one vector; there are ${names.join(', ')}. Choose one: --name.`,
    );
  }
  if (!Number.isFinite(scale) || !scale) {
    throw new InputError(`${file}: scale is ${scale}, not a number other than 0.`);
  }
  const [name] = names;
  const origin = originOf(vectors, name);
  const type = modelType ?? origin.model_hint ?? origin.model_type;
  if (!type) {
    throw new InputError(
      `${file}: a control vector says what kind of model it is for, and these vectors do not. Name it: --model.`,
    );
  }
  const rows = rowsToAdd(file, vectors, name, scale);
  const tensors = rows.map(({ layer, data }) => [
    `direction.${layer}`,
    { shape: [data.length], data },
  ]);
  const metadata = {
    'general.architecture': ARCHITECTURE,
    'general.name': name,
    [HINT]: llamaCppName(type),
    [`${ARCHITECTURE}.layer_count`]: rows.length,
    [PROVENANCE]: JSON.stringify(origin),
  };
  return ggufBytes(metadata, Object.fromEntries(tensors));
}

function rowsToAdd(file: string, vectors: VectorFile, name: string, scale: number) {
  const { directions, layers, settings = {} } = vectors;
  const { unit, norm } = directions.get(name)!;
  const setting = Object.hasOwn(settings, name) ? settings[name] : undefined;
  const places = setting
    ? [placeOf(file, setting, vectors, norm)]
    : layers.map((layer, at) => ({ layer, at, weight: norm[at] }));
  if (places.some(({ layer }) => layer === 0)) {
    const others = layers.filter((layer) => layer > 0);
    const instead = others.length ? ` Leave layer 0 out: --layers ${others.join(',')}.` : '';
    throw new InputError(
      `${file}: llama.cpp can't steer block 0: its control vectors begin with direction.1.${instead}`,
    );
  }
  return places
    .toSorted((a, b) => a.layer - b.layer)
    .map(({ layer, at, weight }) => ({
      layer,
      data: unit[at].map((value) => value * weight * scale),
    }));
}

/** Where a setting acts, and what it adds of the unit vector there. */
function placeOf(file: string, setting: Setting, { layers }: VectorFile, norm: Float32Array) {
  const { layer, source = layer, kind = 'add', weight = '1x', positions = 'all', when } = setting;
  const only = 'a control vector is added at every token';
  if (kind !== 'add') throw new InputError(`${file}: its setting is of kind ${kind}; ${only}.`);
  if (positions !== 'all' || when) {
    const where = when ? 'under a condition' : `at ${positions} tokens`;
    throw new InputError(
      `${file}: its setting steers ${where}; ${only}. To export it all the same: --layers.`,
    );
  }
  const at = indexOfLayer(layers, source);
  return { layer, at, weight: absoluteWeight(weight, norm[at]) };
}
