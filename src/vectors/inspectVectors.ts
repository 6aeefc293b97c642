/** What can be said of vectors without steering by them. */
import { cosine } from './cosine';
import { hasMeans, type SteeringVector } from './direction';
import type { VectorFile } from './files/types';
import { methodOf, originOf } from './provenance';
import type { Setting, TriedSetting } from './setting';

/** One vector of a file, at one of its layers. */
export interface LayerMeasures {
  layer: number;
  /** What a weight of 1x adds. */
  norm: number;
  /** Mean h·u of the prompts with the instruction and without it; null where the file has no means. */
  with: number | null;
  without: number | null;
}

export interface InspectedVector {
  file: string;
  name: string;
  method: string | null;
  /** What the file calls the model; of a control vector, its model_hint. */
  model: string | null;
  width: number;
  setting: Setting | null;
  /** How well that did in its search. */
  found: Pick<TriedSetting, 'obeyed' | 'perplexity'> | null;
  layers: LayerMeasures[];
}

/** What a file says of each of its vectors. */
export function inspectVectors(file: string, vectors: VectorFile): InspectedVector[] {
  const { directions, layers, settings = {}, curves = {} } = vectors;
  return [...directions].map(([name, vector]) => {
    const { model, model_hint } = originOf(vectors, name);
    const setting = Object.hasOwn(settings, name) ? settings[name] : null;
    return {
      file,
      name,
      method: methodOf(vectors, name) ?? null,
      model: model ?? model_hint ?? null,
      width: vector.unit[0].length,
      setting,
      found: setting && foundBy(setting, Object.hasOwn(curves, name) ? curves[name] : []),
      layers: layers.map((layer, at) => ({ layer, ...measuresAt(vector, at) })),
    };
  });
}

function foundBy(setting: Setting, curve: TriedSetting[]): InspectedVector['found'] {
  const whole = (some: Setting): Setting => ({ kind: 'add', positions: 'all', ...some });
  const wanted = Object.entries(whole(setting));
  const tried = curve.find((one) => {
    const other: Record<string, unknown> = { ...whole(one) };
    return wanted.every(([key, value]) => JSON.stringify(other[key]) === JSON.stringify(value));
  });
  return tried ? { obeyed: tried.obeyed, perplexity: tried.perplexity } : null;
}

function measuresAt(vector: SteeringVector, at: number) {
  const means = hasMeans(vector)
    ? { with: vector.projectionWith[at], without: vector.projectionWithout[at] }
    : { with: null, without: null };
  return { norm: vector.norm[at], ...means };
}

/** A vector of a file, for comparing it with those of others. */
export interface Compared {
  label: string;
  layers: number[];
  vector: SteeringVector;
}

/** The vectors of files; named by file and name where a name is there twice. */
export function labelled(files: { file: string; vectors: VectorFile }[]): Compared[] {
  const all = files.flatMap(({ file, vectors: { directions, layers } }) =>
    [...directions].map(([name, vector]) => ({ file, name, layers, vector })),
  );
  return all.map(({ file, name, ...rest }) => {
    const twice = all.filter((one) => one.name === name).length > 1;
    return { label: twice ? `${file}:${name}` : name, ...rest };
  });
}

/**
 * The cosines between vectors at a layer, [N][N]; null where one has no such layer, or they have other
 * widths.
 */
export function cosinesAt(layer: number, vectors: Compared[]): (number | null)[][] {
  const units = vectors.map(({ layers, vector }) => vector.unit[layers.indexOf(layer)]);
  return units.map((a) =>
    units.map((b) => (a && b && a.length === b.length ? cosine(a, b) : null)),
  );
}
