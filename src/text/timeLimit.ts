import { createContext, Script } from 'node:vm';
import { InputError } from '../util/errors';

const context = createContext({ run: undefined as (() => unknown) | undefined });
const script = new Script('run()');

const codeOf = (error: unknown) => (error as { code?: unknown } | null)?.code;

/**
 * Runs what a file may make endless (a chat template, a regular expression), for so long at most.
 * Ctrl-C is heard when it has ended: `breakOnSigint` would take the program's own handlers away for
 * the while, and a signal that comes as they are put back kills the program unheard.
 *
 * @param what what took too long, for the message: a sentence about the file
 * @throws InputError when the time is over
 */
export function withinSeconds<T>(seconds: number, what: string, run: () => T): T {
  context.run = run;
  try {
    return script.runInContext(context, { timeout: Math.ceil(seconds * 1000) }) as T;
  } catch (error) {
    if (codeOf(error) === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw new InputError(what);
    throw error;
  } finally {
    context.run = undefined;
  }
}
