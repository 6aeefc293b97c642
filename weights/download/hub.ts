/**
 * What the Hugging Face Hub says: which commit a revision is, which files it has, and why it
 * refuses. The package @huggingface/hub asks; its requests run through our retries. It does not
 * fetch the files: its download cannot go on where it stopped, shows no progress, compares no
 * checksum, and takes every file of a model, those of other frameworks too.
 */
import type { Response as FetchResponse } from 'undici';
import { hubEndpoint, hubToken, offlineVariable } from '../../src/hub/environment';
import { COMMIT } from '../../src/hub/hubCache';
import type { HubModel } from '../../src/hub/modelFolder';
import { InputError } from '../../src/util/errors';
import { withRetries } from '../../src/util/retries';
import { type Checksum, checksumOfName } from './checksum';
import { type Network, open, readAll } from './http';

export interface HubFile {
  /** The name in the model's folder. */
  path: string;
  size: number;
  checksum: Checksum;
}

/** The access token, for addresses of the Hub alone: an answer of it may name others. */
export function hubHeaders(url: string): Record<string, string> {
  const token = hubToken();
  const ours = new URL(url).origin === new URL(hubEndpoint()).origin;
  return token && ours ? { Authorization: `Bearer ${token}` } : {};
}

export function fileUrl(id: string, commit: string, file: string): string {
  return `${hubEndpoint()}/${id}/resolve/${commit}/${encodeURIComponent(file)}`;
}

type ListFileEntry = import('@huggingface/hub').ListFileEntry;

/**
 * The commit of a revision, and the files at its top.
 * @throws InputError when there is no such model or revision, or no access to it
 */
export async function listModel(
  model: HubModel,
  network: Network,
): Promise<{ commit: string; files: HubFile[] }> {
  const offline = offlineVariable();
  if (offline)
    throw new InputError(`${offline} is set, and ${model.id} is not whole in the cache.`);
  // Loaded here, not above: it takes a tenth of a second, and a model in the cache needs none of it.
  const hub = require('@huggingface/hub') as typeof import('@huggingface/hub');
  const shared = { hubUrl: hubEndpoint(), fetch: hubFetch(model, network) };
  const { id, revision } = model;
  const info = { name: id, revision, additionalFields: ['sha' as const], ...shared };
  const { sha: commit } = await hub.modelInfo(info);
  if (!COMMIT.test(commit)) throw unexpected(`gives "${commit}" for the commit of ${revision}`);
  const files: HubFile[] = [];
  for await (const entry of hub.listFiles({ repo: id, revision: commit, ...shared })) {
    if (entry?.type === 'file') files.push(readEntry(entry));
  }
  return { commit, files };
}

function readEntry({ path, lfs, oid, size }: ListFileEntry): HubFile {
  const hex = String(lfs ? lfs.oid : oid).replace(/^sha256:/, '');
  const checksum = checksumOfName(hex);
  const bytes = lfs?.size ?? size;
  if (checksum?.kind !== (lfs ? 'sha256' : 'git')) {
    throw unexpected(`gives "${hex}" for the checksum of ${path}`);
  }
  if (typeof path !== 'string' || !Number.isInteger(bytes) || bytes < 0) {
    throw unexpected(`gives "${bytes}" for the size of ${path}`);
  }
  return { path, size: bytes, checksum };
}

function unexpected(what: string): Error {
  return new Error(`${hubEndpoint()} ${what}: is it a Hugging Face Hub (HF_ENDPOINT)?`);
}

/** Of a list of files. The Hub's have 1000 files a page, some 200 kB; no model comes near it. */
const MOST_PAGES = 100;
const LARGEST_PAGE = 4e6;

/** `fetch` for the package: with token and retries, refusals explained, answers checked. */
function hubFetch(model: HubModel, network: Network): typeof fetch {
  const asked = new Set<string>();
  return (input) => {
    const url = String(input);
    if (asked.has(url) || asked.size > MOST_PAGES) {
      throw unexpected(`lists the files of ${model.id} without end`);
    }
    asked.add(url);
    return withRetries(model.id, network, async () => {
      const opened = await open(url, hubHeaders(url), network);
      const { status, headers, ok } = opened.response;
      if (!ok) {
        opened.discard();
        throw explainRefusal(opened.response, model);
      }
      const body = (await readAll(opened, LARGEST_PAGE)).toString('utf8');
      checkAnswer(new URL(url), body);
      // The body is unpacked already.
      const kept = [...headers].filter(([name]) => !/^content-(encoding|length)$/.test(name));
      return new Response(body, { status, headers: kept });
    });
  };
}

/** A login page of the network, for example, would come as a success, too. */
function checkAnswer({ pathname }: URL, body: string) {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    const what = /^\s*</.test(body) ? 'a web page' : 'something else';
    throw unexpected(`answers with ${what} in place of data about the model`);
  }
  const wanted = pathname.includes('/tree/') ? Array.isArray(value) : !Array.isArray(value);
  if (!wanted || typeof value !== 'object' || value === null) {
    throw unexpected('answers with other data than those about the model');
  }
}

/** Why the Hub refuses, and what to do. @param file where it is about one */
export function explainRefusal(response: FetchResponse, { id, revision }: HubModel, file?: string) {
  const { status, headers } = response;
  const code = headers.get('x-error-code') ?? '';
  const errorMessage = headers.get('x-error-message') ?? '';
  const token = hubToken() !== undefined;
  const page = `${hubEndpoint()}/${id}`;
  const tokens = `${hubEndpoint()}/settings/tokens`;
  if (/invalid credentials/i.test(errorMessage) || (status === 401 && token)) {
    return new InputError(
      `The Hub does not accept your access token (HF_TOKEN, or that of "hf auth login"): it may have expired. Make a new one on ${tokens}.`,
    );
  }
  // A file that the Hub lists and does not give to strangers is gated, too.
  const gated = code === 'GatedRepo' || status === 403 || (status === 401 && file);
  if (gated && !token) {
    return new InputError(
      `${id} is gated: its makers want their terms accepted first. Log in and accept them on ${page}, make a token of type "read" on ${tokens}, then run the command again with HF_TOKEN=hf_... before it.`,
    );
  }
  if (status === 403) {
    return new InputError(
      `Your access token may not read ${id}${errorMessage ? ` (the Hub says: ${errorMessage.replace(/\.$/, '')})` : ''}. Accept the terms on ${page} with the account that the token belongs to; with a fine-grained token, also allow it to read gated repositories (${tokens}).`,
    );
  }
  if (code === 'RevisionNotFound') {
    return new InputError(
      `${id} has no revision "${revision}". Its branches and tags are on ${page}/tree/main.`,
    );
  }
  if (code === 'EntryNotFound' || (status === 404 && file)) {
    return new InputError(`${id} has no file ${file ?? ''} at revision "${revision}".`);
  }
  // The Hub does not tell strangers whether a model is private or absent.
  if (code === 'RepoNotFound' || status === 401 || status === 404) {
    return new InputError(
      `There is no model ${id} on ${hubEndpoint()}, or it is private or gated and ${token ? 'your access token does not reach it' : 'needs an access token (HF_TOKEN=hf_...)'}. Is the name right? See ${page}.`,
    );
  }
  return new Error(
    `${response.url || page}: the Hub answers ${status}${errorMessage ? ` (${errorMessage})` : ''}.`,
  );
}
