import { InputError } from '../../src/util/errors';
import { parsePythonJson } from '../../src/util/json';
import { withRetries } from '../../src/util/retries';
import { type Network, open, readAll } from './http';

/** More bytes than any file of text that we fetch has. */
const LARGEST_FILE = 64e6;

/**
 * A file of text of a GitHub repository.
 * @param from owner, repository, revision and path, with / between them
 * @returns undefined where there is none of that name
 * @throws InputError for another answer that is no success, or is not the file
 */
export function fetchRaw(from: string, network: Network): Promise<Buffer | undefined> {
  const url = `${rawHost()}/${from}`;
  return withRetries(url, network, async () => {
    const opened = await open(url, {}, network);
    const { status, ok } = opened.response;
    if (!ok) opened.discard();
    if (status === 404) return undefined;
    if (!ok) throw new InputError(`${url}: the server answers ${status}.`);
    const bytes = await readAll(opened, LARGEST_FILE);
    if (isWholeText(url, bytes)) return bytes;
    // Without what could move the cursor of a terminal.
    const start = bytes.toString('utf8', 0, 80).replace(/\p{C}+/gu, ' ');
    throw new InputError(`${url}: what came is not the file, but: ${start}`);
  });
}

/** TILLER_DATA_URL (a mirror, or the server of a test), else GitHub. */
function rawHost(): string {
  const given = process.env.TILLER_DATA_URL || 'https://raw.githubusercontent.com';
  if (/^https?:\/\/\w/.test(given) && URL.canParse(given)) return given.replace(/\/+$/, '');
  throw new InputError(`TILLER_DATA_URL is "${given}", not an address (https://...).`);
}

/** Not nothing, nor a page of a proxy or of a login, which would come as a success, too. */
export function isWholeText(name: string, bytes: Buffer): boolean {
  if (!bytes.length || bytes[0] === '<'.charCodeAt(0)) return false;
  return name.endsWith('.jsonl') ? isJsonLines(bytes.toString('utf8')) : true;
}

function isJsonLines(text: string): boolean {
  try {
    const rows = text.trim().split('\n');
    return rows.every((row) => typeof parsePythonJson(row) === 'object');
  } catch {
    return false;
  }
}
