import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { InputError } from '../../src/util/errors';

/**
 * Keeps two processes from writing the same files: `file` holds host and process while one runs. A
 * lock whose process has ended is taken over.
 * @returns what releases it
 * @throws InputError while another process holds it
 */
export function lock(file: string): () => void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const mine = `${os.hostname()} ${process.pid}`;
  try {
    fs.writeFileSync(file, mine, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const [host, pid] = fs.readFileSync(file, 'utf8').split(' ');
    if (host !== os.hostname() || isRunning(Number(pid))) {
      throw new InputError(
        `Another download of this model is running (process ${pid} on ${host}). Wait for it to end; if it is not running, remove ${file}.`,
      );
    }
    fs.writeFileSync(file, mine);
  }
  return () => fs.rmSync(file, { force: true });
}

function isRunning(pid: number): boolean {
  if (!pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Without the right to signal it, it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
