import { type Check, listOf, nullable, oneOf } from '../../../src/runs/config';

/**
 * What the authors' scripts do otherwise, and their published figures depend on. Off by default;
 * `compat=paper` switches all of it on, a list of names some of it.
 *
 * No switch is needed for answers without a perplexity. Theirs of a blank answer is 1, ours none: the
 * layer search counts it as degenerate either way, and only means would differ, which were not
 * published. A single token has none in both, and is no repetition in either.
 */
export const COMPAT = {
  double_bos: 'chat text that begins with BOS gets a second BOS',
  drop_last_token: 'a steered answer that hits the token limit loses its last token',
  filter_baseline:
    'the layer search counts "no steering" as 0 too where its answers are degenerate: a layer is picked in its place',
  raw_perplexity:
    'answers are judged with the white space around them: trailing blanks count as repetition, in the layer search and in the medians and means',
  length_from_last_layer:
    'composition takes the length vector of the last layer (of format_layer, where that is set)',
} as const;

export type Compat = keyof typeof COMPAT;

/** The config key `compat`. */
export const compatCheck: Check<(Compat | 'paper')[] | null> = nullable(
  listOf(oneOf(['paper', ...(Object.keys(COMPAT) as Compat[])])),
);

/** Whether a config switches `fault` on. */
export function isOn(fault: Compat, compat: readonly (Compat | 'paper')[] | null): boolean {
  return Boolean(compat?.includes('paper') || compat?.includes(fault));
}
