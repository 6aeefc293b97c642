/**
 * Whether an answer says nothing or repeats itself: what repeats is easy to predict, so its perplexity
 * is below the threshold. A single token has no perplexity; nothing in it repeats.
 * @param perplexity null: there was nothing to predict
 * @param threshold 2.5 in the paper
 */
export function isDegenerate(
  response: string,
  perplexity: number | null,
  threshold: number,
): boolean {
  return perplexity === null ? !response.trim() : perplexity < threshold;
}
