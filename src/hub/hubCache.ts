/**
 * The cache that all Hugging Face tools share, read without network (its layout:
 * huggingface.co/docs/hub/local-cache):
 *
 *     models--google--gemma-2-2b/refs/main                      a commit
 *     models--google--gemma-2-2b/snapshots/<commit>/config.json → ../../blobs/<checksum>
 *     models--google--gemma-2-2b/blobs/<checksum>               the bytes
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../util/errors';
import { readText } from '../util/files';
import { hubCacheFolder } from './environment';

export { hubCacheFolder };

export const COMMIT = /^[0-9a-f]{40}$/;

/**
 * The folder of a model, there or not.
 * @param id e.g. `google/gemma-2-2b`
 * @throws InputError for what can't be an id
 */
export function hubModelFolder(id: string): string {
  if (!/^\w[\w.-]*(\/\w[\w.-]*)?$/.test(id)) {
    throw new InputError(`"${id}" is not the id of a model, such as google/gemma-2-2b.`);
  }
  return path.join(hubCacheFolder(), `models--${id.replaceAll('/', '--')}`);
}

/**
 * The snapshot of a revision: a commit, or the commit that a branch or tag had when it was fetched.
 * @returns undefined when the cache has none
 */
export function findSnapshot(id: string, revision: string): string | undefined {
  const folder = hubModelFolder(id);
  const ref = path.join(folder, 'refs', checkRevision(revision));
  const commit = fs.statSync(ref, { throwIfNoEntry: false })?.isFile()
    ? fs.readFileSync(ref, 'utf8').trim()
    : revision;
  const snapshot = path.join(folder, 'snapshots', commit);
  return COMMIT.test(commit) && fs.existsSync(snapshot) ? snapshot : undefined;
}

/** @throws InputError for what can't be the name of a branch, tag or commit */
export function checkRevision(revision: string): string {
  if (/^\w[\w.-]*(\/[\w.-]+)*$/.test(revision) && !revision.includes('..')) return revision;
  throw new InputError(`"${revision}" is not a revision: give a branch, a tag or a commit.`);
}

/**
 * What a folder lacks to be a model: config.json, and model.safetensors or an index with all of its
 * shards. Empty for a whole model. (A link to bytes that are gone counts as missing.)
 */
export function missingModelFiles(dir: string): string[] {
  const has = (name: string) => fs.existsSync(path.join(dir, name));
  const missing = has('config.json') ? [] : ['config.json'];
  if (has('model.safetensors')) return missing;
  const index = 'model.safetensors.index.json';
  if (!has(index)) return [...missing, 'model.safetensors'];
  const text = readText(path.join(dir, index));
  return [...missing, ...shardNames(text, path.join(dir, index)).filter((name) => !has(name))];
}

/**
 * The shards that a model.safetensors.index.json names.
 * @param source of the text, for messages
 * @throws InputError when it is broken, or names anything but files beside it
 */
export function shardNames(text: string, source: string): string[] {
  let map: unknown;
  try {
    map = (JSON.parse(text) as { weight_map?: unknown } | null)?.weight_map;
  } catch {
    // reported below
  }
  const names = typeof map === 'object' && map !== null ? [...new Set(Object.values(map))] : [];
  const sound = names.every((name) => typeof name === 'string' && /^\w[\w.-]*$/.test(name));
  if (names.length && sound) return names as string[];
  throw new InputError(`${source}: has no "weight_map" from tensors to files beside it.`);
}
