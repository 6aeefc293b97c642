/**
 * The published chat templates of 95 models, and those that come with the vocabularies: their texts
 * equal transformers' by hash. They are not part of the project; without them the tests are skipped.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compileTemplate } from '../../../src/text/compileTemplate';
import { JsonPart } from '../../../src/text/jsonPart';
import type { JsonValue, Message } from '../../../src/text/messages';
import { chatTemplateOf } from '../../../src/text/template';
import { InputError } from '../../../src/util/errors';
import { testWhere } from '../../where';
import { atTime } from './clock';

interface Published {
  now: string;
  tokens: Record<string, string>;
  conversations: { messages: Message[]; given: Record<string, JsonValue> }[];
  /** Per conversation the hash of the text, or null where the template refuses. */
  templates: Record<string, { sha256: string; texts: (string | null)[] }>;
}

const expected = JSON.parse(
  // Written by makePublished.py there.
  readFileSync(join(__dirname, '../../fixtures/chatTemplates/published.json'), 'utf8'),
) as Published;
const file = join(__dirname, '../../../data/chatTemplates.json');
const isFetched = existsSync(file);
const fetched = isFetched ? JSON.parse(readFileSync(file, 'utf8')) : {};

/** It selects from the letters of a text as if they were parts of a message. */
const REFUSED = new Set(['library/llama-guard3:1b']);

/** The template stands in the config. */
const NO_FILES = { place: '', pathOf: (name: string) => name, read: () => undefined };

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** The text of a conversation, or null where the template refuses. */
function renderer(source: string) {
  const config = new JsonPart('tokenizer_config.json', { chat_template: source });
  const template = chatTemplateOf(NO_FILES, config, new Map(Object.entries(expected.tokens)))!;
  const { names } = compileTemplate(source);
  return (messages: Message[], given: Record<string, JsonValue>): string | null => {
    const { add_generation_prompt = true, ...variables } = given;
    // Python lets pass what the template never reads.
    const read = Object.entries(variables).filter(([name]) => names.has(name));
    try {
      return template.render(messages, Boolean(add_generation_prompt), Object.fromEntries(read));
    } catch (error) {
      assert.instance(error, InputError);
      return null;
    }
  };
}

function compare(name: string) {
  const { sha256, texts } = expected.templates[name];
  assert.ok(name in fetched, 'it was not fetched: npx ts-node scripts/vocabularies.ts');
  assert.is(hashOf(fetched[name]), sha256, 'the template is another one: makePublished.py');
  atTime(expected.now, () => {
    const render = renderer(fetched[name]);
    expected.conversations.forEach(({ messages, given }, i) => {
      const text = render(messages, given);
      const right = REFUSED.has(name) ? null : texts[i];
      const about = `makePublished.py --show ${name} ${i}, and not ${text}`;
      assert.is(text === null ? null : hashOf(text), right, about);
    });
  });
}

if (isFetched) {
  for (const name of Object.keys(expected.templates)) {
    test(`${name}: conversations equal transformers', or are refused`, () => compare(name));
  }
} else {
  // One line for all of them.
  const missing = 'fetch them: npx ts-node scripts/vocabularies.ts';
  testWhere(false, missing)("published chat templates give transformers' texts", () => {});
}

test.run();
