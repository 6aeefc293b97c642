/**
 * Hard texts under the published vocabularies of Gemma-2, GPT-2 and Mistral, and Mistral's with the
 * tokens of Phi-3: ids and decoded texts equal those of the Rust tokenizers. The files are large and
 * not part of the project; without them the tests are skipped.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadTokenizer } from '../../../src/text/tokenizer';
import { testWhere } from '../../where';

const vocabularies = path.join(__dirname, '../../../data/vocabularies');
// Written by fixtures/vocabularies/make.py.
const expected = JSON.parse(
  fs.readFileSync(path.join(__dirname, '../../fixtures/vocabularies/expected.json'), 'utf8'),
) as {
  added: string[];
  texts: string[];
  /** Per text the ids, and the decoded text where it is another. */
  models: Record<string, { sha256: string; start: number[]; rows: [number[], string | null][] }>;
};
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-vocabularies-'));
test.after(() => fs.rmSync(scratch, { recursive: true }));

/** Mistral's tokenizer with the tokens that Phi-3 adds after its 32000. */
function phi3(): string {
  const from = path.join(vocabularies, 'mistral');
  const data = JSON.parse(fs.readFileSync(path.join(from, 'tokenizer.json'), 'utf8'));
  expected.added.forEach((content, i) => {
    const flags = { single_word: false, lstrip: false, normalized: false, special: true };
    data.added_tokens.push({ id: 32000 + i, content, rstrip: i > 0, ...flags });
  });
  fs.writeFileSync(path.join(scratch, 'tokenizer.json'), JSON.stringify(data));
  return opened(from, 'phi3');
}

/** The files of a folder with a config.json beside them, which rules how transformers opens them. */
function opened(from: string, modelType: string): string {
  const dir = fs.mkdtempSync(path.join(scratch, 'opened-'));
  const own = path.join(scratch, 'tokenizer.json');
  fs.copyFileSync(
    modelType === 'phi3' ? own : path.join(from, 'tokenizer.json'),
    path.join(dir, 'tokenizer.json'),
  );
  fs.copyFileSync(
    path.join(from, 'tokenizer_config.json'),
    path.join(dir, 'tokenizer_config.json'),
  );
  fs.writeFileSync(path.join(dir, 'config.json'), JSON.stringify({ model_type: modelType }));
  return dir;
}

for (const [name, { sha256, start, rows }] of Object.entries(expected.models)) {
  const file = path.join(vocabularies, name === 'phi3' ? 'mistral' : name, 'tokenizer.json');
  const fetched = testWhere(fs.existsSync(file), 'fetch it: npx ts-node scripts/vocabularies.ts');
  fetched(`${name}: ids and texts equal those of the Rust tokenizers`, () => {
    const hash = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
    assert.is(hash, sha256, 'the tokenizer is another one: npx ts-node scripts/vocabularies.ts');
    const tokenizer = loadTokenizer(name === 'phi3' ? phi3() : opened(path.dirname(file), name));
    assert.ok(rows.length > 190);
    expected.texts.forEach((text, i) => {
      const [ids, decoded] = rows[i];
      const about = JSON.stringify(text);
      assert.equal(tokenizer.encode(text, { bos: false }), ids, about);
      assert.equal(tokenizer.encode(text), [...start, ...ids], `with BOS: ${about}`);
      assert.is(tokenizer.decode(ids), decoded ?? text, `decoded: ${about}`);
    });
  });
}

test.run();
