/** A file that is read piece by piece, wherever it lies. */
export interface ByteSource {
  name: string;
  /** In bytes. */
  size: number;
  /** What there is of `length` bytes from `offset` on. @throws InputError where it can't be read */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A `Blob`, such as a file that was picked. */
export const blobSource = (name: string, blob: Blob): ByteSource => ({
  name,
  size: blob.size,
  read: async (offset, length) =>
    new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
});

/** Bytes asked for at once: many small pieces would take a round trip each. */
export const PIECE = 8 * 2 ** 20;

/** A source that is read once, here and now, and kept in memory. */
export async function held(
  { name, size, read }: ByteSource,
  onBytes: (count: number) => void,
): Promise<ByteSource> {
  const whole = new Uint8Array(size);
  for (let at = 0; at < size; at += PIECE) {
    const piece = await read(at, Math.min(PIECE, size - at));
    whole.set(piece, at);
    onBytes(piece.length);
  }
  return { name, size, read: async (at, length) => whole.subarray(at, at + length) };
}
