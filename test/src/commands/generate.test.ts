/** `generate`: where prompts come from, samples, steering, comparing, tracing, and what is written. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  directionFromPairs,
  generateText,
  type LanguageModel,
  loadVectors,
  openModel,
  residPost,
  runWithCache,
  Steering,
  saveVectors,
  steer,
} from '../../../src';
import { sideBySide } from '../../../src/commands/generate/columns';
import { runHere } from './runHere';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-generate-'));
const place = (name: string, content = '') => {
  const file = path.join(dir, name);
  if (content) fs.writeFileSync(file, content);
  return file;
};
const MAX = ['--max-tokens', '20'];
const ROSES = 'How do I grow roses?';
const CHESS = 'How can I learn chess?';
const vectors = place('lower.safetensors');
let lm: LanguageModel;

test.before(async () => {
  lm = await openModel('tiny-gemma2');
  const texts = ['tomatoes', 'apples', 'beans'].map((topic) => `How do I grow ${topic}?`);
  const pairs = texts.map((text) => ({ positive: `${text} Answer in lowercase.`, negative: text }));
  saveVectors(vectors, await directionFromPairs(lm, pairs, { name: 'lower' }));
});
test.after(() => {
  lm.dispose();
  fs.rmSync(dir, { recursive: true });
});

const generate = (...words: string[]) => runHere(['generate', 'tiny-gemma2', ...words, ...MAX]);
const plain = async (prompts: string[], options: object = {}) =>
  (await generateText(lm, prompts, { maxNewTokens: 20, ...options })).map(({ text }) => text);
const jsonl = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .sort((a, b) => a.index - b.index || a.sample - b.sample || a.steered - b.steered);

test('prompts of a file, each with what else its line holds; memory is as before', async () => {
  await generate(ROSES);
  const before = tf.memory().numTensors;
  const lines = [{ prompt: ROSES, key: 7 }, { messages: [{ role: 'user', content: CHESS }] }];
  const file = place(
    'prompts.jsonl',
    `${lines.map((line) => JSON.stringify(line)).join('\n')}\n\n`,
  );
  const { code, out, err } = await generate('--prompts', file, '--jsonl');
  assert.is(code, 0, err);
  const answers = jsonl(out);
  assert.equal(
    answers.map(({ text }) => text),
    await plain([ROSES, CHESS]),
  );
  assert.equal(answers[0].row, { key: 7 });
  assert.equal(answers[1].messages, lines[1].messages);
  assert.equal([answers[0].stopped, answers[0].tokens, answers[0].steered], ['length', 20, false]);
  assert.is(answers[0].prompt_tokens, lm.encode(ROSES).length);
  assert.is(tf.memory().numTensors, before);

  const text = place('prompts.txt', `${ROSES}\n\n${CHESS}\n`);
  const shown = await generate('--prompts', text);
  const [a, b] = await plain([ROSES, CHESS]);
  assert.is(shown.out, `[1/2] ${ROSES}\n${a}\n\n[2/2] ${CHESS}\n${b}\n`);
  assert.match(shown.err, /\[2 answers, 40 tokens, .* s on \w+\]\n$/);
});

test('samples have seeds of their own, whatever else is asked for', async () => {
  const file = place('two.txt', `${CHESS}\n${ROSES}\n`);
  const drawn = ['--temperature', '1.5', '--seed', '3'];
  const many = await generate('--prompts', file, '--n', '3', ...drawn, '--json');
  assert.is(many.code, 0, many.err);
  const { answers, model } = JSON.parse(many.out);
  assert.is(model, 'tiny-gemma2');
  assert.equal(
    answers.map(({ index, seed }: { index: number; seed: number }) => [index, seed]),
    [0, 1].flatMap((index) => [3, 4, 5].map((seed) => [index, seed])),
  );
  const alone = await generate(ROSES, '--temperature', '1.5', '--seed', '4');
  assert.is(alone.out.trimEnd(), answers[4].text);
  assert.is(new Set(answers.slice(3).map(({ text }: { text: string }) => text)).size, 3);
});

test('conversations, as one file or one a line', async () => {
  const turns = [
    { role: 'user', content: ROSES },
    { role: 'assistant', content: 'Roses need light.' },
    { role: 'user', content: CHESS },
  ];
  const [{ text }] = await generateText(lm, [turns], { maxNewTokens: 20 });
  const one = await generate('--messages', place('one.json', JSON.stringify(turns, null, 1)));
  assert.is(one.out, `${text}\n`, one.err);
  const line = JSON.stringify({ messages: turns });
  const two = await generate('--messages', place('two.jsonl', `${line}\n${line}\n`), '--jsonl');
  assert.equal(
    jsonl(two.out).map((answer) => answer.text),
    [text, text],
    two.err,
  );
});

test('a steered answer, alone and beside the unsteered one', async () => {
  const given = `${vectors}@1*1.5x:prompt`;
  const edit = steer(loadVectors(vectors), { layer: 1, weight: '1.5x', positions: 'prompt' });
  const [[unsteered], [steered]] = [await plain([ROSES]), await plain([ROSES], { edits: [edit] })];
  assert.is.not(steered, unsteered);
  assert.is((await generate(ROSES, '--steer', given)).out, `${steered}\n`);
  // Twice 0.75 is 1.5.
  const half = `${vectors}:lower@1*0.75x:prompt`;
  assert.is((await generate(ROSES, '--steer', half, '--steer', half)).out, `${steered}\n`);

  const both = await generate(ROSES, '--steer', given, '--compare', '--json');
  const { answers, steering } = JSON.parse(both.out);
  assert.equal(
    answers.map((answer: { text: string }) => answer.text),
    [unsteered, steered],
  );
  const [said] = steering;
  assert.equal(
    [said.file, said.layer, said.kind, said.weight],
    [vectors, 1, 'add', edit.kind === 'add' && edit.weight],
  );
  const shown = await generate(ROSES, '--steer', given, '--compare');
  const rows = shown.out.trimEnd().split('\n');
  assert.ok(rows.every((row) => row.length <= 80));
  assert.match(rows[0], /^unsteered +│ lower\.safetensors@1\*1\.5x:prompt$/);
  const column = (at: number) => rows.slice(2).map((row) => (row.split(' │ ')[at] ?? '').trim());
  assert.equal(
    [0, 1].map((at) => column(at).join(' ').trim()),
    [unsteered, steered],
  );
});

test('side by side: widths, long words, line breaks, narrow terminals', () => {
  const [left, right] = [
    { title: 'a', text: `one two\n${'x'.repeat(50)}` },
    { title: 'b', text: 'three' },
  ];
  for (const width of [60, 61, 80, 120]) {
    const half = Math.floor((width - 3) / 2);
    const lines = sideBySide(left, right, width).split('\n');
    assert.ok(lines.every((line) => line.length <= width));
    assert.is(lines[2], `${'one two'.padEnd(half)} │ three`);
    assert.is(lines.slice(3).join('').match(/x/g)!.length, 50);
  }
  assert.is(sideBySide(left, right, 55), `── a\none two\n${'x'.repeat(50)}\n── b\nthree`);
});

test('a trace has what the tensors hold', async () => {
  const steering = ['--steer', `${vectors}@1*1.5x`, '--steer', `${vectors}@4:project:last`];
  const { code, out, err } = await generate(ROSES, ...steering, '--trace', '--json');
  assert.is(code, 0, err);
  const [{ trace, tokens, prompt_tokens: read }] = JSON.parse(out).answers;
  assert.equal(trace.problems, []);
  assert.is(trace.tokens.length, read + tokens);
  const file = loadVectors(vectors);
  const edits = [
    steer(file, { layer: 1, weight: '1.5x' }),
    steer(file, { layer: 4, kind: 'project', positions: 'last' }),
  ];
  const prompt = lm.encode(ROSES);
  const values = (x: tf.Tensor) => x.dataSync() as Float32Array;
  tf.tidy(() => {
    const steered = runWithCache(lm.model, [prompt], { edits: [edits], names: () => true });
    const unsteered = runWithCache(lm.model, [prompt]);
    const last = prompt.length - 1;
    for (const [i, { layer, vector }] of edits.entries()) {
      const post = values(steered.cache.get(residPost(layer))!);
      const h = post.slice(last * vector.length, (last + 1) * vector.length);
      const along = h.reduce((sum, x, j) => sum + x * vector[j], 0);
      const traced = trace.tokens[last].edits[i];
      assert.ok(Math.abs(traced.after - along) < 1e-3, `${traced.after} ${along}`);
      assert.ok(Math.abs(traced.norm - Math.hypot(...h)) < 1e-2);
    }
    // At layer 1 nothing was steered below: the projection before is that of the unsteered model.
    const h = values(unsteered.cache.get(residPost(1))!).slice(last * 192, (last + 1) * 192);
    const before = h.reduce((sum, x, j) => sum + x * edits[0].vector[j], 0);
    assert.ok(Math.abs(trace.tokens[last].edits[0].before - before) < 1e-3);
    const [p, q] = [steered, unsteered].map(({ logits }) =>
      tf.softmax(tf.squeeze(tf.slice(logits, [0, last], [1, 1]), [0, 1])),
    );
    const kl = values(tf.sum(tf.mul(p, tf.log(tf.div(p, q)))))[0];
    assert.ok(Math.abs(trace.tokens[last].kl - kl) < 1e-3 * kl, `${trace.tokens[last].kl} ${kl}`);
  });
  assert.equal(
    trace.tokens.map(({ edits: [, at] }: { edits: { acts: boolean }[] }) => at.acts).indexOf(true),
    prompt.length - 1,
  );
  const shown = await generate(ROSES, ...steering, '--trace');
  assert.match(shown.out, /^token +layer 1 \(1\): h·u +steered +\|h\| +layer 4/m);
  assert.match(shown.out, /^Answer$/m);
});

test('a trace fails where the edit that acted is another, or none', async () => {
  const words = [ROSES, '--steer', `${vectors}@1*1.5x`, '--trace', '--jsonl'];
  const { at } = Steering.prototype;
  const broken = async (change: (h: tf.Tensor3D, steered: tf.Tensor3D) => tf.Tensor3D) => {
    Steering.prototype.at = function (columns) {
      const real = at.call(this, columns);
      return { recordable: null, apply: (layer, h) => change(h, real.apply(layer, h)) };
    };
    return generate(...words).finally(() => {
      Steering.prototype.at = at;
    });
  };
  const said = /The edits that were asked for are not those that acted\. At layer 1, token 0/;
  const none = await broken((h) => h);
  assert.is(none.code, 1);
  assert.match(none.err, said);
  // One per cent too strong, and one token late.
  assert.match((await broken((h, x) => tf.add(x, tf.mul(0.01, tf.sub(x, h))))).err, said);
  const zero = await generate(ROSES, '--steer', `${vectors}@1*0`, '--trace');
  assert.is(zero.code, 1);
  assert.match(zero.err, /No edit changed anything at any token/);

  // Right while the answer is traced, but not while it was written.
  Steering.prototype.at = function (columns) {
    const real = at.call(this, columns);
    const writing = columns.length === 1 && columns.start > 0;
    return writing ? { recordable: null, apply: (_, h) => h } : real;
  };
  const late = await generate(...words).finally(() => {
    Steering.prototype.at = at;
  });
  assert.is(late.code, 1, late.out);
  assert.match(late.err, /Token \d+ of the answer is not what the model with these edits/);
});

test('a file of answers: by its ending, never over another one', async () => {
  const file = place('answers.jsonl');
  const done = await generate(ROSES, '--out', file);
  assert.equal([done.code, done.out], [0, ''], done.err);
  const [text] = await plain([ROSES]);
  assert.is(jsonl(fs.readFileSync(file, 'utf8'))[0].text, text);
  const again = await generate(ROSES, '--out', file);
  assert.is(again.code, 2);
  assert.match(again.err, /answers\.jsonl is there already: --force replaces it/);
  assert.is((await generate(CHESS, '--out', file, '--force')).code, 0);
  assert.is(jsonl(fs.readFileSync(file, 'utf8')).length, 1);
  const whole = place('deep/answers.json');
  await generate(ROSES, '--out', whole);
  assert.is(JSON.parse(fs.readFileSync(whole, 'utf8')).answers[0].text, text);
  const words = place('answers.txt');
  await generate(ROSES, '--out', words);
  assert.is(fs.readFileSync(words, 'utf8'), `${text}\n`);
});

const typo = place('typo.jsonl', '{"prompt": "a", "sytem": "b"}');
const both = place('both.jsonl', '{"prompt": "a", "messages": []}');
const broken = place('broken.jsonl', '{"prompt": "a"}\n{');
const role = place('role.json', '[{"role": "usr", "content": "a"}]');
const empty = place('empty.txt', '\n');
const other = place('other.json', '{"mesages": []}');
const unusable: [string[], RegExp][] = [
  [['Hi', '--prompts', typo], /Prompts come from words and from --prompts: give one/],
  [['--prompts', typo], /typo\.jsonl:1: there is no "sytem"\. Did you mean "system"/],
  [['--prompts', both], /both\.jsonl:1 must hold "prompt", a text, or "messages", one of them/],
  [['--prompts', broken], /broken\.jsonl:2 is not JSON: \{/],
  [['--prompts', empty], /empty\.txt holds no prompts/],
  [['--prompts', place('none.txt')], /Can't read .*none\.txt: there is no such file/],
  [
    ['--prompts', typo, '--lines'],
    /--lines is for standard input; here prompts come from --prompts/,
  ],
  [['--messages', role], /role\.json\[0\]\.role is "usr"; roles are .*Did you mean "user"/],
  [['--messages', other], /no "mesages" beside "messages"\. Did you mean/],
  [['Hi', '--system', 'Be kind.'], /takes no system prompt/],
  [['Hi', '--n', '2'], /--n asks for several samples; at --temperature 0/],
  [['Hi', '--compare'], /--compare is of steering: give --steer/],
  [['Hi', '--trace'], /--trace is of steering/],
  [['Hi', '--json', '--jsonl'], /--json or --jsonl, not both/],
  [['Hi', '--steer', 'no/such@3*1x'], /there is no no\/such\./],
  [['Hi', '--steer', `${vectors}@1`], /lower\.safetensors: .*needs a weight/],
  [['Hi', '--steer', vectors], /no search .* "lower".*lower\.safetensors@3\*1x .*vector search/],
  [['Hi', '--steer', `${vectors}:upper@1*1x`], /no vector "upper"/],
  [['Hi', '--steer', `${vectors}@9*1x`], /no vector for layer 9/],
  [['Hi', '--steer', typo], /typo\.jsonl/],
  [['Hi', '--out', dir], /is a folder/],
];
for (const [words, message] of unusable) {
  test(`unusable: ${words.join(' ').replaceAll(dir, '')}`, async () => {
    const { code, out, err } = await generate(...words);
    assert.equal([code, out], [2, ''], err);
    assert.match(err, message);
  });
}

test('vectors of another model are refused, or taken with --any-model', async () => {
  const words = [ROSES, '--steer', `${vectors}@1*1x`, ...MAX];
  const refused = await runHere(['generate', 'tiny-gemma2-base', ...words]);
  assert.is(refused.code, 2);
  assert.match(refused.err, /made with tiny-gemma2 \(\w{16}\); this is tiny-gemma2-base/);
  const taken = await runHere(['generate', 'tiny-gemma2-base', ...words, '--any-model']);
  assert.is(taken.code, 0, taken.err);
  const narrow = await runHere(['generate', 'tiny-gpt2', ...words, '--style', 'raw']);
  assert.match(narrow.err, /vectors of tiny-gemma2 have 192 numbers; .* tiny-gpt2 has \d+/);
});

test.run();
