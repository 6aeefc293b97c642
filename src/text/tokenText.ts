import type { Tokenizer } from './tokenizer';

/**
 * How a token reads within a text. Bytes that are no character by themselves are shown as the
 * vocabulary writes them.
 */
export function tokenText(tokenizer: Tokenizer, id: number): string {
  const decode = (ids: number[]) => tokenizer.decode(ids, { skipSpecialTokens: false });
  // At the start of a text some tokenizers leave the space out: so it is read where it comes second.
  const text = decode([id, id]).slice(decode([id]).length);
  return text && !text.includes('\uFFFD') ? text : (tokenizer.idToToken(id) ?? '');
}
