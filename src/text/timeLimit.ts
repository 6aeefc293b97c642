import { createContext, Script } from 'node:vm';
import { InputError } from '../util/errors';

const context = createContext({ run: undefined as (() => unknown) | undefined });
const script = new Script('run()');

const codeOf = (error: unknown) => (error as { code?: unknown } | null)?.code;

/**
 * Runs what a file may make endless (a chat template, a regular expression), for so long at most.
 * Ctrl-C ends it too, and then does what it does elsewhere. Costs a fifth of a millisecond.
 *
 * @param what what took too long, for the message: a sentence about the file
 * @throws InputError when the time is over
 */
export function withinSeconds<T>(seconds: number, what: string, run: () => T): T {
  context.run = run;
  try {
    return script.runInContext(context, {
      timeout: Math.ceil(seconds * 1000),
      breakOnSigint: true,
    }) as T;
  } catch (error) {
    if (codeOf(error) === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw new InputError(what);
    if (codeOf(error) === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') {
      process.kill(process.pid, 'SIGINT');
      throw new InputError('Interrupted.');
    }
    throw error;
  } finally {
    context.run = undefined;
  }
}
