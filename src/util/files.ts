/** Files as people give them and programs write them: what goes wrong is said in words. */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from './errors';

const REASONS: Record<string, string> = {
  EACCES: 'you have no permission for that',
  EDQUOT: 'your disk quota is used up',
  EEXIST: 'something of that name is there already',
  EFBIG: 'it would be larger than a file may be there',
  EIO: 'the disk reports an error',
  EISDIR: 'it is a folder, not a file',
  ELOOP: 'its symbolic links lead round in a circle',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'part of the path is a file, not a folder',
  EPERM: 'you have no permission for that',
  EROFS: 'it is on a read-only disk',
  ETXTBSY: 'it is a program that is running',
  ERR_FS_FILE_TOO_LARGE: 'it is too large to be read whole',
  ERR_STRING_TOO_LONG: 'it is too large to be read whole',
};

/** Why the system refuses a file, e.g. `the disk is full`; undefined for any other error. */
export function systemReason(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
}

/**
 * Reads a file of UTF-8 text, without the byte order mark that some editors put first.
 * @param what for messages, e.g. `the config file`
 * @throws InputError for a file that can't be read, or holds other bytes than text
 */
export function readText(file: string, what = ''): string {
  const name = [what, file].filter(Boolean).join(' ');
  let bytes: Buffer;
  try {
    bytes = fs.readFileSync(file);
  } catch (error) {
    const { message } = error as Error;
    throw new InputError(`Can't read ${name}: ${systemReason(error) ?? message}.`);
  }
  return decodeText(bytes, name);
}

/** The bytes of a file. @throws InputError for one that can't be read */
export function readBytes(file: string): Uint8Array {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    const reason = systemReason(error) ?? (error as Error).message;
    throw new InputError(`Can't read ${file}: ${reason}.`);
  }
}

/** All that is piped in; '' on a terminal. @throws InputError as `readText` */
export async function readStandardInput(): Promise<string> {
  if (process.stdin.isTTY) return '';
  const name = 'standard input';
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  } catch (error) {
    const { message } = error as Error;
    throw new InputError(`Can't read ${name}: ${systemReason(error) ?? message}.`);
  }
  return decodeText(Buffer.concat(chunks), name);
}

/** Bytes that are no UTF-8 would become other characters without a word: refused instead. */
function decodeText(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const why = systemReason(error) ?? 'it is not text in UTF-8';
    throw new InputError(`Can't read ${name}: ${why}.`);
  }
}

/** Processes of two machines that write to the same disk may have the same number. */
const OWN = `${process.pid}-${randomBytes(3).toString('hex')}`;

/** Where this process, and no other, writes a file before it takes its place. */
export const draftOf = (file: string): string => `${file}.${OWN}.tmp`;

/** Writes a file so that a reader, or a crash, sees the old content or the new, nothing between. */
export function writeAtomic(file: string, content: string | Uint8Array): void {
  const draft = draftOf(file);
  try {
    const handle = fs.openSync(draft, 'w');
    try {
      fs.writeFileSync(handle, content);
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
    fs.renameSync(draft, file);
  } catch (error) {
    fs.rmSync(draft, { force: true });
    throw error;
  }
}

/**
 * Does what writes.
 * @param where for the message: `Can't write {where}: …`
 * @param advice said after the reason
 * @throws InputError in place of a full disk and the like
 */
export function explainWriting<T>(where: string, act: () => T, advice = ''): T {
  try {
    return act();
  } catch (error) {
    const reason = systemReason(error);
    if (!reason) throw error;
    throw new InputError(`Can't write ${where}: ${reason}.${advice && ` ${advice}`}`);
  }
}

/**
 * Makes a folder and those above it. (`mkdirSync` with `recursive` loops for ever below `/proc`.)
 * @throws InputError when it can't be: part of the path is a file, a disk is full or read-only
 */
export function makeFolder(folder: string): void {
  if (isFolder(folder)) return;
  const above = path.dirname(path.resolve(folder));
  if (above !== path.resolve(folder)) makeFolder(above);
  try {
    fs.mkdirSync(folder);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && isFolder(folder)) return;
    const reason =
      code === 'EEXIST'
        ? 'it is a file, not a folder'
        : code === 'ENOENT'
          ? `nothing can be made in ${above}`
          : (systemReason(error) ?? message);
    throw new InputError(`Can't make the folder ${folder}: ${reason}.`);
  }
}

/** Whether there is a folder of that name; where it can't be looked at, there is none. */
export function isFolder(place: string): boolean {
  try {
    return fs.statSync(place).isDirectory();
  } catch {
    return false;
  }
}

/** Whether there is a file of that name; where it can't be looked at, there is none. */
export function isFile(place: string): boolean {
  try {
    return fs.statSync(place).isFile();
  } catch {
    return false;
  }
}
