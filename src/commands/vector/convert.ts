import { describeModel } from '../../../models';
import { findModel } from '../../hub/fingerprint';
import { InputError } from '../../util/errors';
import { checkVectorsFit, type FittingModel } from '../../vectors/fit';
import { originOf } from '../../vectors/provenance';
import { selectVectors } from '../../vectors/select';
import { loadVectors, saveVectors, type VectorFile } from '../../vectors/vectorFile';
import { type Command, number, type Options, text } from '../command';
import { refuseExisting } from '../generate/output';
import { readLayers } from './layers';

export const vectorConvertCommand: Command = {
  name: 'vector convert <from> <to>',
  description: 'Write vectors as .safetensors, .npz or .gguf (a control vector of llama.cpp)',
  usage: 'vector convert <from> <to> [options]   (how the names end decides; docs/vectors.md)',
  options: [
    ['--name <name>', 'Only this vector; .gguf holds one'],
    ['--layers <list>', 'Only these layers, such as 1-5,7; .gguf has no layer 0'],
    ['--scale <x>', 'For .gguf: multiply its numbers by this (default: 1)'],
    ['--model <model>', 'Their model: for the model_hint of .gguf, and to check that they fit it'],
    ['--any-model', 'With --model: take vectors of another model, where width and layers fit'],
    ['--force', 'Replace the file where there is one'],
  ],
  examples: [
    'tiller vector convert lowercase.safetensors lowercase.npz',
    'tiller vector convert lowercase.safetensors lowercase.gguf --layers 1-5',
    'tiller vector convert downloaded.gguf mine.safetensors --model mistral-7b-instruct',
  ],
  run: runConvert,
};

function runConvert([from, to]: string[], options: Options): number {
  const isGguf = to.toLowerCase().endsWith('.gguf');
  const scale = number(options, 'scale', undefined, 'a number other than 0', (x) => x !== 0);
  if (scale !== undefined && !isGguf) {
    throw new InputError(`--scale is for .gguf; ${to} holds unit vectors and norms as they are.`);
  }
  refuseExisting(to, Boolean(options.force));
  const name = text(options, 'name');
  const layers = readLayers(options)?.(Number.POSITIVE_INFINITY);
  const model = modelOf(options);
  const all = loadVectors(from, { model, anyModel: Boolean(options['any-model']) });
  const selected = selectVectors(all, { names: name === undefined ? undefined : [name], layers });
  const vectors = isGguf && layers ? withoutOtherSettings(selected) : selected;
  const modelType = isGguf ? (model ?? ownModel(vectors))?.model.modelType : undefined;
  saveVectors(to, vectors, {
    ...(scale !== undefined && { scale }),
    ...(modelType && { modelType }),
  });
  console.log(told(to, vectors, isGguf ? (scale ?? 1) : undefined));
  return 0;
}

/** The model of --model, as far as its files say it. */
function modelOf(options: Options): FittingModel | undefined {
  const given = text(options, 'model');
  return given === undefined ? undefined : describe(given);
}

function describe(given: string): FittingModel {
  const { name, dir, fingerprint } = findModel(given);
  return { name, fingerprint, model: describeModel(dir) };
}

/** The model that vectors say that they are of, where it is on this machine. */
function ownModel(vectors: VectorFile): FittingModel | undefined {
  const [name] = vectors.directions.keys();
  const { model, model_type, model_hint } = originOf(vectors, name);
  if (model === undefined || (model_type ?? model_hint)) return undefined;
  try {
    const found = describe(model);
    checkVectorsFit(vectors, found, { file: model });
    return found;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** Layers that were named are exported as they are, unless they are just those of the setting. */
function withoutOtherSettings(vectors: VectorFile): VectorFile {
  const { settings = {}, layers, ...rest } = vectors;
  const kept = Object.entries(settings).filter(([, { layer }]) => String(layers) === `${layer}`);
  return { ...rest, layers, settings: Object.fromEntries(kept) };
}

/** @param scale of a control vector */
function told(to: string, { directions, layers, settings = {} }: VectorFile, scale?: number) {
  const names = [...directions.keys()];
  if (scale === undefined) {
    const width = directions.get(names[0])!.unit[0].length;
    return `${to}: ${names.join(', ')}; layers ${layers.join(', ')}; ${width} numbers each.`;
  }
  const setting = Object.hasOwn(settings, names[0]) ? settings[names[0]] : undefined;
  const where = setting ? [setting.layer] : layers;
  const times = scale === 1 ? '' : ` · ${scale}`;
  const weight = setting?.weight ?? '1x';
  const what = !setting
    ? 'unit · norm'
    : typeof weight === 'number'
      ? `unit · ${weight} (its setting)`
      : `unit · norm · ${Number.parseFloat(weight)} (its setting)`;
  return [
    `${to}: "${names[0]}", ${what}${times}, as ${where.map((layer) => `direction.${layer}`).join(', ')}.`,
    `llama.cpp adds it at every token: --control-vector-scaled ${to}:1`,
  ].join('\n');
}
