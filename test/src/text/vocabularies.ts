/**
 * Hard texts under published vocabularies: ids and decoded texts equal those of the Rust tokenizers,
 * and conversations those of transformers. The files are large and not part of the project; without
 * them the tests are skipped.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadTokenizer } from '../../../src/text/loadTokenizer';
import type { JsonValue, Message } from '../../../src/text/messages';
import { testWhere } from '../../where';

interface Vocabulary {
  sha256: string;
  start: number[];
  /** Where there is a chat template: model_type, variables of the template, ids by conversation. */
  type?: string;
  given?: Record<string, JsonValue>;
  chats?: number[][];
  rows: [number[], string | null][];
}

const vocabularies = path.join(__dirname, '../../../data/vocabularies');
// Written by fixtures/vocabularies/make.py.
const expected = JSON.parse(
  fs.readFileSync(path.join(__dirname, '../../fixtures/vocabularies/expected.json'), 'utf8'),
) as {
  added: string[];
  texts: string[];
  /** Per text the ids, and the decoded text where it is another. */
  models: Record<string, Vocabulary>;
  conversations: Message[][];
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

/** `eos_token_id` of the published generation_config.json, and the token that ends a turn. */
const STOPS: Record<string, { eos: number | number[]; turn: string }> = {
  gemma3: { eos: [1, 106], turn: '<end_of_turn>' },
  llama3: { eos: [128001, 128008, 128009], turn: '<|eot_id|>' },
  qwen2: { eos: [151645, 151643], turn: '<|im_end|>' },
  qwen3: { eos: [151645, 151643], turn: '<|im_end|>' },
};

/** Tests of vocabularies by the names of their folders; phi3 is Mistral's with more tokens. */
export function testVocabularies(...names: string[]): void {
  for (const name of names) {
    const file = path.join(vocabularies, name === 'phi3' ? 'mistral' : name, 'tokenizer.json');
    const fetched = testWhere(fs.existsSync(file), 'fetch it: npx ts-node scripts/vocabularies.ts');
    fetched(`${name}: ids and texts equal those of the Rust tokenizers`, () => compare(name, file));
  }
}

function compare(name: string, file: string): void {
  const { sha256, start, rows, type = name, given = {}, chats = [] } = expected.models[name];
  const hash = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
  assert.is(hash, sha256, 'the tokenizer is another one: npx ts-node scripts/vocabularies.ts');
  const dir = name === 'phi3' ? phi3() : opened(path.dirname(file), type);
  const stops = STOPS[name];
  if (stops) {
    const generation = JSON.stringify({ eos_token_id: stops.eos });
    fs.writeFileSync(path.join(dir, 'generation_config.json'), generation);
  }
  const tokenizer = loadTokenizer(dir);
  if (stops) {
    assert.is(tokenizer.idToToken(tokenizer.endOfTurnId ?? -1), stops.turn);
    assert.equal(
      tokenizer.stopIds,
      [stops.eos].flat().sort((a, b) => a - b),
    );
  }
  assert.ok(rows.length > 190);
  expected.texts.forEach((text, i) => {
    const [ids, decoded] = rows[i];
    const about = JSON.stringify(text);
    assert.equal(tokenizer.encode(text, { bos: false }), ids, about);
    assert.equal(tokenizer.encode(text), [...start, ...ids], `with BOS: ${about}`);
    assert.is(tokenizer.decode(ids), decoded ?? text, `decoded: ${about}`);
  });
  chats.forEach((ids, i) => {
    const conversation = expected.conversations[i];
    const got = tokenizer.encodePrompt(conversation, { templateVariables: given });
    assert.equal(got, ids, JSON.stringify(conversation));
  });
}
