/** Chat templates give the text that transformers gives, or are refused. */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadTokenizer } from '../../../src/text/loadTokenizer';
import type { Tokenizer } from '../../../src/text/tokenizer';
import { InputError } from '../../../src/util/errors';
import { atTime } from './clock';

const fixtures = join(__dirname, '../../fixtures');
// Written by make.py there.
const { now, chats, templates } = JSON.parse(
  readFileSync(join(fixtures, 'chatTemplates/expected.json'), 'utf8'),
) as {
  now: string;
  chats: string[];
  templates: Record<string, { template: string; texts: string[] }>;
};

const dir = mkdtempSync(join(tmpdir(), 'tiller-template-'));
test.after(() => rmSync(dir, { recursive: true }));
cpSync(join(fixtures, 'tokenizerFolders/llama3'), dir, { recursive: true });

function withTemplate(template: string): Tokenizer {
  writeFileSync(join(dir, 'chat_template.jinja'), template);
  return loadTokenizer(dir);
}

for (const [name, { template, texts }] of Object.entries(templates)) {
  test(`${name}: the text equals transformers'`, () => {
    const tokenizer = withTemplate(template);
    chats.forEach((chat, i) => {
      const text = atTime(now, () => tokenizer.formatPrompt(chat));
      assert.is(text, texts[i], JSON.stringify(chat));
    });
  });
}

const refuses = (template: string, pattern: RegExp) =>
  assert.throws(
    () => withTemplate(template).formatPrompt('Hi'),
    (error: unknown) => {
      assert.instance(error, InputError);
      assert.match((error as Error).message, /chat_template\.jinja: the chat template/);
      assert.match((error as Error).message, pattern);
      return true;
    },
    template,
  );

test('what Tiller would render otherwise than Python is refused by name', () => {
  refuses("{{ 'a b' | title }}", /the filter title/);
  refuses("{{ 'a b'.capitalize() }}", /\.capitalize\(\)/);
  refuses('{{ messages | sort }}', /the filter sort/);
  refuses('{{ messages }}', /writes a list/);
  refuses("{{ {'a': 1} }}", /writes a list, an object/);
  refuses('{{ 1.5 }}', /a fraction/);
  refuses('{{ 3 / 2 }}', /the operator \//);
  refuses('{{ messages | tojson(sort_keys=true) }}', /a keyword of the filter tojson/);
  refuses("{{ messages | selectattr('x', 'undefined') | list }}", /the filter selectattr/);
  refuses("{{ strftime_now('%j') }}", /strftime_now doesn't know %j/);
  refuses('{{ 3 is divisibleby(2) }}', /./);
  refuses('{{ range(1000000) | length }}', /range of more than 100000/);
});

test('the date is written in English, whatever the language of the machine', () => {
  const before = new Date();
  const text = withTemplate("{{ strftime_now('%d %B %Y') }}").formatPrompt('');
  const months = 'January|February|March|April|May|June|July|August|September|October|November';
  assert.match(text, new RegExp(`^\\d\\d (${months}|December) \\d{4}$`));
  assert.ok(Math.abs(Number(text.slice(-4)) - before.getFullYear()) <= 1);
});

// Two loops, since a range of Jinja's sandbox is short.
const ENDLESS = '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}';

test('an endless template ends, at load and where it is used', () => {
  const tokenizer = withTemplate(ENDLESS);
  assert.ok(tokenizer.encodePrompt('Hi', { style: 'raw' }).length > 0);
  assert.throws(
    () => tokenizer.formatPrompt('Hi'),
    /chat_template\.jinja: the chat template takes more than 2 s/,
  );
});

test('Ctrl-C ends an endless template, and then does what the program says', async () => {
  writeFileSync(join(dir, 'chat_template.jinja'), ENDLESS);
  const source = `
    process.on('SIGINT', () => { console.log('handled'); process.exit(7); });
    const { loadTokenizer } = require('./src/text/tokenizer');
    console.log('ready');
    try { loadTokenizer(${JSON.stringify(dir)}).formatPrompt('Hi'); }
    catch (error) { console.log(error.message); }
    setTimeout(() => console.log('late'), 60_000);`;
  const child = spawn(process.execPath, ['-r', 'ts-node/register', '-e', source], {
    cwd: join(__dirname, '../../..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data;
    if (output.includes('ready')) setTimeout(() => child.kill('SIGINT'), 300);
  });
  const code = await new Promise((resolve) => child.on('exit', resolve));
  assert.is(code, 7, output);
  assert.match(output, /handled/);
});

test('a list of templates without "default" is refused where it is used', () => {
  rmSync(join(dir, 'chat_template.jinja'));
  const chat_template = [{ name: 'tool_use', template: '{{ 1 }}' }];
  writeFileSync(join(dir, 'tokenizer_config.json'), JSON.stringify({ chat_template }));
  const tokenizer = loadTokenizer(dir);
  assert.ok(tokenizer.hasChatTemplate);
  assert.ok(tokenizer.encodePrompt('Hi', { style: 'raw' }).length > 0);
  assert.throws(
    () => tokenizer.encodePrompt('Hi'),
    /tokenizer_config\.json: chat_template lists no template named "default" \(only "tool_use"\)/,
  );
});

test.run();
