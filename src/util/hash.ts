import { createHash } from 'node:crypto';
import * as fs from 'node:fs';

/** SHA-256 of a file's bytes, in hex. */
export function hashFile(file: string): string {
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
}

/** A short hash of any JSON value. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8);
}
