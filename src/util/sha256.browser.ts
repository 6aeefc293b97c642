/** As sha256.ts: a browser's own hashes come later, and only on pages of https. */
import { sha256 as library } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

export function sha256(...parts: (string | Uint8Array)[]): string {
  const hash = library.create();
  for (const part of parts) hash.update(typeof part === 'string' ? utf8ToBytes(part) : part);
  return bytesToHex(hash.digest());
}
