/** How our programs end. */
import { InputError } from './errors';
import { systemReason } from './files';

/** For --help. */
export const EXIT_CODES = `  0    success
  1    a check failed, or something broke
  2    the input is unusable, or the output can't be written (a full disk)
  130  stopped by Ctrl-C
  141  nobody reads the output any more (| head -1)`;

/** As a shell reports a program that SIGPIPE ended, e.g. that of `yes | head -1`. */
const NOBODY_READS = 141;

/** What to tell people of an error, and the exit code that goes with it. */
export function explainFailure(error: unknown): { message: string; code: 1 | 2 } {
  if (error instanceof InputError) return { message: error.message, code: 2 };
  const { message = String(error), path } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const reason = systemReason(error);
  if (!reason) return { message, code: 1 };
  return { message: path ? `${path}: ${reason}.` : `${message} (${reason})`, code: 2 };
}

/**
 * To be called once, when a program starts: it then ends quietly when nobody reads its output any
 * more (`| head -1`), and with a message where the output can't be written (a full disk). Node would
 * print a stack trace, or drop what `console.log` prints and report success.
 */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(NOBODY_READS);
    const why = systemReason(error) ?? error.message;
    process.stderr.write(`Can't write to standard output: ${why}.\n`);
    process.exit(2);
  });
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    // Other failures of it can be told to nobody, and no result is lost with them.
    if (error.code === 'EPIPE') process.exit(NOBODY_READS);
  });
}
