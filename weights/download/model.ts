import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  COMMIT,
  findSnapshot,
  hubCacheFolder,
  hubModelFolder,
  missingModelFiles,
  shardNames,
} from '../../src/hub/hubCache';
import type { HubModel } from '../../src/hub/modelFolder';
import { InputError } from '../../src/util/errors';
import { writeAtomic } from '../../src/util/files';
import { lock } from '../../src/util/lock';
import { Progress } from '../../src/util/progress';
import { formatBytes } from '../../src/util/units';
import { bytesHere, fetchFile } from './file';
import { type Network, say } from './http';
import { explainRefusal, fileUrl, type HubFile, hubHeaders, listModel } from './hub';

/** Config and tokenizer: all that Tiller reads of a model besides its weights. */
const SMALL_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
];
const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

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
  if (cached && !options.update && !missingModelFiles(cached).length) {
    say(network, `${model.id} is in the cache already.`);
    noteTokenizer(cached, network, '; --update asks the Hub for it');
    return cached;
  }
  const { commit, files } = await listModel(model, network);
  const release = lock(lockFile(model.id), `the cache of ${model.id}`);
  try {
    const folder = await fetchSnapshot({ ...model, commit }, files, network);
    // Last, so that a branch never points at a snapshot with holes.
    const ref = path.join(hubModelFolder(model.id), 'refs', model.revision);
    if (!COMMIT.test(model.revision)) {
      fs.mkdirSync(path.dirname(ref), { recursive: true });
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
  const weights = byName.get(SINGLE) ?? byName.get(INDEX);
  if (!byName.has('config.json') || !weights) throw unusable(model, byName);
  const first = present([...SMALL_FILES, ...(weights.path === INDEX ? [INDEX] : [])]);
  await fetchAll(model, first, folder, network);
  const heavy = weights.path === SINGLE ? [weights] : shardsOf(model, byName, folder);
  await fetchAll(model, heavy, folder, network);
  return folder;
}

function unusable({ id }: Commit, files: Map<string, HubFile>): InputError {
  const lacks = files.has('config.json') ? `${SINGLE} (or ${INDEX})` : 'config.json';
  const other = [...files.keys()].filter((name) => /\.(bin|gguf|pth|pt|h5)$/.test(name));
  const instead = other.length ? ` Its weights come as ${other[0]}, which Tiller can't read.` : '';
  return new InputError(`${id} has no ${lacks}.${instead}`);
}

function shardsOf({ id }: Commit, files: Map<string, HubFile>, folder: string): HubFile[] {
  const index = path.join(folder, INDEX);
  return shardNames(fs.readFileSync(index, 'utf8'), index).map((name) => {
    const file = files.get(name);
    if (file) return file;
    throw new InputError(`${id} is broken: its ${INDEX} names ${name}, which is not there.`);
  });
}

/** Fetches what the cache lacks, under one bar, and puts links to it into the snapshot. */
async function fetchAll(model: Commit, files: HubFile[], folder: string, network: Network) {
  const blobs = path.join(hubModelFolder(model.id), 'blobs');
  fs.mkdirSync(blobs, { recursive: true });
  fs.mkdirSync(folder, { recursive: true });
  const blobOf = ({ checksum }: HubFile) => path.join(blobs, checksum.hex);
  const wanted = files.filter((file) => !fs.existsSync(path.join(folder, file.path)));
  const total = sum(wanted.map(({ size }) => size));
  const already = sum(wanted.map((file) => bytesHere(blobOf(file), file.size)));
  checkSpace(blobs, total - already);
  let progress: Progress | undefined;
  if (total > already) {
    const what = wanted.length === 1 ? wanted[0].path : `${wanted.length} files`;
    const goesOn = already ? `, ${formatBytes(already)} of it here` : '';
    say(network, `${model.id}: ${what}, ${formatBytes(total)}${goesOn}`);
    progress = new Progress('', total, { already, bytes: true, stream: network.out });
  }
  for (const file of wanted) {
    const remote = {
      name: file.path,
      url: fileUrl(model.id, model.commit, file.path),
      headers: hubHeaders(),
      size: file.size,
      checksum: file.checksum,
      explain: (response: Response) => explainRefusal(response, model, file.path),
    };
    const blob = blobOf(file);
    if (!fs.existsSync(blob)) {
      await fetchFile(remote, blob, network, (count) => progress?.add(count));
    }
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

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
