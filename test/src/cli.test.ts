/** The command line; `generate` on a random model that is given a tokenizer. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../models';
import { useBackend } from '../../src/backend';
import { run } from '../../src/cli';
import { generate } from '../../src/engine/generate';
import { loadTokenizer } from '../../src/text/loadTokenizer';
import { seededRandom } from '../../src/util/random';
import { Safetensors, writeSafetensors } from '../../weights/safetensors';
import { testFullDisk } from '../where';

const root = path.join(__dirname, '../..');
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-cli-'));
test.after(() => fs.rmSync(dir, { recursive: true }));

/** The fixture gemma2-gqa with a larger vocabulary, that of the tokenizer beside it. */
test.before(() => {
  const fixture = path.join(__dirname, '../fixtures/gemma2-gqa');
  fs.cpSync(path.join(__dirname, '../fixtures/tokenizer/gemma'), dir, { recursive: true });
  const config = JSON.parse(fs.readFileSync(path.join(fixture, 'config.json'), 'utf8'));
  const vocab = loadTokenizer(dir).vocabSize;
  const text = JSON.stringify({ ...config, vocab_size: vocab });
  fs.writeFileSync(path.join(dir, 'config.json'), text);
  const source = Safetensors.open(path.join(fixture, 'model.safetensors'));
  const tensors: Parameters<typeof writeSafetensors>[1] = {};
  for (const [name, { dtype, shape }] of source.tensors) {
    tensors[name] = { dtype, shape, data: source.readFloat32(name) };
  }
  source.close();
  const random = seededRandom(1);
  const table = Float32Array.from({ length: vocab * 40 }, () => 3 * random() - 1.5);
  tensors['model.embed_tokens.weight'] = { dtype: 'F32', shape: [vocab, 40], data: table };
  writeSafetensors(path.join(dir, 'model.safetensors'), tensors);
});

function cli(words: string[], input = '') {
  const args = ['-r', 'ts-node/register', 'src/cli.ts', ...words];
  const env = { ...process.env, TILLER_BACKEND: 'wasm' };
  return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', input, env });
}

/** What the command should print: prompt and settings through the library. */
async function expected(prompt: string, style: 'chat' | 'raw', sampling = {}) {
  await useBackend('wasm');
  const model = loadModel(dir);
  const tokenizer = loadTokenizer(dir);
  const { stopIds } = tokenizer;
  const ids = tokenizer.encodePrompt(prompt, { style });
  const options = { maxNewTokens: 9, stopIds, ...sampling };
  const [{ tokens }] = await generate(model, [ids], options);
  model.dispose();
  return tokenizer.decode(tokens, { skipSpecialTokens: true });
}

