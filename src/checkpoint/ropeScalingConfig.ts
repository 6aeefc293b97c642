/** Rotary embeddings that are stretched to longer texts, as config.json describes them. */
import { defaultFrequencies, type Rope } from '../nn/rope';
import {
  linearFrequencies,
  llama3Frequencies,
  yarnAttentionFactor,
  yarnFrequencies,
} from '../nn/ropeScaling';
import type { ModelConfig } from './configJson';

/** Beside `default`, the values of `rope_type` (formerly `type`) that a model type may have. */
export type RopeKind = 'linear' | 'dynamic' | 'llama3' | 'yarn';
export const STRETCHED: readonly RopeKind[] = ['linear', 'dynamic', 'llama3', 'yarn'];

interface Given {
  headDim: number;
  maxPositions: number;
  theta: number;
  /** Where `original_max_position_embeddings` must not say something else. */
  file: ModelConfig;
}

/** Whole heads are turned. @throws InputError where a config wants less */
export function notPartial(place: ModelConfig): void {
  place.oneOf('partial_rotary_factor', [1, null, undefined]);
}

/**
 * Reads one set of rotary parameters (`rope_scaling`, `rope_parameters`, or one layer type's of the
 * latter), of which `rope_theta` was read before.
 * @param nested null for a plain one
 * @throws InputError for a kind that is not among `kinds`, and for keys that a kind does not have
 */
export function readScaling(
  nested: ModelConfig | null,
  given: Given,
  kinds: readonly RopeKind[],
): Rope {
  const { headDim, theta } = given;
  const plain: Rope = { kind: 'default', frequencies: defaultFrequencies(headDim, theta) };
  if (!nested) return plain;
  notPartial(nested);
  const kind = readKind(nested, kinds);
  const rope = kind === 'default' ? plain : STRETCHES[kind](nested, given);
  nested.doneStrictly();
  return rope;
}

function readKind(nested: ModelConfig, kinds: readonly RopeKind[]): RopeKind | 'default' {
  const known = ['default', ...kinds, undefined] as const;
  const [old, kind] = [nested.oneOf('type', known), nested.oneOf('rope_type', known)];
  // transformers takes rope_type where there are both.
  if (old && kind && old !== kind) nested.refuse('rope_type', `what "type" is (${old})`);
  return kind ?? old ?? 'default';
}

const STRETCHES: Record<RopeKind, (nested: ModelConfig, given: Given) => Rope> = {
  linear: (nested, { headDim, theta }) => ({
    kind: 'default',
    frequencies: linearFrequencies(headDim, theta, nested.number('factor')),
  }),

  // It stretches by what a text has over max_position_embeddings, and no text is longer than that.
  dynamic: (nested, { headDim, theta }) => {
    nested.number('factor');
    return { kind: 'default', frequencies: defaultFrequencies(headDim, theta) };
  },

  llama3: (nested, given) => {
    const scaling = {
      factor: nested.number('factor'),
      lowFreqFactor: nested.number('low_freq_factor'),
      highFreqFactor: nested.number('high_freq_factor'),
      original: readOriginal(nested, given),
    };
    if (scaling.highFreqFactor <= scaling.lowFreqFactor) {
      nested.refuse('high_freq_factor', `more than "low_freq_factor" (${scaling.lowFreqFactor})`);
    }
    return {
      kind: 'default',
      frequencies: llama3Frequencies(given.headDim, given.theta, scaling),
    };
  },

  yarn: (nested, given) => {
    const factor = nested.number('factor');
    const [mscale, allDim] = ['mscale', 'mscale_all_dim'].map((key) =>
      nested.numberOrNull(key, null),
    );
    const scaling = {
      factor,
      betaFast: nested.numberOrNull('beta_fast', null) ?? 32,
      betaSlow: nested.numberOrNull('beta_slow', null) ?? 1,
      original: readOriginal(nested, given),
      truncate: nested.flag('truncate', true),
    };
    return {
      kind: 'default',
      frequencies: yarnFrequencies(given.headDim, given.theta, scaling),
      attentionFactor:
        nested.numberOrNull('attention_factor', null) ??
        yarnAttentionFactor(factor, mscale, allDim),
    };
  },
};

/** The context before stretching; max_position_embeddings where it is not said. */
function readOriginal(nested: ModelConfig, { file, maxPositions }: Given): number {
  const original = nested.count('original_max_position_embeddings', maxPositions);
  file.oneOf('original_max_position_embeddings', [original, undefined]);
  return original;
}
