/** The command line of ifeval/: files as the official evaluation reads and writes them. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { main } from '../../ifeval/cli';
import { testFullDisk } from '../where';

const root = path.join(__dirname, '../..');
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-ifeval-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

const inputs = path.join(temp, 'input.jsonl');
const responses = path.join(temp, 'responses.jsonl');

type Line = object | string;
const write = (file: string, lines: Line[]) =>
  fs.writeFileSync(
    file,
    lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''),
  );

let runs = 0;
/** Runs the command line in this process, or for real. */
function run(flags: string[] = [], inProcess = true) {
  const folder = path.join(temp, `out${runs++}`, 'deeper');
  const files = ['--input_data', inputs, '--input_response_data', responses];
  const args = [...files, '--output_dir', folder, ...flags];
  const { status, stdout, stderr } = inProcess ? runHere(args) : runScript(args);
  const read = (mode: string) => {
    const file = path.join(folder, `eval_results_${mode}.jsonl`);
    if (!fs.existsSync(file)) return undefined;
    return fs
      .readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  };
  return { status, stdout, stderr, strict: read('strict'), loose: read('loose') };
}

function runScript(args: string[]) {
  const script = ['-r', 'ts-node/register', 'ifeval/cli.ts', ...args];
  return spawnSync(process.execPath, script, { cwd: root, encoding: 'utf8' });
}

function runHere(args: string[]) {
  const { log, error } = console;
  const out: string[] = [];
  const err: string[] = [];
  console.log = (line) => out.push(`${line}\n`);
  console.error = (line) => err.push(`${line}\n`);
  try {
    const status = main(args);
    return { status, stdout: out.join(''), stderr: err.join('') };
  } finally {
    Object.assign(console, { log, error });
  }
}

const row = (key: number, prompt: string, ids: string[], kwargs: unknown[]) => ({
  key,
  prompt,
  instruction_id_list: ids,
  kwargs,
});
const good = [
  row(1, 'One', ['punctuation:no_comma', 'keywords:existence'], [{}, { keywords: ['cat', 'dog'] }]),
  row(2, 'Two', ['punctuation:no_comma'], [{ keywords: null }]),
  row(3, 'Three', ['keywords:forbidden_words'], [{ forbidden_words: ['cat'] }]),
];
const answers = [
  { prompt: 'Three', response: 'A cat.' },
  { prompt: 'One', response: 'A cat and a dog.' },
  { prompt: 'Two', response: 'Well, yes:\nNo commas here.' },
];

test('results have the official fields, in the order of the input', () => {
  write(inputs, good);
  write(responses, answers);
  const { status, strict, loose, stderr, stdout } = run([], false);
  assert.is(status, 0, stderr);
  assert.equal(
    strict!.map(({ evidence, ...official }) => official),
    [
      {
        follow_all_instructions: true,
        follow_instruction_list: [true, true],
        instruction_id_list: ['punctuation:no_comma', 'keywords:existence'],
        prompt: 'One',
        response: 'A cat and a dog.',
      },
      {
        follow_all_instructions: false,
        follow_instruction_list: [false],
        instruction_id_list: ['punctuation:no_comma'],
        prompt: 'Two',
        response: 'Well, yes:\nNo commas here.',
      },
      {
        follow_all_instructions: false,
        follow_instruction_list: [false],
        instruction_id_list: ['keywords:forbidden_words'],
        prompt: 'Three',
        response: 'A cat.',
      },
    ],
  );
  assert.equal(
    loose!.map((result) => result.follow_all_instructions),
    [true, true, false],
  );
  for (const { evidence, instruction_id_list: ids } of [...strict!, ...loose!]) {
    assert.is(evidence.length, ids.length);
    for (const line of evidence) assert.match(line, /^[^\n]+$/);
  }
  // 1 of 3 prompts and 2 of 4 instructions; loosely 2 of 3 and 3 of 4.
  assert.match(stdout, /prompt-level +33\.3 % +1\/3 +66\.7 % +2\/3/);
  assert.match(stdout, /instruction-level +50\.0 % +2\/4 +75\.0 % +3\/4/);
  assert.match(stdout, /^keywords +50\.0 % +1\/2/m);
  assert.match(stdout, /^keywords:existence +100\.0 % +1\/1/m);
  assert.match(stdout, /^punctuation:no_comma +50\.0 % +1\/2 +100\.0 % +2\/2/m);
});

test('the same input gives the same bytes', () => {
  const [first, second] = [run(), run()];
  assert.equal(first.strict, second.strict);
  assert.equal(first.loose, second.loose);
  assert.is(first.stdout, second.stdout);
});

