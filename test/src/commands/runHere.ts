/** Runs a command line in this process, where the backend and compiled code are loaded already. */
import { run } from '../../../src/cli';

export interface Ran {
  code: number;
  out: string;
  err: string;
}

/** @param columns how wide the terminal is */
export async function runHere(words: string[], { columns = 80 } = {}): Promise<Ran> {
  const { log, error, info } = console;
  const [stdout, stderr] = [process.stdout.write, process.stderr.write];
  let [out, err] = ['', ''];
  const toOut = (text: unknown) => {
    out += String(text);
    return true;
  };
  const toErr = (text: unknown) => {
    err += String(text);
    return true;
  };
  const terminal = Object.getOwnPropertyDescriptor(process.stdout, 'columns');
  Object.defineProperty(process.stdout, 'columns', { value: columns, configurable: true });
  process.stdout.write = toOut as never;
  process.stderr.write = toErr as never;
  console.log = (line: string) => void toOut(`${line}\n`);
  console.info = console.log;
  console.error = (line: string) => void toErr(`${line}\n`);
  try {
    return { code: await run(['node', 'cli', ...words]), out, err };
  } finally {
    Object.assign(console, { log, error, info });
    Object.assign(process.stdout, { write: stdout });
    Object.assign(process.stderr, { write: stderr });
    if (terminal) Object.defineProperty(process.stdout, 'columns', terminal);
    else Reflect.deleteProperty(process.stdout, 'columns');
  }
}
