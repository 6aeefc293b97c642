import { InputError } from '../../util/errors';
import { type ByteSource, blobSource } from './byteSource';

/** Asked for first: most of a checkpoint's files are smaller, and so come at once. */
const START = 64 * 1024;

/**
 * A file behind a URL, read by Range requests; from a server that knows none, fetched whole.
 * @returns undefined where there is no such file
 * @throws InputError where it can't be reached
 */
export async function urlSource(name: string, url: string): Promise<ByteSource | undefined> {
  const first = await ask(url, 0, START);
  if (first.status === 404) return undefined;
  if (first.status !== 206) return blobSource(name, await first.blob());
  const size = Number(/\/(\d+)$/.exec(first.headers.get('Content-Range') ?? '')?.[1]);
  const start = new Uint8Array(await first.arrayBuffer());
  if (!size) {
    throw new InputError(`${url}: its server does not say how large the file is (Content-Range).`);
  }
  return {
    name,
    size,
    async read(offset, length) {
      const end = Math.min(offset + length, size);
      if (end <= start.length) return start.slice(offset, end);
      const response = await ask(url, offset, end - offset);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (response.status === 206 && bytes.length === end - offset) return bytes;
      throw new InputError(
        `${url}: its server answered ${response.status} with ${bytes.length} bytes, where ${end - offset} were asked for. Try again.`,
      );
    },
  };
}

async function ask(url: string, offset: number, length: number): Promise<Response> {
  const headers = { Range: `bytes=${offset}-${offset + length - 1}` };
  let response: Response;
  try {
    response = await fetch(url, { headers });
  } catch {
    throw new InputError(
      `${url} can't be reached: there is no such server, or it lets no other pages read its files (CORS).`,
    );
  }
  if (response.ok || response.status === 404) return response;
  const why = [401, 403].includes(response.status) ? ': it is not for everybody' : '';
  throw new InputError(`${url}: its server answers ${response.status}${why}.`);
}
