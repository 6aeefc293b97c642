import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Response } from 'undici';
import { hubCacheFolder } from '../../src/hub/environment';
import {
  COMMIT,
  findSnapshot,
  hubModelFolder,
  missingModelFiles,
  shardNames,
} from '../../src/hub/hubCache';
import { SINGLE_WEIGHTS, SMALL_FILES, WEIGHTS_INDEX } from '../../src/hub/modelFiles';
import type { HubModel } from '../../src/hub/modelFolder';
import { InputError } from '../../src/util/errors';
import { makeFolder, readText, writeAtomic } from '../../src/util/files';
import { lock } from '../../src/util/lock';
import { Progress } from '../../src/util/progress';
import { say } from '../../src/util/retries';
import { formatBytes } from '../../src/util/units';
import { checksumOfName, isWhole } from './checksum';
import { bytesHere, fetchFile } from './file';
import type { Network } from './http';
import { explainRefusal, fileUrl, type HubFile, hubHeaders, listModel } from './hub';

/**
 * Brings a model into the Hugging Face cache.
 * @param options.update asks the Hub even when the cache has the model: the branch may have moved
 * @returns the folder of the snapshot
 * @throws InputError for a model that is not there, not open to us, or has no safetensors weights
 * @throws Error when the network fails for good, or a checksum is wrong
 */
export async function downloadModel(
  model: HubModel,
  network: Network,
  options: { update?: boolean } = {},
): Promise<string> {
  const cached = findSnapshot(model.id, model.revision);
  if (cached && !options.update) {
    const damaged = damagedFiles(cached, network);
    if (damaged.length) {
      say(network, `${model.id} is in the cache, but damaged: ${damaged.join(', ')}.`);
    } else if (!missingModelFiles(cached).length) {
      say(network, `${model.id} is in the cache already.`);
      noteTokenizer(cached, network, '; --update asks the Hub for it');
      return cached;
    }
  }
  const { commit, files } = await listModel(model, network);
  const release = lock(lockFile(model.id), `the cache of ${model.id}`);
  try {
    const folder = await fetchSnapshot({ ...model, commit }, files, network);
    // Last, so that a branch never points at a snapshot with holes.
    const ref = path.join(hubModelFolder(model.id), 'refs', model.revision);
    if (!COMMIT.test(model.revision)) {
      makeFolder(path.dirname(ref));
      writeAtomic(ref, commit);
    }
    noteTokenizer(folder, network);
    return folder;
  } finally {
    release();
  }
}

function noteTokenizer(folder: string, network: Network, advice = '') {
  if (fs.existsSync(path.join(folder, 'tokenizer.json'))) return;
  say(network, `It has no tokenizer.json, without which it can't read text${advice}.`);
}

/**
 * The files of a snapshot that are not what was published, as far as that is known here: the name
 * of a blob is its checksum. (Some tools put plain files there; they can't be told, unless empty.)
 */
function damagedFiles(snapshot: string, network: Network): string[] {
  const damaged = damagedOf([...SMALL_FILES, SINGLE_WEIGHTS, WEIGHTS_INDEX], snapshot, network);
  const index = path.join(snapshot, WEIGHTS_INDEX);
  if (damaged.length || !fs.existsSync(index)) return damaged;
  try {
    return damagedOf(shardNames(readText(index), index), snapshot, network);
  } catch (error) {
    if (error instanceof InputError) return [WEIGHTS_INDEX];
    throw error;
  }
}

function damagedOf(names: string[], snapshot: string, network: Network): string[] {
  const present = names.filter((name) => fs.existsSync(path.join(snapshot, name)));
  noteCheck(sum(present.map((name) => sizeOf(path.join(snapshot, name)))), network);
  return present.filter((name) => {
    const file = path.join(snapshot, name);
    const checksum = checksumOfName(path.basename(fs.realpathSync(file)));
    return checksum ? !isWhole(file, checksum) : !sizeOf(file);
  });
}

/** It takes a second or two for each GB. */
function noteCheck(bytes: number, network: Network) {
  if (bytes > 1e9) say(network, `Checking ${formatBytes(bytes)} that are here.`);
}

/** Out of sight of other tools, in the folder that they keep for locks. */
function lockFile(id: string): string {
  const folder = path.join(hubCacheFolder(), '.locks', path.basename(hubModelFolder(id)));
  return path.join(folder, 'tiller.lock');
}

type Commit = HubModel & { commit: string };

