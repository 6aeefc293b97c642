import * as fs from 'node:fs';
import { sha256 } from './sha256';

/** SHA-256 of a file's bytes, in hex. */
export const hashFile = (file: string): string => sha256(fs.readFileSync(file));
