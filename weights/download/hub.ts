/**
 * What the Hugging Face Hub says: which commit a revision is, which files it has, and why it
 * refuses. The package @huggingface/hub asks; its requests run through our retries. It does not
 * fetch the files: its download cannot go on where it stopped, shows no progress, compares no
 * checksum, and takes every file of a model, those of other frameworks too.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { COMMIT, hubHome } from '../../src/hub/hubCache';
import type { HubModel } from '../../src/hub/modelFolder';
import { InputError } from '../../src/util/errors';
import { type Network, open, readAll, withRetries } from './http';
import type { Checksum } from './partFile';

export interface HubFile {
  /** The name in the model's folder. */
  path: string;
  size: number;
  checksum: Checksum;
}

/** HF_ENDPOINT (a mirror), else huggingface.co; without a slash at the end. */
export function hubEndpoint(): string {
  const endpoint = (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
  if (/^https?:\/\/\w/.test(endpoint)) return endpoint;
  throw new InputError(`HF_ENDPOINT is "${endpoint}", not an address (https://...).`);
}

/** HF_TOKEN, else the token that `hf auth login` stored; undefined without. */
export function hubToken(): string | undefined {
  const { HF_TOKEN, HF_TOKEN_PATH } = process.env;
  if (HF_TOKEN?.trim()) return HF_TOKEN.trim();
  const file = HF_TOKEN_PATH || path.join(hubHome(), 'token');
  return (fs.existsSync(file) && fs.readFileSync(file, 'utf8').trim()) || undefined;
}

export function hubHeaders(): Record<string, string> {
  const token = hubToken();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export function fileUrl(id: string, commit: string, file: string): string {
  return `${hubEndpoint()}/${id}/resolve/${commit}/${encodeURIComponent(file)}`;
}

/**
 * The commit of a revision, and the files at its top.
 * @throws InputError when there is no such model or revision, or no access to it
 */
export async function listModel(
  model: HubModel,
  network: Network,
): Promise<{ commit: string; files: HubFile[] }> {
  if (/^(1|on|true|yes)$/i.test(process.env.HF_HUB_OFFLINE ?? '')) {
    throw new InputError(`HF_HUB_OFFLINE is set, and ${model.id} is not whole in the cache.`);
  }
  // Loaded here, not above: it takes a tenth of a second, and a model in the cache needs none of it.
  const hub = require('@huggingface/hub') as typeof import('@huggingface/hub');
  const shared = { hubUrl: hubEndpoint(), fetch: hubFetch(model, network) };
  const { id, revision } = model;
  const info = { name: id, revision, additionalFields: ['sha' as const], ...shared };
  const { sha: commit } = await hub.modelInfo(info);
  if (!COMMIT.test(commit)) throw unexpected(`"${commit}" for the commit of ${revision}`);
  const files: HubFile[] = [];
  for await (const entry of hub.listFiles({ repo: id, revision: commit, ...shared })) {
    if (entry.type !== 'file') continue;
    const { lfs, oid, size } = entry;
    const checksum: Checksum = lfs
      ? { kind: 'sha256', hex: lfs.oid.replace(/^sha256:/, '') }
      : { kind: 'git', hex: String(oid) };
    const length = checksum.kind === 'git' ? 40 : 64;
    if (!/^[0-9a-f]+$/.test(checksum.hex) || checksum.hex.length !== length) {
      throw unexpected(`"${checksum.hex}" for the checksum of ${entry.path}`);
    }
    files.push({ path: entry.path, size: lfs?.size ?? size, checksum });
  }
  return { commit, files };
}

function unexpected(what: string): Error {
  return new Error(`${hubEndpoint()} gives ${what}: is it a Hugging Face Hub (HF_ENDPOINT)?`);
}

/** `fetch` for the package: with token and retries, refusals explained. */
function hubFetch(model: HubModel, network: Network): typeof fetch {
  return (input) =>
    withRetries(model.id, network, async () => {
      const opened = await open(String(input), hubHeaders(), network);
      const { status, headers, ok } = opened.response;
      if (!ok) {
        opened.discard();
        throw explainRefusal(opened.response, model);
      }
      const body = await readAll(opened);
      // The body is unpacked already.
      const kept = [...headers].filter(([name]) => !/^content-(encoding|length)$/.test(name));
      return new Response(body, { status, headers: kept });
    });
}

/** Why the Hub refuses, and what to do. @param file where it is about one */
export function explainRefusal(response: Response, { id, revision }: HubModel, file?: string) {
  const { status, headers } = response;
  const code = headers.get('x-error-code') ?? '';
  const said = headers.get('x-error-message') ?? '';
  const token = hubToken() !== undefined;
  const page = `${hubEndpoint()}/${id}`;
  const tokens = `${hubEndpoint()}/settings/tokens`;
  if (/invalid credentials/i.test(said) || (status === 401 && token)) {
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
      `Your access token may not read ${id}${said ? ` (the Hub says: ${said.replace(/\.$/, '')})` : ''}. Accept the terms on ${page} with the account that the token belongs to; with a fine-grained token, also allow it to read gated repositories (${tokens}).`,
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
    `${response.url || page}: the Hub answers ${status}${said ? ` (${said})` : ''}.`,
  );
}
