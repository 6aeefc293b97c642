import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../../src/util/errors';
import { makeFolder, writeAtomic } from '../../src/util/files';
import { say, withRetries } from '../../src/util/retries';
import { type Network, open, readAll } from './http';

const IFEVAL = 'google-research/google-research/master/instruction_following_eval/data';
const PAPER = 'microsoft/llm-steer-instruct/main/data';

/** A file of prompts: where it goes in `data/`, where it comes from, what we tested with. */
interface DataFile {
  name: string;
  /** On raw.githubusercontent.com. */
  from: string;
  /** Of the version that Tiller was tested with. */
  sha256: string;
}

/** More bytes than any of them has. */
const LARGEST_FILE = 64e6;

/** The IFEval prompts (Apache-2.0), and the prompt files of the paper (MIT). */
export const DATA_FILES: DataFile[] = [
  [
    'ifeval/input_data.jsonl',
    IFEVAL,
    '90d5fce99e2e5e0dc7a40f62462847ea88c593b57d9556146d9347f0edffa9a8',
  ],
  [
    'ifeval_wo_instructions.jsonl',
    PAPER,
    '34bb7423dd7e63a2eab592e0809b3ec1de9cd78a71b5a8c99ac9683bf498449a',
  ],
  [
    'format/ifeval_single_instr_format.jsonl',
    PAPER,
    '0cc290a1a2b3437ea1f67df004e7ef7bef752e730ddd91b1a7777555d9b24413',
  ],
  [
    'keywords/exclusion_validation.jsonl',
    PAPER,
    'a33963bf95eee4ffa7a11bfeb66d6366922176441c9b440b889c29df6e319c50',
  ],
  [
    'keywords/inclusion_validation.jsonl',
    PAPER,
    '1a66378cda5615621f1ece9c39a470404e59372849ae2b6d51ab7e8090681712',
  ],
  [
    'keywords/ifeval_keywords_exclude.txt',
    PAPER,
    '9841b68aefe1165ab2fafe60b7584812708765152dec8d0d24fc7fb3a8be6c24',
  ],
  [
    'keywords/ifeval_keywords_include.txt',
    PAPER,
    'fb19ffacd91a0bbfa9b0b67e3c84a9ab74733a72d2513e0da79a8aaeebb79e36',
  ],
  [
    'keywords/ifeval_single_keyword_exclude.jsonl',
    PAPER,
    '6d60936e3aef19978ea3191f5b7178e08f4d45a13b135f05373f4f043522a0e7',
  ],
  [
    'keywords/ifeval_single_keyword_include.jsonl',
    PAPER,
    '1f4452fe01a36621e13d9ff926c4ec12a5d99ef33902ae158576e78f98e89dc8',
  ],
].map(([name, repository, sha256]) => ({
  name,
  from: `${repository}/${repository === IFEVAL ? path.posix.basename(name) : name}`,
  sha256,
}));

/**
 * Fetches the prompt files into a folder. Those that are there stay as they are, unless they are
 * broken.
 * @param update fetches them again
 * @throws InputError for a file that its repository no longer has, or that is not what it was
 */
export async function downloadData(
  folder: string,
  network: Network,
  { update = false } = {},
): Promise<void> {
  for (const { name, from, sha256 } of DATA_FILES) {
    const file = path.join(folder, name);
    if (!update && fs.existsSync(file) && isData(name, fs.readFileSync(file))) {
      say(network, `${file} is there.`);
      continue;
    }
    const bytes = await fetchText(`${rawHost()}/${from}`, network);
    makeFolder(path.dirname(file));
    writeAtomic(file, bytes.toString('utf8'));
    say(network, `${file}: ${bytes.length} bytes`);
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found === sha256) continue;
    say(
      network,
      `  It has changed since Tiller was tested with it (sha256 ${found}, then ${sha256}): results may not compare with the paper's.`,
    );
  }
}

/** TILLER_DATA_URL (a mirror, or the server of a test), else GitHub. */
function rawHost(): string {
  const given = process.env.TILLER_DATA_URL || 'https://raw.githubusercontent.com';
  if (/^https?:\/\/\w/.test(given) && URL.canParse(given)) return given.replace(/\/+$/, '');
  throw new InputError(`TILLER_DATA_URL is "${given}", not an address (https://...).`);
}

/** @throws InputError for an answer that is no success, or is not lines of text */
function fetchText(url: string, network: Network): Promise<Buffer> {
  return withRetries(url, network, async () => {
    const opened = await open(url, {}, network);
    if (!opened.response.ok) {
      opened.discard();
      throw new InputError(
        `${url}: the server answers ${opened.response.status}. Has the file moved?`,
      );
    }
    const bytes = await readAll(opened, LARGEST_FILE);
    if (isData(url, bytes)) return bytes;
    // Without what could move the cursor of a terminal.
    const start = bytes.toString('utf8', 0, 80).replace(/\p{C}+/gu, ' ');
    throw new InputError(`${url}: what came is not the file, but: ${start}`);
  });
}

/** Not nothing, nor a page of a proxy or of a login, which would come as a success, too. */
function isData(name: string, bytes: Buffer): boolean {
  if (!bytes.length || bytes[0] === '<'.charCodeAt(0)) return false;
  return name.endsWith('.jsonl') ? isJsonLines(bytes.toString('utf8')) : true;
}

function isJsonLines(text: string): boolean {
  try {
    const rows = text.trim().split('\n');
    return rows.every((row) => typeof JSON.parse(row) === 'object');
  } catch {
    return false;
  }
}
