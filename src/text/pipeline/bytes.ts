/**
 * GPT-2's alphabet of bytes: printable ones stand for themselves, the others for the characters from
 * U+0100 on, in order.
 */
const isPrintable = (byte: number) =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

const characters: string[] = [];
const bytes = new Map<string, number>();
let others = 0;
for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCodePoint(isPrintable(byte) ? byte : 0x100 + others++);
  characters.push(character);
  bytes.set(character, byte);
}

/** A text as the characters of its UTF-8 bytes. */
export const toByteCharacters = (text: string): string =>
  Array.from(Buffer.from(text, 'utf8'), (byte) => characters[byte]).join('');

/** The bytes that a token spells; its own UTF-8 where it holds a character of another alphabet. */
export function bytesOfToken(token: string): Uint8Array {
  const spelled = Array.from(token, (character) => bytes.get(character));
  if (spelled.includes(undefined)) return Buffer.from(token, 'utf8');
  return Uint8Array.from(spelled as number[]);
}
