/** What the page knows of edits: which parameters a kind has, and what a new one begins with. */
import type { EditKindName } from '../../engine/steering';
import type { Setting } from '../../vectors/setting';
import type { SteerSpec } from '../../vectors/steerSpec';
import type { VectorInfo } from '../protocol';

const PARAMETERS: Record<EditKindName, (keyof Setting)[]> = {
  add: ['weight'],
  project: ['target'],
  ablate: [],
  clamp: ['min', 'max'],
  rotate: ['angle', 'second'],
};

export const KIND_MEANINGS: Record<EditKindName, string> = {
  add: 'adds a multiple of the vector',
  project: 'sets how far h points along it',
  ablate: 'takes out what h has of it',
  clamp: 'keeps how far h points along it in a range',
  rotate: 'turns h to stand at an angle to it',
};

export const POSITION_MEANINGS = {
  all: 'all tokens',
  prompt: 'prompt',
  last: 'last of prompt',
  generated: 'generated',
};

/** An edit with all that the page shows of it. */
export type FullSpec = SteerSpec & { name: string; layer: number; kind: EditKindName };

/**
 * The first edit of a vector: as a search found it, else 1x where vectors are read, at the last prompt
 * token.
 */
export function newSpec(vector: VectorInfo, name = vector.names[0]): SteerSpec {
  const positions = vector.settings[name] ? undefined : ('last' as const);
  return complete({ file: vector.id, name, ...(positions && { positions }) }, vector);
}

/** An edit with what it leaves open, as the engine takes it. */
export function complete(spec: SteerSpec, vector: VectorInfo): FullSpec {
  const name = spec.name ?? vector.names[0];
  const found = spec.layer === undefined ? vector.settings[name] : undefined;
  const layer = found?.layer ?? firstLayer(vector);
  const whole = { layer, ...found, ...spec, name };
  const kind = whole.kind ?? 'add';
  return { ...ofKind(whole, kind), name, layer: whole.layer, file: spec.file, kind };
}

/** The middle; where there are few layers the first, so that some are left to act on what is added. */
const firstLayer = ({ layers }: VectorInfo) =>
  layers.length < 8 ? layers[0] : layers[Math.floor(layers.length / 2)];

/** The same edit of another kind: without the parameters of the old one, with those the new one needs. */
export function ofKind(spec: SteerSpec, kind: EditKindName): SteerSpec {
  const foreign = Object.values(PARAMETERS).flat();
  const kept = Object.entries(spec).filter(
    ([key]) =>
      !foreign.includes(key as keyof Setting) || PARAMETERS[kind].includes(key as keyof Setting),
  );
  const begins: Partial<SteerSpec> =
    kind === 'add' ? { weight: '1x' } : kind === 'rotate' ? { angle: 45 } : {};
  return { ...begins, ...Object.fromEntries(kept), file: spec.file, kind };
}

/** The length of an edit's vector at its layer: what `1x` adds. Undefined where it has no such layer. */
export function normOf(spec: FullSpec, vector: VectorInfo): number | undefined {
  return vector.norms[spec.name]?.[vector.layers.indexOf(spec.source ?? spec.layer)];
}

/** Which vectors of a list are here under the same name, or made of the same pairs. */
export const findVector = (vectors: VectorInfo[], file: string): VectorInfo | undefined =>
  vectors.find(({ id }) => id === file);