const bad: [Line, string][] = [
  ['{"key": 4,', '2: broken JSON'],
  ['[]', '3: not a JSON object'],
  [row(6, 'One', ['keywords:presence'], [{}]), '4: unknown instruction id "keywords:presence"'],
  [row(7, 'One', ['keywords:existence'], [{}]), '5: keywords:existence: keywords is missing'],
  [
    row(8, 'One', ['length_constraints:number_words'], [{ num_words: '5', relation: 'at least' }]),
    '6: length_constraints:number_words: num_words must be a whole number, 0 or more, not "5"',
  ],
  [
    row(9, 'One', ['length_constraints:number_words'], [{ num_words: 5, relation: 'at most' }]),
    '7: length_constraints:number_words: relation must be "less than" or "at least", not "at most"',
  ],
  [row(10, 'Ten', ['punctuation:no_comma'], [{}]), '8: no response to this prompt'],
  [row(11, 'One', ['punctuation:no_comma'], []), '9: kwargs must be a list of 1'],
  [
    row(12, 'One', ['punctuation:no_comma'], [{ letter: 'a' }]),
    '10: punctuation:no_comma: takes no',
  ],
  [{ key: 13, instruction_id_list: [], kwargs: [] }, '11: instruction_id_list must be a list'],
];

test('bad rows are all named with file and line, and nothing is written', () => {
  write(inputs, [good[0], ...bad.map(([line]) => line)]);
  write(responses, [...answers, 'nonsense', { prompt: 'Four' }]);
  const { status, stdout, stderr, strict } = run();
  assert.is(status, 2);
  for (const [, message] of bad) assert.ok(stderr.includes(`${inputs}:${message}`), message);
  assert.ok(stderr.includes(`${responses}:4: broken JSON`));
  assert.ok(stderr.includes(`${responses}:5: response must be a text`));
  assert.ok(stderr.includes('12 bad rows'), stderr);
  assert.is(stdout, '');
  assert.is(strict, undefined);
});

test('--skip-bad evaluates the rest, and counts what it left out', () => {
  const { status, stdout, strict, loose } = run(['--skip-bad']);
  assert.is(status, 0);
  assert.equal([strict!.length, loose!.length], [1, 1]);
  assert.match(stdout, /12 bad rows skipped, 1 evaluated/);
});

test('a byte order mark is no part of the text; bytes that are no text are refused', () => {
  write(inputs, good);
  fs.writeFileSync(responses, '\ufeff');
  for (const line of answers) fs.appendFileSync(responses, `${JSON.stringify(line)}\n`);
  assert.is(run().status, 0);
  fs.writeFileSync(responses, Buffer.from('{"prompt": "One", "response": "caf\xe9"}\n', 'latin1'));
  const { status, stderr, strict } = run();
  assert.is(status, 2);
  assert.match(stderr, /^Can't read .*responses\.jsonl: .*not valid.* utf-8\n$/);
  assert.is(strict, undefined);
});

test('flags and files that are not there end with code 2 and a line', () => {
  fs.rmSync(responses);
  const missing = run();
  assert.is(missing.status, 2);
  assert.match(missing.stderr, /^Can't read .*responses\.jsonl/);
  assert.not.match(missing.stderr, /\n {4}at /);
  const unknown = run(['--fast'], false);
  assert.is(unknown.status, 2);
  assert.match(unknown.stderr, /--fast/);
  assert.not.match(unknown.stderr, /\n {4}at /);
  write(responses, answers);
});

function refused(folder: string, message: RegExp) {
  const files = ['--input_data', inputs, '--input_response_data', responses];
  const { status, stdout, stderr } = runHere([...files, '--output_dir', folder]);
  assert.is(status, 2);
  assert.match(stderr, message);
  assert.is(stderr.split('\n').length, 2, 'one line');
  assert.is(stdout, '');
}

test('results that cannot be written end with code 2 and a line', () => {
  write(inputs, good);
  const file = path.join(temp, 'a-file');
  fs.writeFileSync(file, '');
  refused(path.join(file, 'results'), /^Can't write the results: .*not a directory/);
  refused(file, /^Can't write the results: .*already exists/);
  refused(path.join(temp, 'n'.repeat(300)), /^Can't write the results: .*name too long/);
});

testFullDisk('results on a full disk: both files or none', () => {
  const folder = path.join(temp, 'full');
  fs.mkdirSync(folder);
  fs.symlinkSync('/dev/full', path.join(folder, 'eval_results_loose.jsonl.tmp'));
  const args = ['--input_data', inputs, '--input_response_data', responses, '--output_dir', folder];
  const { status, stderr } = runHere(args);
  assert.is(status, 2);
  assert.match(stderr, /^Can't write the results: .*no space left/);
  assert.equal(fs.readdirSync(folder), []);
});

/** Runs a shell's line; the exit code is that of its first program. */
function shell(rest: string) {
  const files = `--input_data ${inputs} --input_response_data ${responses}`;
  const command = `${process.execPath} -r ts-node/register ifeval/cli.ts ${files}`;
  const line = `${command} --output_dir ${temp}/piped ${rest}; exit \${PIPESTATUS[0]}`;
  return spawnSync('bash', ['-c', line], { cwd: root, encoding: 'utf8' });
}

test('nobody reads the output: the end, without a word', () => {
  const { status, stderr } = shell('| true');
  assert.equal([status, stderr], [141, '']);
});

testFullDisk('the output on a full disk: a line and code 2', () => {
  const { status, stderr } = shell('> /dev/full');
  assert.is(status, 2);
  assert.match(stderr, /^Can't write the output: .*no space left.*\n$/);
});

test.run();
