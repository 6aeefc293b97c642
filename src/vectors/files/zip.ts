import AdmZip from 'adm-zip';

/** No array of vectors comes near it; a small zip file could hold as many zeros. */
const MAX_BYTES = 2 ** 31;

/** The files in a zip file, by name. @throws Error for what is damaged or too large */
export function unzip(bytes: Uint8Array): Map<string, Uint8Array> {
  const entries = new AdmZip(Buffer.from(bytes)).getEntries().filter((one) => !one.isDirectory);
  const total = entries.reduce((sum, { header }) => sum + header.size, 0);
  if (total > MAX_BYTES) throw new Error(`it holds ${total} bytes, more than vectors have`);
  return new Map(entries.map((entry) => [entry.entryName, entry.getData()]));
}

/** The bytes of a zip file. */
export function zip(files: Record<string, Uint8Array>): Uint8Array {
  const made = new AdmZip(undefined, { noSort: true });
  for (const [name, bytes] of Object.entries(files)) made.addFile(name, Buffer.from(bytes));
  return made.toBuffer();
}
