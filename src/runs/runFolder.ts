import * as fs from 'node:fs';
import * as path from 'node:path';
import { parse } from 'yaml';
import { InputError } from '../util/errors';
import { explainWriting, writeAtomic } from '../util/files';
import { parseJson, wholeLines } from '../util/json';
import { lock } from '../util/lock';
import { configToYaml } from './config';
import { type Shard, shardFile, shardFiles } from './shard';

/** A finished row of an experiment; `id` says which of the planned rows it is. */
export interface Row {
  id: string;
}

/**
 * The folder of one run: `config.yaml` (all that the results depend on), `out.jsonl` (a line per
 * finished row, appended and synced batch by batch) and `summary.json` (written last). A run that
 * was killed is opened again and goes on: a line that was cut off is dropped, finished rows are kept.
 * A shard of a run writes its rows to a file of its own beside `out.jsonl`; the run takes them from
 * there (`fromShards`), and removes the file at its end.
 */
export class RunFolder<R extends Row> {
  /** Finished rows by id, in the order they were written; of a shard, those of all shards too. */
  readonly rows: Map<string, R>;
  /** What shards have finished, and the run itself has not written yet; of a shard, nothing. */
  readonly fromShards: ReadonlyMap<string, R>;
  private readonly out: number;

  private constructor(
    readonly folder: string,
    readonly shard: Shard | undefined,
    private readonly release: () => void,
  ) {
    const out = path.join(folder, shard ? shardFile(shard) : OUT);
    const own = readFinished<R>(out);
    const beside = [...(shard ? [OUT] : []), ...shardFiles(folder)].flatMap((name) => [
      ...parseRows<R>(path.join(folder, name)).rows,
    ]);
    this.rows = shard ? new Map([...own, ...beside]) : own;
    this.fromShards = new Map(shard ? [] : beside);
    this.out = fs.openSync(out, 'a');
  }

