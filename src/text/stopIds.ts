import type { AddedTokens } from './addedTokens';
import type { JsonPart } from './jsonPart';
import type { ChatTemplate } from './template';

/** `eos_token_id` of a file: a number, a list of numbers, or absent. */
function eosIdsOf(part: JsonPart | undefined): number[] {
  const value = part?.values.eos_token_id;
  if (value === undefined || value === null) return [];
  const ids = Array.isArray(value) ? value : [value];
  if (!ids.every((id) => Number.isInteger(id) && id >= 0)) {
    throw part!.error(
      'eos_token_id',
      `must be a token id or a list of them, not ${JSON.stringify(value)}.`,
    );
  }
  return ids as number[];
}

/** The added token that the template writes after the model's words; undefined where none is. */
export function findEndOfTurn(
  template: ChatTemplate | undefined,
  added: AddedTokens,
): number | undefined {
  const words = 'tillerEndOfTurnProbe';
  let after: string;
  try {
    const turn = (role: string, content: string) => ({ role, content });
    const turns = [turn('user', 'Hello'), turn('assistant', words)];
    const text = template?.render(turns, false) ?? '';
    if (!text.includes(words)) return undefined;
    after = text.slice(text.lastIndexOf(words) + words.length).trimStart();
  } catch {
    return undefined; // Such a template has no model turns, or fails where it is really used.
  }
  let end: { content: string; id: number } | undefined;
  for (const [id, { content }] of added.all) {
    if (content.trim() === '' || !after.startsWith(content)) continue;
    if (!end || content.length > end.content.length) end = { content, id };
  }
  return end?.id;
}

/**
 * Ids that end a generation: `eos_token_id` of the first file that has one (a list or one id), and
 * the tokenizer's own.
 *
 * @returns ascending, without repeats
 */
export function stopIdsOf(files: (JsonPart | undefined)[], own: (number | undefined)[]): number[] {
  const declared = files.map(eosIdsOf).find((ids) => ids.length > 0) ?? [];
  return [...new Set([...declared, ...own])].filter((id) => id !== undefined).sort((a, b) => a - b);
}
