/** Conversations: the text that transformers gives, or a refusal that says what to do. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadTokenizer } from '../../../src/text/loadTokenizer';
import { checkMessages } from '../../../src/text/messages';
import type { Message, Tokenizer } from '../../../src/text/tokenizer';
import { refusal } from '../../refusal';
import { atTime } from './clock';

const fixtures = join(__dirname, '../../fixtures');

interface Conversation {
  messages: Message[];
  /** What apply_chat_template was given beside them. */
  given: { add_generation_prompt?: boolean } & Record<string, never>;
}

interface Template {
  template: string;
  /** What transformers makes of the conversations; null where it refuses. */
  conversations?: (string | null)[];
  /** Conversations for this template alone. */
  more?: (Conversation & { text: string | null })[];
}

// Written by make.py there.
const { now, conversations, templates } = JSON.parse(
  readFileSync(join(fixtures, 'chatTemplates/expected.json'), 'utf8'),
) as { now: string; conversations: Conversation[]; templates: Record<string, Template> };

const dir = mkdtempSync(join(tmpdir(), 'tiller-chat-'));
test.after(() => rmSync(dir, { recursive: true }));
cpSync(join(fixtures, 'tokenizerFolders/llama3'), dir, { recursive: true });

function withTemplate(template: string): Tokenizer {
  writeFileSync(join(dir, 'chat_template.jinja'), template);
  return loadTokenizer(dir);
}

const turn = (role: string, content: string): Message => ({ role, content });
const [system, user, model] = [
  turn('system', 'Be brief.'),
  turn('user', 'Hi'),
  turn('assistant', 'Yes?'),
];

