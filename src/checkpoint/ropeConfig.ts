import { defaultFrequencies, dividedFrequencies, type Rope } from '../nn/rope';
import type { ModelConfig } from './configJson';
import { notPartial, type RopeKind, readScaling } from './ropeScalingConfig';
import { FULL, SLIDING } from './windowConfig';

/** `rope_scaling` (the old style) or `rope_parameters` (the new one); null where there is neither. */
function nestedRope(file: ModelConfig): ModelConfig | null {
  const [scaling, parameters] = [file.nested('rope_scaling'), file.nested('rope_parameters')];
  if (!scaling || !parameters) return scaling ?? parameters;
  // transformers takes rope_scaling and forgets the other.
  if (JSON.stringify(scaling.values) !== JSON.stringify(parameters.values)) {
    file.refuse('rope_parameters', 'absent or the same (there is "rope_scaling" already)');
  }
  return scaling;
}

/** theta: the nested one first, else that at the top of the file, else the default. */
function theta(file: ModelConfig, nested: ModelConfig | null): number {
  const top = file.number('rope_theta', 10000);
  return nested ? nested.number('rope_theta', top) : top;
}

/**
 * `rope_theta` of a plain rotary embedding, in the old style (`rope_theta` at the top) or the new
 * one (`rope_parameters`).
 * @throws InputError for any other kind of rotary embedding
 */
export function readRopeTheta(file: ModelConfig): number {
  const nested = nestedRope(file);
  nested?.oneOf('rope_type', ['default', undefined]);
  nested?.oneOf('type', ['default', undefined]);
  for (const place of nested ? [file, nested] : [file]) notPartial(place);
  const value = theta(file, nested);
  nested?.doneStrictly();
  return value;
}

/**
 * A rotary embedding of whole heads that is plain or stretched in one of the ways `kinds`, in the old
 * style (`rope_theta` at the top, `rope_scaling`) or the new one (`rope_parameters`).
 * @throws InputError for any other kind, and for keys that it does not have
 */
export function readStretchedRope(
  file: ModelConfig,
  sizes: { headDim: number; maxPositions: number },
  kinds: readonly RopeKind[],
): Rope {
  const nested = nestedRope(file);
  const base = theta(file, nested);
  notPartial(file);
  return readScaling(nested, { ...sizes, theta: base, file }, kinds);
}

/**
 * Two rotary embeddings, of the blocks that see everything and of those with a window. The new style
 * has an object for each in `rope_parameters`; the old one `rope_theta` and `rope_scaling` for the
 * first, and `rope_local_base_freq` for the second.
 * @param kinds in which the embedding of a kind of blocks may be stretched
 * @throws InputError for any other kind, and for keys that it does not have
 */
export function readRopesByKind(
  file: ModelConfig,
  sizes: { headDim: number; maxPositions: number },
  thetas: { full: number; sliding: number },
  kinds: readonly RopeKind[],
): { full: Rope; sliding: Rope } {
  const [scaling, parameters] = [file.nested('rope_scaling'), file.nested('rope_parameters')];
  if (scaling && parameters) {
    file.refuse('rope_parameters', 'absent (there is "rope_scaling" already)');
  }
  notPartial(file);
  const read = (nested: ModelConfig | null, key: string, fallback: number) => {
    const top = file.number(key, fallback);
    const base = nested ? nested.number('rope_theta', top) : top;
    return readScaling(nested, { ...sizes, theta: base, file }, kinds);
  };
  const full = scaling ?? parameters?.nested(FULL) ?? null;
  const sliding = parameters?.nested(SLIDING) ?? null;
  parameters?.doneStrictly();
  return {
    full: read(full, 'rope_theta', thetas.full),
    sliding: read(sliding, 'rope_local_base_freq', thetas.sliding),
  };
}

/**
 * A rotary embedding that is plain or LongRoPE, of all dimensions of a head or the first ones, in
 * the old style (`rope_theta`, `rope_scaling`, `partial_rotary_factor`) or the new one
 * (`rope_parameters`). `original_max_position_embeddings` stands at the top of the file, as
 * transformers 5.18 has it; a nested one must agree.
 * @throws InputError for any other kind, or factors that do not fit the heads
 */
export function readRope(
  file: ModelConfig,
  headDim: number,
  maxPositions: number,
  originalFallback: number,
): Rope {
  const nested = nestedRope(file);
  const long = nested !== null && isLong(nested);
  const base = theta(file, nested);
  const topShare = file.number('partial_rotary_factor', 1);
  const share = nested ? nested.number('partial_rotary_factor', topShare) : topShare;
  const half = Math.floor(headDim * share) / 2;
  if (!Number.isInteger(half) || half < 1 || share > 1) {
    const at = nested && nested.values.partial_rotary_factor !== undefined ? nested : file;
    at.refuse('partial_rotary_factor', `a share that makes ${headDim} an even number`);
  }
  const original = file.count('original_max_position_embeddings', originalFallback);
  nested?.oneOf('original_max_position_embeddings', [original, undefined]);
  if (!long) {
    nested?.doneStrictly();
    return { kind: 'default', frequencies: defaultFrequencies(2 * half, base) };
  }
  const factor = nested.numberOrNull('factor', null) ?? maxPositions / original;
  const recommended = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  const rope: Rope = {
    kind: 'longrope',
    short: dividedFrequencies(base, nested.numbers('short_factor', half)),
    long: dividedFrequencies(base, nested.numbers('long_factor', half)),
    original,
    attentionFactor: nested.numberOrNull('attention_factor', null) ?? recommended,
  };
  nested.doneStrictly();
  return rope;
}

/** Whether it is LongRoPE, under one of its names; both names of the key must say the same. */
function isLong(nested: ModelConfig): boolean {
  const types = ['type', 'rope_type'].map((key) =>
    nested.oneOf(key, ['default', 'su', 'longrope', undefined]),
  );
  const long = types.map((type) => type !== undefined && type !== 'default');
  if (types.every(Boolean) && long[0] !== long[1]) {
    nested.refuse('rope_type', `of the kind that "type" is (${types[0]})`);
  }
  return long.some(Boolean);
}
