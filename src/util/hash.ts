import { sha256 } from './sha256';

/** A short hash of any JSON value. */
export const hashOf = (value: unknown): string => sha256(JSON.stringify(value)).slice(0, 8);
