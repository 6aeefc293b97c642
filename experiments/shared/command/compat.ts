import { type Check, listOf, nullable, oneOf } from '../../../src/runs/config';

/**
 * What the authors' scripts do otherwise, and their published figures depend on. Off by default;
 * `compat=paper` switches all of it on, a list of names some of it.
 */
export const COMPAT = {
  double_bos: 'chat text that begins with BOS gets a second BOS',
  drop_last_token: 'a steered answer that hits the token limit loses its last token',
  filter_baseline: 'the degeneracy filter counts "no steering" as 0 too, like a degenerate layer',
  perplexity_one: 'an answer whose perplexity can not be computed counts as perplexity 1',
  length_at_format_layer: 'composition takes the length vector of the format layer',
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
