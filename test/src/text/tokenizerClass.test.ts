/** Which class opens a folder: rules that no folder of tokenizerFolders shows. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadTokenizer } from '../../../src/text/loadTokenizer';
import { refusal } from '../../refusal';

const from = join(__dirname, '../../fixtures/tokenizerFolders/qwen3-class');
const scratch = mkdtempSync(join(tmpdir(), 'tiller-class-'));
test.after(() => rmSync(scratch, { recursive: true }));

/** A byte-level folder under a name, whose files say this. */
function folder(name: string, tokenizer_class: string, model_type: string): string {
  const dir = join(scratch, name);
  mkdirSync(dir, { recursive: true });
  cpSync(join(from, 'tokenizer.json'), join(dir, 'tokenizer.json'));
  writeFileSync(join(dir, 'tokenizer_config.json'), JSON.stringify({ tokenizer_class }));
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ model_type }));
  return dir;
}

test('a byte-level vocabulary under the class of another kind is refused with what to write', () => {
  const dir = folder('distilled', 'LlamaTokenizerFast', 'llama');
  assert.match(
    refusal(() => loadTokenizer(dir)),
    /tokenizer_class is "LlamaTokenizer", but .*tokenizer\.json is byte-level.*Write "PreTrained/,
  );
});

test('where a published class is wrong for a model, it counts no more than for transformers', () => {
  const text = 'Hello 1234, world';
  const asItIs = loadTokenizer(folder('as-it-is', 'PreTrainedTokenizerFast', 'llama')).encode(text);
  const hub = 'models--deepseek-ai--DeepSeek-R1-Distill-Llama-8B/snapshots/abc';
  assert.equal(loadTokenizer(folder(hub, 'LlamaTokenizerFast', 'llama')).encode(text), asItIs);
  assert.equal(
    loadTokenizer(folder('olmo', 'LlamaTokenizer', 'olmo2')).encode(text),
    asItIs,
    'OLMo 2 is taken as it is',
  );
  assert.equal(
    loadTokenizer(folder('qwen', 'LlamaTokenizer', 'qwen2')).encode('a 1234'),
    loadTokenizer(folder('qwen-named', 'Qwen2TokenizerFast', 'qwen3')).encode('a 1234'),
    'Qwen 2 is rebuilt by its own class',
  );
});

test.run();
