/** Tries a backend in a process of its own, where a native library that crashes harms nobody. */
import { spawnSync } from 'node:child_process';
import { isCompiled } from '../util/invocation';
import { projectRoot } from '../util/version';
import type { BackendInfo, BackendName } from './info';

export interface Probe {
  /** What was loaded and computes. */
  found?: BackendInfo;
  /** Why it can't be used, in one line. */
  failed?: string;
  /** Why not, for each place where it was looked for; none when the process died. */
  reasons?: Record<string, string>;
  /** All that was written to standard error, log lines of native libraries above all. */
  log: string;
}

/**
 * Loads a backend in a process of its own, with all that its library has to say.
 * @param candidates where tfjs-node is looked for; default: where it may be
 */
export function probe(
  backend: BackendName,
  candidates?: { label: string; folder: string; missing?: string }[],
): Probe {
  const words = candidates ? [backend, candidates] : [backend];
  return probeWith(`
    require(${JSON.stringify(__dirname)}).useBackend(...${JSON.stringify(words)}).then(
      (info) => console.log('found ' + JSON.stringify(info)),
      ({ message, reasons }) =>
        console.log('failed ' + JSON.stringify({ failed: message.split('\\n')[0], reasons })),
    );`);
}

/** Runs a program that prints `found`, or `failed`, and what in JSON. */
export function probeWith(program: string): Probe {
  const loader = isCompiled ? [] : ['-r', require.resolve('ts-node/register')];
  const { stdout, stderr, signal, status } = spawnSync(
    process.execPath,
    [...loader, '-e', program],
    {
      cwd: projectRoot,
      timeout: 600_000,
      encoding: 'utf8',
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '0' },
    },
  );
  const log = stderr.trim();
  const [, what, answer] = stdout.match(/^(found|failed) (.*)$/m) ?? [];
  if (what === 'found') return { found: JSON.parse(answer), log };
  if (what === 'failed') return { ...JSON.parse(answer), log };
  const ending = signal ? `signal ${signal}` : `exit code ${status}`;
  const last = log.split('\n').pop()?.slice(0, 160) ?? '';
  return { failed: `the process that loaded it died (${ending}) ${last}`.trim(), log };
}

/**
 * What libtensorflow's log says about cards: the libraries that it can't open, the driver's answer.
 * @returns lines without time and place in the source, each once
 */
export function cardLines(log: string): string[] {
  const prefix = /^(?:\d{4}-\d\d-\d\d \S+ |[IWEF]\d{4} \S+ +\d+ )(?:[IWEF] )?\S+\] /;
  const about =
    /dlopen|dlerror|could not load|cu(da|init|dnn|blas)|\bgpus?\b|nvidia|compute capab/i;
  const lines = log
    .split('\n')
    .filter((line) => prefix.test(line) && about.test(line))
    .map((line) => line.replace(prefix, '').trim())
    .filter((line) => !/^Ignore above/.test(line));
  return [...new Set(lines)];
}
