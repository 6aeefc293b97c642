/** `tiller playground` in this process, until it is told to stop. */
import { run } from '../../src/cli';

export interface RunningPlayground {
  url: string;
  /** Its lines, those to the standard error too. */
  lines: string[];
  /** @returns the exit code */
  stop(): Promise<number>;
}

export async function startPlayground(words: string[]): Promise<RunningPlayground> {
  const { log, error } = console;
  const lines: string[] = [];
  const code = new Promise<number>((resolve, reject) => {
    console.log = (line: string) => void lines.push(line);
    console.error = console.log;
    run(['node', 'cli', 'playground', ...words, '--port', '0']).then(resolve, reject);
  });
  const url = () => /http:\/\/\S+/.exec(lines.join('\n'))?.[0];
  const ended = code.then(() => true);
  while (!url() && !(await Promise.race([ended, pause()])));
  Object.assign(console, { log, error });
  if (!url()) throw new Error(lines.join('\n'));
  return {
    ...{ url: url()!, lines },
    async stop() {
      process.emit('SIGTERM');
      return code;
    },
  };
}

const pause = () => new Promise<false>((resolve) => setTimeout(() => resolve(false), 20));
