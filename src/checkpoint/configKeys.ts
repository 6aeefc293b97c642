/** What is known about keys of config.json by their names alone; the rule is at `ModelConfig`. */
import { COMPUTING_KEYS } from './computingKeys';

/** Bookkeeping, settings of training, ids that generation takes from elsewhere. */
export const HARMLESS_KEYS: ReadonlySet<string> = new Set([
  ...['_name_or_path', 'name_or_path', 'architectures', 'auto_map', 'transformers_version'],
  ...['torch_dtype', 'dtype', 'initializer_range', 'use_cache', 'cache_implementation'],
  ...['attention_dropout', 'attn_pdrop', 'embd_pdrop', 'resid_pdrop'],
  ...['bos_token_id', 'eos_token_id', 'pad_token_id'],
  ...['return_dict', 'output_hidden_states', 'output_attentions'],
  ...['id2label', 'label2id', 'problem_type'],
  ...['chunk_size_feed_forward', '_attn_implementation', '_attn_implementation_autoset'],
]);

/** Values, as JSON, at which a computing key leaves everything as it is. */
const NEUTRAL: Record<string, string[]> = {
  is_encoder_decoder: ['false'],
  is_decoder: ['true', 'false'],
  is_causal: ['true'],
  add_cross_attention: ['false'],
  use_bidirectional_attention: ['false'],
  tie_encoder_decoder: ['false'],
  pruned_heads: ['{}'],
};

/** Whether some decoder of transformers computes something else when the key is there. */
export const isComputing = (key: string): boolean => COMPUTING_KEYS.has(key);

/** Whether a computing key has a value that changes nothing. */
export const changesNothing = (key: string, value: unknown): boolean =>
  value === null || Boolean(NEUTRAL[key]?.includes(JSON.stringify(value)));

/**
 * Whether a key looks like a misspelling of another: the same letters but for underscores, capitals
 * and order; a last word that is longer or shorter (`rms_norm_epsilon`), or words left out
 * (`tie_embeddings`); or one letter in six wrong, left out, put in or swapped with its neighbour.
 */
export function isSlip(key: string, wanted: string): boolean {
  if (key === wanted || wanted === 'model_type') return false;
  const [a, b] = [key, wanted].map((word) => word.toLowerCase().split(/[_\s.-]+/));
  const sorted = (words: string[]) => [...words.join('')].sort().join('');
  if (sorted(a) === sorted(b)) return true;
  if (b.length > 1) {
    const [last, other] = [a.at(-1) as string, b.at(-1) as string];
    const longer = last.startsWith(other) || other.startsWith(last);
    if (longer && a.slice(0, -1).join() === b.slice(0, -1).join()) return true;
    if (a.length > 1 && a.every((word) => b.includes(word))) return true;
  }
  return typos(a.join(''), b.join('')) <= Math.max(1, Math.floor(wanted.length / 6));
}

/** How many letters must be replaced, put in, left out or swapped with the next (each costs 1). */
function typos(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1]));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length];
}
