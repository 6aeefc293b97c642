import { Safetensors } from '../../weights/safetensors';
import type { ModelDims } from '../engine/model';
import type { Edit } from '../engine/steering';
import { InputError } from '../util/errors';

/** One case of a reference file: what went in, and what the reference implementation made of it. */
export interface ReferenceCase {
  name: string;
  /** [T] */
  inputIds: number[];
  /** In the order in which they act. */
  steer: Edit[];
  /** [T, V] */
  logits: Float32Array;
  /** [L, T, D], after the edits */
  residPost: Float32Array;
  /** [N], greedy, without stop ids */
  generated: number[];
}

/** How far from 1 the length of a stored unit vector may be. */
const UNIT_TOLERANCE = 1e-3;

/**
 * Reads the reference that scripts/write_reference.py (or anyone else) has written for a model.
 * @throws InputError naming file and key where something is missing, malformed or does not fit the
 *   model
 */
export function readReference(path: string, config: ModelDims): ReferenceCase[] {
  const file = Safetensors.open(path);
  try {
    return readCases(file, path).map((entry, i) => readCase(file, path, entry, i, config));
  } finally {
    file.close();
  }
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The `cases` of the metadata, as objects that have a name of their own. */
function readCases(file: Safetensors, path: string): Json[] {
  const refuse = (what: string): never => {
    throw new InputError(
      `${path}: ${what}. scripts/write_reference.py writes such a file from a checkpoint.`,
    );
  };
  const text = file.metadata.cases;
  if (typeof text !== 'string') {
    return refuse('its __metadata__ has no "cases", so it is not a reference for verify');
  }
  let cases: unknown;
  try {
    cases = JSON.parse(text);
  } catch (error) {
    return refuse(`__metadata__.cases is not JSON (${(error as Error).message})`);
  }
  if (!Array.isArray(cases) || !cases.length) {
    return refuse('__metadata__.cases is not a list of at least one case');
  }
  const names = new Set<string>();
  cases.forEach((entry, i) => {
    const name = isObject(entry) ? entry.name : undefined;
    if (typeof name !== 'string' || !name) refuse(`__metadata__.cases[${i}] has no "name"`);
    if (names.has(name as string)) refuse(`__metadata__.cases has two cases named "${name}"`);
    names.add(name as string);
  });
  return cases;
}

function readCase(
  file: Safetensors,
  path: string,
  entry: Json,
  index: number,
  config: ModelDims,
): ReferenceCase {
  const name = entry.name as string;
  const inputIds = readIds(file, path, `${name}.input_ids`, config.vocabSize);
  const length = inputIds.length;
  const where = `${path}: __metadata__.cases[${index}] ("${name}")`;
  if (!Array.isArray(entry.steer)) throw new InputError(`${where}: "steer" is not a list.`);
  const generated = readIds(file, path, `${name}.generated`, config.vocabSize);
  const positions = length + generated.length;
  if (positions > config.maxPositions) {
    throw new InputError(
      `${where}: ${length} + ${generated.length} tokens are more than this model's context of ${config.maxPositions}.`,
    );
  }
  return {
    name,
    inputIds,
    generated,
    steer: entry.steer.map((steer, j) =>
      readSteer(steer, `${where}: steer[${j}]`, config.nLayers, () =>
        readUnitVector(file, path, `${name}.steer.${j}.vector`, config.dModel),
      ),
    ),
    logits: readFloats(file, path, `${name}.logits`, [length, config.vocabSize]),
    residPost: readFloats(file, path, `${name}.resid_post`, [
      config.nLayers,
      length,
      config.dModel,
    ]),
  };
}

function readSteer(
  value: unknown,
  where: string,
  nLayers: number,
  vector: () => Float32Array,
): Edit {
  if (!isObject(value)) throw new InputError(`${where} is not an object.`);
  const refuse = (key: string, wanted: string): never => {
    const found = JSON.stringify(value[key]) ?? 'missing';
    throw new InputError(`${where}: "${key}" is ${found}, not ${wanted}.`);
  };
  const { kind, layer, positions = 'all' } = value;
  if (kind !== 'add' && kind !== 'project') return refuse('kind', '"add" or "project"');
  if (!Number.isInteger(layer) || (layer as number) < 0 || (layer as number) >= nLayers) {
    return refuse('layer', `a layer of this model (0 to ${nLayers - 1})`);
  }
  // The format has steering act everywhere; a file that wants less can't be checked as it stands.
  if (positions !== 'all') return refuse('positions', '"all"');
  const key = kind === 'add' ? 'weight' : 'target';
  const amount = value[key];
  if (typeof amount !== 'number' || !Number.isFinite(amount)) return refuse(key, 'a number');
  const common = { layer: layer as number, vector: vector() };
  return kind === 'add' ? { kind, ...common, weight: amount } : { kind, ...common, target: amount };
}

function find(file: Safetensors, path: string, name: string, dtypes: string[], rank: number) {
  const info = file.tensors.get(name);
  if (!info) throw new InputError(`${path}: tensor "${name}" is missing.`);
  if (!dtypes.includes(info.dtype)) {
    throw new InputError(`${path}: tensor "${name}" is ${info.dtype}, not ${dtypes[0]}.`);
  }
  if (info.shape.length !== rank) {
    throw new InputError(`${path}: tensor "${name}" has shape [${info.shape}], not ${rank} axes.`);
  }
  return info;
}

function readIds(file: Safetensors, path: string, name: string, vocabSize: number): number[] {
  find(file, path, name, ['I32', 'I64'], 1);
  const ids = Array.from(file.readInt32(name));
  if (!ids.length) throw new InputError(`${path}: tensor "${name}" is empty.`);
  const wrong = ids.find((id) => id < 0 || id >= vocabSize);
  if (wrong !== undefined) {
    throw new InputError(
      `${path}: tensor "${name}" holds the id ${wrong}; this model's vocabulary has ${vocabSize}.`,
    );
  }
  return ids;
}

function readFloats(file: Safetensors, path: string, name: string, shape: number[]): Float32Array {
  const info = find(file, path, name, ['F32'], shape.length);
  if (info.shape.join() !== shape.join()) {
    throw new InputError(
      `${path}: tensor "${name}" has shape [${info.shape}], but this model and the case's input_ids make it [${shape}].`,
    );
  }
  const values = file.readFloat32(name);
  if (!values.every(Number.isFinite)) {
    throw new InputError(`${path}: tensor "${name}" holds a number that is not finite.`);
  }
  return values;
}

function readUnitVector(file: Safetensors, path: string, name: string, dModel: number) {
  const vector = readFloats(file, path, name, [dModel]);
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  if (Math.abs(length - 1) > UNIT_TOLERANCE) {
    throw new InputError(
      `${path}: tensor "${name}" has length ${length.toPrecision(4)}; steering vectors are of unit length.`,
    );
  }
  return vector;
}
