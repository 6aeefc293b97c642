/**
 * What the environment says about the Hub, read as huggingface_hub 1.33 reads it (its constants.py
 * and utils/_auth.py), at every call. A variable that is set to nothing counts as not set.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { InputError } from '../util/errors';
import { readText } from '../util/files';

/** Where Hugging Face tools keep the cache and the token of `hf auth login`: HF_HOME. */
export function hubHome(): string {
  const { HF_HOME, XDG_CACHE_HOME } = process.env;
  const caches = XDG_CACHE_HOME || path.join(os.homedir(), '.cache');
  return expandPath(HF_HOME || path.join(caches, 'huggingface'));
}

/** HF_HUB_CACHE, else its older name, else `hub` in HF_HOME. */
export function hubCacheFolder(): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE } = process.env;
  return expandPath(HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || path.join(hubHome(), 'hub'));
}

/** HF_ENDPOINT (a mirror), else huggingface.co; without a slash at the end. */
export function hubEndpoint(): string {
  const endpoint = (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
  if (/^https?:\/\/\w/.test(endpoint) && URL.canParse(endpoint)) return endpoint;
  throw new InputError(`HF_ENDPOINT is "${endpoint}", not an address (https://...).`);
}

/**
 * HF_TOKEN, else its older name, else the token that `hf auth login` stored; undefined without.
 * @throws InputError for what can't be a token, or a token file that can't be read
 */
export function hubToken(): string | undefined {
  const { HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH } = process.env;
  if (isTrue(process.env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const given = clean(HF_TOKEN || HUGGING_FACE_HUB_TOKEN);
  if (given) return given;
  const file = expandPath(HF_TOKEN_PATH || path.join(hubHome(), 'token'));
  return fs.existsSync(file) ? clean(readText(file, 'the access token')) : undefined;
}

function clean(token = ''): string | undefined {
  const cleaned = token.replace(/[\r\n]/g, '').trim();
  if (/^[\x21-\x7e]*$/.test(cleaned)) return cleaned || undefined;
  throw new InputError('The access token (HF_TOKEN, or that of "hf auth login") is not a token.');
}

/** The variable that forbids to ask the Hub; undefined where none does. */
export function offlineVariable(): 'HF_HUB_OFFLINE' | 'TRANSFORMERS_OFFLINE' | undefined {
  const name = process.env.HF_HUB_OFFLINE ? 'HF_HUB_OFFLINE' : 'TRANSFORMERS_OFFLINE';
  return isTrue(process.env[name]) ? name : undefined;
}

const isTrue = (value = '') => /^(1|on|yes|true)$/i.test(value);

/** `~`, `~name`, `$NAME` and `${NAME}` as Python's expanduser and then expandvars take them. */
function expandPath(given: string): string {
  const [, user, rest] = /^~([^/]*)(.*)$/s.exec(given) ?? [];
  const home = user === undefined ? undefined : homeOf(user);
  // What names nobody, or no variable, stays as it is.
  const expanded = home === undefined ? given : home + rest;
  return expanded.replace(/\$(?:(\w+)|\{([^}]*)\})/g, (whole, bare, braced) => {
    return process.env[bare ?? braced] ?? whole;
  });
}

/** The home of a user; of '', ours. */
function homeOf(user: string): string | undefined {
  if (!user) return os.homedir().replace(/\/$/, '');
  const users = fs.existsSync('/etc/passwd') ? fs.readFileSync('/etc/passwd', 'utf8') : '';
  return users
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === user)?.[5];
}