  /**
   * Starts a run, or goes on with one of the same config. The folder is this process's until `close`;
   * shards share it.
   * @param config all that the rows depend on, and what people may want to know
   * @param free keys that the rows don't depend on: a run goes on where they differ
   * @param shard the part of the rows that this process is to finish; default: all
   * @throws InputError when the folder holds a run with another config, or a damaged `out.jsonl`;
   *   Locked while another process writes to it
   */
  static open<R extends Row>(
    folder: string,
    config: Record<string, unknown>,
    free: readonly string[] = [],
    shard?: Shard,
  ): RunFolder<R> {
    const release = lockRun(folder, shard);
    try {
      return describeFailures(folder, () => {
        const configFile = path.join(folder, 'config.yaml');
        if (!fs.existsSync(configFile)) {
          if (fs.existsSync(path.join(folder, OUT))) {
            throw new InputError(
              `${folder} holds results without a config.yaml. Use another name=.`,
            );
          }
          writeAtomic(configFile, configToYaml(config));
        }
        // Written just now, it may be another shard's.
        refuseOtherConfig(configFile, config, free);
        if (!shard) removeDrafts(folder);
        return new RunFolder<R>(folder, shard, release);
      });
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Adds finished rows; they are on the disk when this returns. @throws InputError (disk full) */
  append(rows: R[]): void {
    if (!rows.length) return;
    describeFailures(this.folder, () => {
      const bytes = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      for (let at = 0; at < bytes.length; ) at += fs.writeSync(this.out, bytes, at);
      fs.fsyncSync(this.out);
    });
    for (const row of rows) this.rows.set(row.id, row);
  }

  writeSummary(summary: unknown): void {
    describeFailures(this.folder, () =>
      writeAtomic(path.join(this.folder, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`),
    );
  }

  close(): void {
    fs.closeSync(this.out);
    if (!this.shard) this.removeShards();
    this.release();
  }

  /** What shards wrote, where all of it stands in `out.jsonl` now. */
  private removeShards() {
    if (![...this.fromShards.keys()].every((id) => this.rows.has(id))) return;
    for (const name of shardFiles(this.folder)) {
      fs.rmSync(path.join(this.folder, name), { force: true });
    }
  }
}

const OUT = 'out.jsonl';

/** A shard's own lock; for the whole run, its lock and those of all shards that are there. */
function lockRun(folder: string, shard?: Shard): () => void {
  const lockOf = (name: string) => path.join(folder, `.lock${name}`);
  if (shard) {
    const name = shardFile(shard);
    return lock(lockOf(`.${name}`), `${name} of the run ${folder}`);
  }
  const held = [lock(lockOf(''), `the run ${folder}`)];
  const release = () => {
    for (const one of held) one();
  };
  try {
    for (const name of shardFiles(folder)) {
      held.push(lock(lockOf(`.${name}`), `${name} of the run ${folder}`));
    }
  } catch (error) {
    release();
    throw error;
  }
  return release;
}

/**
 * Reads the config and the rows of a run, finished or not, without touching it; after its own rows,
 * those of shards.
 * @throws InputError when the folder is not a run
 */
export function readRun<R extends Row>(
  folder: string,
): {
  config: Record<string, unknown>;
  rows: R[];
} {
  const configFile = path.join(folder, 'config.yaml');
  if (!fs.existsSync(configFile)) {
    throw new InputError(`${folder} is not a run folder: it has no config.yaml.`);
  }
  const files = [OUT, ...shardFiles(folder)].map((name) => path.join(folder, name));
  const rows = new Map(files.flatMap((file) => [...parseRows<R>(file).rows]));
  return { config: readConfig(configFile), rows: [...rows.values()] };
}

/** What processes left that were killed while they wrote: nobody else writes here now. */
function removeDrafts(folder: string) {
  const drafts = fs.readdirSync(folder).filter((name) => /^(config|summary)\..*\.tmp$/.test(name));
  for (const name of drafts) fs.rmSync(path.join(folder, name), { force: true });
}

/**
 * @param free keys that may differ
 * @throws InputError when the folder holds a run with another config
 */
export function refuseOtherRun(
  folder: string,
  config: Record<string, unknown>,
  free: readonly string[] = [],
): void {
  const file = path.join(folder, 'config.yaml');
  if (fs.existsSync(file)) refuseOtherConfig(file, config, free);
}

function refuseOtherConfig(file: string, config: Record<string, unknown>, free: readonly string[]) {
  const before = readConfig(file);
  const now = parse(configToYaml(config)) as Record<string, unknown>;
  const differences = [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((key) => !free.includes(key))
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]))
    .map(
      (key) => `  ${key}: ${JSON.stringify(before[key])} there, ${JSON.stringify(now[key])} now`,
    );
  if (!differences.length) return;
  throw new InputError(
    `${path.dirname(file)} holds a run with other settings:\n${differences.join('\n')}\n` +
      'Give this run another name (name=...), or remove that folder if you no longer need it.',
  );
}

function readConfig(file: string): Record<string, unknown> {
  try {
    const config: unknown = parse(fs.readFileSync(file, 'utf8'));
    if (typeof config === 'object' && config !== null) return config as Record<string, unknown>;
  } catch {
    // falls through to the message below
  }
  throw new InputError(`${file} is damaged. Give this run another name (name=...).`);
}

/** The finished rows; cuts off what follows the last whole line. */
function readFinished<R extends Row>(file: string): Map<string, R> {
  const { rows, wholeBytes, bytes } = parseRows<R>(file);
  if (wholeBytes < bytes) fs.truncateSync(file, wholeBytes);
  return rows;
}

function parseRows<R extends Row>(file: string) {
  const rows = new Map<string, R>();
  const content = fs.existsSync(file) ? fs.readFileSync(file) : Buffer.alloc(0);
  const { lines, wholeBytes } = wholeLines(content);
  lines.forEach((line, index) => {
    const row = parseJson(line) as R | null | undefined;
    if (typeof row?.id !== 'string') {
      throw new InputError(
        `${file}, line ${index + 1} is damaged. Remove that line and start again.`,
      );
    }
    // Two of one id were written by two processes at once, which a lock keeps from it now.
    if (!rows.has(row.id)) rows.set(row.id, row);
  });
  return { rows, wholeBytes, bytes: content.length };
}

/** Does what writes below `folder`. @throws InputError in place of a full disk and the like */
export function describeFailures<T>(folder: string, act: () => T): T {
  return explainWriting(`to ${folder}`, act, 'Finished rows are kept; start again to go on.');
}
