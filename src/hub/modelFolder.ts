import * as fs from 'node:fs';
import * as path from 'node:path';
import { didYouMean, InputError } from '../util/errors';
import { DOWNLOAD } from '../util/invocation';
import { projectRoot } from '../util/version';
import { MODEL_ALIASES } from './aliases';
import { checkRevision, findSnapshot, hubModelFolder, missingModelFiles } from './hubCache';

/** A model of the Hugging Face Hub. */
export interface HubModel {
  /** E.g. `google/gemma-2-2b-it`. */
  id: string;
  /** A branch, tag or commit; `main` unless it was named. */
  revision: string;
}

/** The command that fetches a model. */
export function downloadCommand({ id, revision }: HubModel): string {
  const rest = revision === 'main' ? '' : ` --revision ${revision}`;
  return `${DOWNLOAD} ${id}${rest}`;
}

/**
 * Reads an alias (`phi-3`) or a Hub id (`google/gemma-2-2b`), with `@revision` after it or not.
 * @returns undefined for a name that is neither
 */
export function parseHubModel(name: string): HubModel | undefined {
  const [, bare, revision = 'main'] = /^([^@]*)(?:@(.*))?$/s.exec(name) ?? [];
  const alias = bare.toLowerCase();
  const id = Object.hasOwn(MODEL_ALIASES, alias) ? MODEL_ALIASES[alias] : bare;
  if (!/^\w[\w.-]*\/\w[\w.-]*$/.test(id) || /--|\.\.|\.git$/.test(id)) return undefined;
  return { id, revision: checkRevision(revision) };
}

/** The folder itself, or the one of that name in `weights/`; undefined where neither is a model. */
export function localModelFolder(given: string): string | undefined {
  return isModelFolder(given) ? given : projectModel(given);
}

/** What results are filed under: `google/gemma-2-2b`, its alias and its folder → `gemma-2-2b`. */
export function modelName(given: string): string {
  const dir = localModelFolder(given);
  if (dir) return folderName(dir);
  const hub = parseHubModel(given);
  return hub ? hubName(hub) : path.basename(given);
}

/**
 * Finds a model on this machine: a folder with a config.json, else a folder in `weights/`, else an
 * alias or Hub id in the Hugging Face cache. Nothing is fetched.
 * @throws InputError that says how to get a model that is not there
 */
export function findModelFolder(given: string): { name: string; dir: string } {
  if (typeof given !== 'string' || !given) {
    throw new InputError(`A model's name must be text, not ${JSON.stringify(given)}.`);
  }
  const dir = localModelFolder(given);
  if (dir) return { name: folderName(dir), dir };
  const hub = parseHubModel(given);
  if (!hub) throw noSuchModel(given);
  const snapshot = findSnapshot(hub.id, hub.revision);
  const missing = snapshot ? missingModelFiles(snapshot) : [];
  if (snapshot && !missing.length) return { name: hubName(hub), dir: snapshot };
  if (snapshot || fs.existsSync(hubModelFolder(hub.id))) {
    const what = missing.length ? `lacks ${missing.join(', ')}` : `has no "${hub.revision}"`;
    throw new InputError(
      `${hub.id} is in the Hugging Face cache, but not whole: it ${what}. Fetch the rest with: ${downloadCommand(hub)}`,
    );
  }
  // `weights/tiny` may be meant as a folder as well as an id.
  if (isFolder(given)) throw noConfig(given, ` It is no model of the Hugging Face cache either.`);
  const looked = given.includes('/') ? ', nor is there a folder of that name' : '';
  throw new InputError(
    `${hub.id} is not in the Hugging Face cache (${path.dirname(hubModelFolder(hub.id))})${looked}. Fetch it with: ${downloadCommand(hub)}`,
  );
}

const isModelFolder = (dir: string) => fs.existsSync(path.join(dir, 'config.json'));

const weights = path.join(projectRoot, 'weights');

function projectModel(name: string): string | undefined {
  const dir = path.join(weights, name);
  return /^\w[\w.-]*$/.test(name) && isModelFolder(dir) ? dir : undefined;
}

function hubName({ id, revision }: HubModel): string {
  const rest = revision === 'main' ? '' : `@${revision.replaceAll('/', '-')}`;
  return path.basename(id) + rest;
}

/** The folder's own name; for a snapshot in the cache, whose name is a commit, the model's. */
function folderName(dir: string): string {
  const parts = path.resolve(dir).split(path.sep);
  const [model, snapshots, commit] = parts.slice(-3);
  const inCache = snapshots === 'snapshots' && model?.startsWith('models--');
  return (inCache ? model.split('--').at(-1) : commit) ?? '';
}

const isFolder = (place: string) =>
  Boolean(fs.statSync(place, { throwIfNoEntry: false })?.isDirectory());

function noConfig(dir: string, more = ''): InputError {
  const inside = fs.readdirSync(dir).filter((name) => isModelFolder(path.join(dir, name)));
  const hint = inside.length ? ` Did you mean "${path.join(dir, inside[0])}"?` : '';
  return new InputError(
    `${dir}: the folder is there, but holds no config.json, so it is no model.${more}${hint}`,
  );
}

function noSuchModel(given: string): InputError {
  if (isFolder(given)) return noConfig(given);
  if (fs.existsSync(given)) {
    return new InputError(`${given} is not a folder. Give the folder that holds config.json.`);
  }
  if (given.includes('/')) return new InputError(`${given}: no such folder.`);
  const own = fs.readdirSync(weights).filter(projectModel);
  const aliases = Object.keys(MODEL_ALIASES);
  return new InputError(
    `There is no model "${given}": it is neither a folder with a config.json, nor one of ` +
      `${own.join(', ')}, nor a short name (${DOWNLOAD} --help lists them), nor an id on the Hub ` +
      'such as google/gemma-2-2b.' +
      didYouMean(given, [...own, ...aliases]),
  );
}
