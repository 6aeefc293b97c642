import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../../src/util/errors';
import { makeFolder, writeAtomic } from '../../src/util/files';
import { say } from '../../src/util/retries';
import { type Checksum, checksumOf } from './checksum';
import type { Network } from './http';
import { downloadPhrasings } from './phrasings';
import { fetchRaw, isWholeText } from './raw';

const IFEVAL = 'google-research/google-research/master/instruction_following_eval/data';
const PAPER = 'microsoft/llm-steer-instruct/main/data';

/** A file of prompts: where it goes in `data/`, where it comes from, what we tested with. */
interface DataFile {
  name: string;
  /** On raw.githubusercontent.com. */
  from: string;
  /** Of the version that Tiller was tested with. */
  checksum: Checksum;
}

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
  // The rows that format vectors and layers come from. We know git's id of it.
  ['format/ifeval_augmented_filtered.jsonl', PAPER, '8543a958695604b31bab06a8feaf756edfd7baa7'],
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
].map(([name, repository, hex]) => ({
  name,
  from: `${repository}/${repository === IFEVAL ? path.posix.basename(name) : name}`,
  checksum: { kind: hex.length === 40 ? 'git' : 'sha256', hex },
}));

/**
 * Fetches the prompt files into a folder, and the wordings of the paper's instructions. Those that are
 * there stay as they are, unless they are broken.
 * @param update fetches them again
 * @throws InputError for a file that its repository no longer has, or that is not what it was
 */
export async function downloadData(
  folder: string,
  network: Network,
  { update = false } = {},
): Promise<void> {
  for (const { name, from, checksum } of DATA_FILES) {
    const file = path.join(folder, name);
    if (!update && fs.existsSync(file) && isWholeText(name, fs.readFileSync(file))) {
      say(network, `${file} is there.`);
      continue;
    }
    const bytes = await fetchRaw(from, network);
    if (!bytes) throw new InputError(`${from}: the server answers 404. Has the file moved?`);
    makeFolder(path.dirname(file));
    writeAtomic(file, bytes.toString('utf8'));
    say(network, `${file}: ${bytes.length} bytes`);
    const found = checksumOf(bytes, checksum);
    if (found === checksum.hex) continue;
    const kind = checksum.kind === 'git' ? 'git blob' : checksum.kind;
    say(
      network,
      `  It has changed since Tiller was tested with it (${kind} ${found}, then ${checksum.hex}): results may not compare with the paper's.`,
    );
  }
  await downloadPhrasings(folder, network, { update });
}