for (const [name, { template, conversations: texts, more = [] }] of Object.entries(templates)) {
  if (!texts) continue;
  test(`${name}: conversations equal transformers', or are refused`, () => {
    const tokenizer = withTemplate(template);
    const all = conversations.map((conversation, i) => ({ ...conversation, text: texts[i] }));
    for (const { messages, given, text: right } of [...all, ...more]) {
      const about = JSON.stringify([messages, given]);
      const { add_generation_prompt: addGenerationPrompt, ...templateVariables } = given;
      const format = () =>
        atTime(now, () =>
          tokenizer.formatChat(messages, { addGenerationPrompt, templateVariables }),
        );
      if (right === null) {
        assert.match(refusal(format), /the chat template can't be rendered/, about);
        continue;
      }
      const left = messages.filter(
        ({ role, content }) => role === 'system' && !right.includes(content.trim()),
      );
      if (left.length > 0) assert.match(refusal(format), /leaves out message \d+, of role system/);
      else assert.is(format(), right, about);
    }
  });
}

test('a system prompt goes before the first turn, and becomes ids as the text does', () => {
  const tokenizer = withTemplate(templates['llama-3'].template);
  const text = tokenizer.formatChat([system, user]);
  const ids = tokenizer.encodePrompt('Hi', { system: 'Be brief.' });
  assert.equal(ids, tokenizer.encodePrompt([system, user]));
  assert.equal(ids, tokenizer.encode(text, { bos: true }));
  assert.is(ids.filter((id) => id === tokenizer.bosId).length, 1);
  assert.is(tokenizer.encodePrompt([user]).length, tokenizer.encodePrompt('Hi').length);
  assert.match(
    refusal(() => tokenizer.encodePrompt([system, user], { system: 'Be kind.' })),
    /two system prompts/,
  );
});

test('a model without a system prompt says what to do', () => {
  const gemma = withTemplate(templates['gemma-2'].template);
  const message = refusal(() => gemma.encodePrompt('Hi', { system: 'Be brief.' }));
  assert.match(message, /System role not supported\. This model takes no system prompt\./);
  assert.match(message, /Put its text at the start of the first user message instead\./);
  assert.match(
    refusal(() => gemma.formatChat([user, user])),
    /Turns must alternate$/,
  );
  const alternating = templates['gemma-2'].template.replace(/\{% if messages\[0\].*?endif %\}/, '');
  assert.match(
    refusal(() => withTemplate(alternating).formatChat([system, user])),
    /Turns must alternate\. This model takes no system prompt\. Put/,
  );
  const silent = withTemplate(
    "{% for m in messages %}{% if m.role != 'system' %}{{ m.content }}{% endif %}{% endfor %}",
  );
  assert.match(
    refusal(() => silent.formatChat([system, user])),
    /chat_template\.jinja: the chat template leaves out message 1, of role system\. Put/,
  );
  assert.is(silent.formatChat([turn('system', ''), user]), 'Hi');
  const first = withTemplate(
    "{% for m in messages %}{% if m.role == 'system' and not loop.first %}" +
      "{{ raise_exception('only first') }}{% endif %}{{ m.content }}{% endfor %}",
  );
  assert.match(
    refusal(() => first.formatChat([user, system, user])),
    /only first\. This model takes a system prompt as the first message only\.$/,
  );
});

test('a message of a role that the template leaves out is refused', () => {
  const tokenizer = withTemplate(templates['phi-3.5'].template);
  assert.match(
    refusal(() => tokenizer.formatChat([turn('tool', '3'), user])),
    /leaves out message 1, of role tool\. Use a role that it knows\./,
  );
});

test('template variables are given to the template, and refused where it reads none such', () => {
  const tokenizer = withTemplate(
    "{% set ns = namespace(day='') %}{% if day_string is defined %}{% set ns.day = day_string %}" +
      '{% endif %}{{ ns.day }}{% if loud %}!{% endif %}{{ (messages | list)[0].content }}{{ bos_token }}',
  );
  const format = (templateVariables: Record<string, string | boolean>) =>
    tokenizer.formatChat([user], { templateVariables });
  assert.is(format({ day_string: '1 May', loud: true, bos_token: '#' }), '1 May!Hi#');
  assert.match(format({ loud: false }), /^Hi/);
  assert.match(
    refusal(() => format({ day_strin: '1 May' })),
    /has no variable "day_strin", so it would change nothing\. Did you mean "day_string"\?/,
  );
  // Names of properties, filters and tests are no variables.
  for (const name of ['content', 'list', 'defined', 'day']) {
    assert.match(
      refusal(() => format({ [name]: true })),
      /has no variable/,
      name,
    );
  }
  assert.match(
    refusal(() => format({ messages: '' })),
    /"messages" can't be given as a template variable/,
  );
});

test('styles without a template: questions and answers, or one text', () => {
  const tokenizer = withTemplate(templates['llama-3'].template);
  const qa = tokenizer.encodePrompt([user, model, turn('user', 'Why?')], { style: 'qa' });
  assert.equal(qa, tokenizer.encode('Q: Hi\nA: Yes?\n\nQ: Why?\nA:', { bos: true }));
  for (const style of ['raw', 'qa'] as const) {
    assert.equal(
      tokenizer.encodePrompt([user], { style }),
      tokenizer.encodePrompt('Hi', { style }),
    );
    const variables = { templateVariables: { loud: true } };
    assert.match(
      refusal(() => tokenizer.encodePrompt('Hi', { style, ...variables })),
      new RegExp(`style ${style} has no template`),
    );
    const advice = new RegExp(`style ${style} has no system prompt. Put its text at the start`);
    assert.match(
      refusal(() => tokenizer.encodePrompt('Hi', { style, system: 'Be brief.' })),
      advice,
    );
  }
  assert.match(
    refusal(() => tokenizer.encodePrompt([user, model, user], { style: 'raw' })),
    /style raw has no turns/,
  );
  assert.match(
    refusal(() => tokenizer.encodePrompt([user, model], { style: 'qa' })),
    /take turns, from a user to a user: the last is of the assistant/,
  );
  assert.match(
    refusal(() => tokenizer.encodePrompt([user, user, user], { style: 'qa' })),
    /take turns, from a user to a user: message 2 does not/,
  );
});

test('messages from outside are checked', () => {
  const wrong = (value: unknown) => refusal(() => checkMessages(value, 'chat.json'));
  assert.match(wrong([]), /chat\.json must be a list of at least one message/);
  assert.match(wrong({ role: 'user' }), /chat\.json must be a list/);
  assert.match(wrong(['Hi']), /chat\.json\[0\] must be an object/);
  assert.match(wrong([user, { role: 'user' }]), /chat\.json\[1\]\.content is missing/);
  assert.match(wrong([{ role: 'user', content: ['a'] }]), /\[0\]\.content is \["a"\]; it must be/);
  assert.match(
    wrong([{ role: 'asistant', content: 'a' }]),
    /\[0\]\.role is "asistant".*Did you mean "assistant"\?/,
  );
  const extra = [{ ...user, reasoning_content: 'Hm.' }];
  assert.equal(checkMessages(extra, 'chat.json'), extra);
});

test.run();