async function fetchSnapshot(model: Commit, files: HubFile[], network: Network): Promise<string> {
  const byName = new Map(files.map((file) => [file.path, file]));
  const present = (names: string[]) => names.flatMap((name) => byName.get(name) ?? []);
  const folder = path.join(hubModelFolder(model.id), 'snapshots', model.commit);
  const weights = byName.get(SINGLE_WEIGHTS) ?? byName.get(WEIGHTS_INDEX);
  if (!byName.has('config.json') || !weights) throw unusable(model, byName);
  const first = present([
    ...SMALL_FILES,
    ...(weights.path === WEIGHTS_INDEX ? [WEIGHTS_INDEX] : []),
  ]);
  await fetchAll(model, first, folder, network);
  const heavy = weights.path === SINGLE_WEIGHTS ? [weights] : shardsOf(model, byName, folder);
  await fetchAll(model, heavy, folder, network);
  return folder;
}

function unusable({ id }: Commit, files: Map<string, HubFile>): InputError {
  const lacks = files.has('config.json')
    ? `${SINGLE_WEIGHTS} (or ${WEIGHTS_INDEX})`
    : 'config.json';
  const other = [...files.keys()].filter((name) => /\.(bin|gguf|pth|pt|h5)$/.test(name));
  const instead = other.length ? ` Its weights come as ${other[0]}, which Tiller can't read.` : '';
  return new InputError(`${id} has no ${lacks}.${instead}`);
}

function shardsOf({ id }: Commit, files: Map<string, HubFile>, folder: string): HubFile[] {
  const index = path.join(folder, WEIGHTS_INDEX);
  return shardNames(readText(index), index).map((name) => {
    const file = files.get(name);
    if (file) return file;
    throw new InputError(
      `${id} is broken: its ${WEIGHTS_INDEX} names ${name}, which is not there.`,
    );
  });
}

/** Fetches what the cache lacks, under one bar, and puts links to it into the snapshot. */
async function fetchAll(model: Commit, files: HubFile[], folder: string, network: Network) {
  const blobs = path.join(hubModelFolder(model.id), 'blobs');
  makeFolder(blobs);
  makeFolder(folder);
  noteCheck(sum(files.map((file) => sizeOf(path.join(folder, file.path)))), network);
  const wanted = files
    .filter((file) => !isWhole(path.join(folder, file.path), file.checksum, file.size))
    .map((file) => {
      const blob = path.join(blobs, file.checksum.hex);
      // The bytes may be here by another name of theirs.
      const here = isWhole(blob, file.checksum, file.size);
      return { file, blob, here, bytes: here ? file.size : bytesHere(blob, file.size) };
    });
  const total = sum(wanted.map(({ file }) => file.size));
  const already = sum(wanted.map(({ bytes }) => bytes));
  checkSpace(blobs, total - already);
  let progress: Progress | undefined;
  if (total > already) {
    const what = wanted.length === 1 ? wanted[0].file.path : `${wanted.length} files`;
    const goesOn = already ? `, ${formatBytes(already)} of it here` : '';
    say(network, `${model.id}: ${what}, ${formatBytes(total)}${goesOn}`);
    progress = new Progress('', total, { already, bytes: true, stream: network.out });
  }
  for (const { file, blob, here } of wanted) {
    const url = fileUrl(model.id, model.commit, file.path);
    const remote = {
      name: file.path,
      url,
      headers: hubHeaders(url),
      size: file.size,
      checksum: file.checksum,
      explain: (response: Response) => explainRefusal(response, model, file.path),
    };
    if (!here) await fetchFile(remote, blob, network, (count) => progress?.add(count));
    link(blob, path.join(folder, file.path));
  }
  progress?.end();
}

/** A relative link, so that the cache can be moved; a second name where links are not allowed. */
function link(blob: string, name: string) {
  // A link that leads nowhere would be in the way.
  fs.rmSync(name, { force: true });
  try {
    fs.symlinkSync(path.relative(path.dirname(name), blob), name);
  } catch (error) {
    if (!['EPERM', 'ENOSYS', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      throw error;
    }
    fs.linkSync(blob, name);
  }
}

function checkSpace(folder: string, needed: number) {
  const { bavail, bsize } = fs.statfsSync(folder);
  const free = bavail * bsize;
  if (needed <= free) return;
  throw new InputError(
    `${formatBytes(needed)} are to be fetched, and ${folder} has ${formatBytes(free)} left. Make room, or set HF_HOME to a folder on another disk.`,
  );
}

const sizeOf = (file: string) => fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