test('generate prints the continuation of the chat prompt, and what it took on stderr', async () => {
  const { stdout, stderr, status } = cli(['generate', dir, 'Hello', 'there', '--max-tokens', '9']);
  assert.is(status, 0, stderr);
  assert.is(stdout.trimEnd(), (await expected('Hello there', 'chat')).trimEnd());
  assert.ok(stdout.trim());
  assert.match(stderr, /^\[\d+ \+ \d+ tokens, .* on wasm, ended /m);
});

test('generate takes raw text from standard input, and samples by seed', async () => {
  const options = '--style raw --max-tokens 9 --temperature 2 --top-p 0.95 --seed 3'.split(' ');
  const { stdout, stderr, status } = cli(['generate', dir, ...options], 'Good morning');
  assert.is(status, 0, stderr);
  const sampling = { temperature: 2, topP: 0.95, seed: 3 };
  assert.is(stdout.trimEnd(), (await expected('Good morning', 'raw', sampling)).trimEnd());
  assert.is.not(stdout.trimEnd(), (await expected('Good morning', 'raw')).trimEnd());
});

const unusable: [string, string[], RegExp][] = [
  ['a style that is none', ['Hi', '--style', 'chta'], /--style is "chta".*Did you mean "chat"/],
  ['no new tokens', ['Hi', '--max-tokens', '0'], /--max-tokens is "0", not a whole number from 1/],
  ['a text for a number', ['Hi', '--temperature', 'hot'], /--temperature is "hot"/],
  ['16 bit on wasm', ['Hi', '--backend', 'wasm', '--dtype', 'float16'], /the wasm .* float32 only/],
  ['a dtype that is none', ['Hi', '--dtype', 'fp16'], /dtype: "fp16" is not one of float32/],
  [
    'a negative number',
    ['Hi', '--temperature', '-1'],
    /--temperature is "-1", not a number from 0/,
  ],
  ['too much mass', ['Hi', '--top-p', '1.5'], /--top-p is "1.5"/],
  ['a repeated option', ['Hi', '--seed', '1', '--seed', '2'], /--seed must be given once/],
  ['an unknown option', ['Hi', '--max-token', '5'], /--max-token.*Did you mean/],
];
for (const [what, words, message] of unusable) {
  test(`unusable: ${what}`, async () => {
    const { error } = console;
    const err: string[] = [];
    console.error = (text: string) => err.push(text);
    const code = await run(['node', 'cli', 'generate', dir, ...words]).finally(() => {
      console.error = error;
    });
    assert.is(code, 2);
    assert.is(err.length, 1);
    assert.match(err[0], message);
  });
}

test('an empty prompt is refused', () => {
  const { status, stderr } = cli(['generate', dir], '\n');
  assert.is(status, 2);
  assert.match(stderr, /^tiller: Give a prompt, as words or on standard input\.\n$/);
});

test('words that begin with a dash go after --', async () => {
  const words = ['generate', dir, '--max-tokens', '9', '--', '- item', '--seed'];
  const { stdout, stderr, status } = cli(words);
  assert.is(status, 0, stderr);
  assert.is(stdout.trimEnd(), (await expected('- item --seed', 'chat')).trimEnd());
});

/** Runs a command line in this process. */
async function runHere(...words: string[]) {
  const { log, error, info } = console;
  let [out, err] = ['', ''];
  console.log = (line: string) => {
    out += `${line}\n`;
  };
  console.info = console.log;
  console.error = (line: string) => {
    err += `${line}\n`;
  };
  try {
    return { code: await run(['node', 'cli', ...words]), out, err };
  } finally {
    Object.assign(console, { log, error, info });
  }
}

test('--help, -h and help say the same; --version says which', async () => {
  const help = await runHere('--help');
  assert.is(help.code, 0);
  for (const name of ['doctor', 'verify', 'generate', 'inspect', 'perplexity', 'help']) {
    assert.match(help.out, new RegExp(`^  ${name} `, 'm'));
  }
  assert.match(help.out, /^ {2}141 /m);
  assert.equal(await runHere('-h'), help);
  assert.equal(await runHere('help'), help);
  const ofOne = await runHere('generate', '--help');
  assert.match(ofOne.out, /--temperature <t>/);
  assert.equal(await runHere('help', 'generate'), ofOne);
  const { version } = require('../../package.json');
  for (const word of ['--version', '-v']) {
    assert.equal(await runHere(word), { code: 0, out: `tiller ${version}\n`, err: '' });
  }
});

test('words that no command can use: one line, code 2', async () => {
  const cases: [string[], RegExp][] = [
    [[], /^tiller: Give a command: doctor, verify, .*--help/],
    [['help', 'verfy'], /No command "verfy".*Did you mean "verify"\?$/],
    [['verify'], /verify needs a <model>\. Usage: npx ts-node src\/cli\.ts verify <model>/],
    [['verify', 'a', 'b'], /verify can't use "b"\. Usage: /],
    [['doctor', '--json'], /doctor has no option --json/],
    [['--verbose'], /tiller has no option --verbose/],
    [['inspect', 'no/such', '--json=1'], /--json takes no value/],
    [['inspect', dir, '-1'], /inspect has no option -1\. .*go last, after " -- "/],
    [['perplexity'], /Give the model that judges/],
    [
      ['perplexity', '--model', 'tiny-gpt2', '/no/such/file'],
      /Can't read \/no\/such\/file: there is/,
    ],
    [['perplexity', '--model', 'tiny-gpt2', dir], /Can't read .*: it is a folder, not a file/],
  ];
  for (const [words, message] of cases) {
    const { code, out, err } = await runHere(...words);
    assert.equal([code, out], [2, ''], words.join(' '));
    assert.match(err, /^tiller: .*\n$/);
    assert.match(err.trimEnd(), message);
  }
});

/** Runs a shell's pipeline; the code is that of the command line. */
function shell(line: string) {
  const command = `${process.execPath} -r ts-node/register src/cli.ts`;
  const script = `${line.replace('tiller', command)}; exit \${PIPESTATUS[0]}`;
  const env = { ...process.env, TILLER_BACKEND: 'wasm' };
  return spawnSync('bash', ['-c', script], { cwd: root, encoding: 'utf8', env });
}

test('a reader that has enough ends the command, quietly', () => {
  const { status, stdout, stderr } = shell(
    `tiller generate ${dir} Hello --temperature 1 --max-tokens 200 | head -c 1`,
  );
  assert.is(status, 141, stderr);
  assert.is(stdout.length, 1);
  assert.is(stderr, '');
});

testFullDisk('a full disk is said, and is no success', () => {
  for (const words of [`generate ${dir} Hello --max-tokens 5`, `inspect ${dir}`]) {
    const { status, stderr } = shell(`tiller ${words} > /dev/full`);
    assert.is(status, 2, stderr);
    assert.match(stderr, /^Can't write to standard output: the disk is full\.$/m);
    assert.not.match(stderr, /\n {4}at /);
  }
});

test('a mistyped command is answered with the right one', () => {
  const { status, stderr } = cli(['verfy', 'x']);
  assert.is(status, 2);
  assert.match(stderr, /Did you mean "verify"\?\n$/);
});

test.run();
