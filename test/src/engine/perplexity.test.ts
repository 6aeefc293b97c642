/** Mean loss per token, against the losses of transformers; and the command that prints it. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { run } from '../../../src/cli';
import type { CausalLM } from '../../../src/engine/model';
import { meanNll, perplexityOf } from '../../../src/engine/perplexity';
import { loadTokenizer } from '../../../src/text/loadTokenizer';
import { InputError } from '../../../src/util/errors';
import { Safetensors, type TensorData, writeSafetensors } from '../../../weights/safetensors';

const fixtures = path.join(__dirname, '../../fixtures');
// Written by fixtures/perplexity/make.py.
const expected = JSON.parse(
  fs.readFileSync(path.join(fixtures, 'perplexity/expected.json'), 'utf8'),
) as { models: Record<string, { ids: number[]; loss: number | null }[]> };
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-perplexity-'));
test.after(() => fs.rmSync(scratch, { recursive: true }));
test.before(async () => {
  await useBackend();
});

function compare(found: (number | null)[], wanted: (number | null)[], tolerance: number) {
  assert.is(found.length, wanted.length);
  found.forEach((value, i) => {
    if (value === null || wanted[i] === null) assert.is(value, wanted[i], `text ${i}`);
    else
      assert.ok(Math.abs(value - wanted[i]) < tolerance, `text ${i}: ${value}, not ${wanted[i]}`);
  });
}

for (const [name, texts] of Object.entries(expected.models)) {
  test(`${name}: the losses of transformers, in batches and pieces of any size`, async () => {
    const model = loadModel(path.join(fixtures, name));
    const before = tf.memory().numTensors;
    const ids = texts.map((text) => text.ids);
    const losses = texts.map((text) => text.loss);
    assert.ok(losses.filter((loss) => loss === null).length === 2 && losses.length > 10);
    for (const options of [{}, { batchSize: 1 }, { batchSize: 64 }, { logitsPerStep: 4000 }]) {
      compare(await meanNll(model, ids, options), losses, 1e-4);
    }
    assert.is(tf.memory().numTensors, before, 'no tensor is left');
    model.dispose();
  });
}

/** A model that says of the next token only that it is drawn from its vocabulary evenly. */
function indifferent(vocabSize: number, seen: number[][]): CausalLM {
  const sizes = { nLayers: 1, dModel: 1, nHeads: 1, kvHeads: 1, headDim: 1, intermediateSize: 1 };
  const config = { ...sizes, vocabSize, maxPositions: 1024 };
  const even = ({ shape: [rows, columns] }: tf.Tensor3D): tf.Tensor3D =>
    tf.fill([rows, columns, vocabSize], 1e4);
  return {
    modelType: 'none',
    config,
    weights: {},
    forward(ids, { cache } = {}) {
      cache?.advance(ids, []);
      seen.push([ids.length, ids[0].length]);
      return tf.fill([ids.length, ids[0].length, vocabSize], 1e4);
    },
    toVocabulary: even,
    readOut: even,
    projectHeads: (_, z) => z,
    dispose: () => {},
  };
}

test('a large vocabulary is judged in pieces, and large logits stay finite', async () => {
  const seen: number[][] = [];
  const model = indifferent(100_000, seen);
  const texts = [Array(300).fill(9), Array(2000).fill(1)];
  const found = await meanNll(model, texts);
  compare(found, [Math.log(100_000), Math.log(100_000)], 1e-3);
  assert.is(
    seen.reduce((sum, [, columns]) => sum + columns, 0),
    1023,
    'the last 1024 tokens',
  );
  assert.ok(seen.every(([rows, columns]) => rows * columns * 100_000 <= 1 << 24));
  seen.length = 0;
  await meanNll(model, texts, { lastTokens: 100, batchSize: 1 });
  assert.equal(seen, [
    [1, 99],
    [1, 99],
  ]);
});

test('nothing to predict is null, not a number', async () => {
  const model = indifferent(10, []);
  assert.equal(await meanNll(model, [[], [4]]), [null, null]);
  assert.equal(await meanNll(model, []), []);
  assert.is(perplexityOf(null), null);
  assert.is(perplexityOf(0), 1);
});

test('logits that are not finite, and options out of range, are errors', async () => {
  const model = indifferent(10, []);
  const broken: CausalLM = {
    ...model,
    forward: (ids) => tf.fill([ids.length, ids[0].length, 10], Number.NaN),
  };
  const failure = async (run: Promise<unknown>) => run.then(String, (error: Error) => error);
  assert.match((await failure(meanNll(broken, [[1, 2]]))) as string, /not finite/);
  for (const options of [{ batchSize: 0 }, { lastTokens: 1 }, { batchSize: 1.5 }]) {
    assert.instance(await failure(meanNll(model, [[1, 2]], options)), InputError);
  }
});

// ── The command ─────────────────────────────────────────────────────────────────────────────────

/** gpt2-bare-masks with the vocabulary of the tokenizer "plain". */
function judge(): string {
  const dir = path.join(scratch, 'judge');
  if (fs.existsSync(dir)) return dir;
  const fixture = path.join(fixtures, 'gpt2-bare-masks');
  fs.cpSync(path.join(fixtures, 'tokenizer/plain'), dir, { recursive: true });
  const vocab = loadTokenizer(dir).vocabSize;
  const config = JSON.parse(fs.readFileSync(path.join(fixture, 'config.json'), 'utf8'));
  fs.writeFileSync(path.join(dir, 'config.json'), JSON.stringify({ ...config, vocab_size: vocab }));
  const source = Safetensors.open(path.join(fixture, 'model.safetensors'));
  const tensors: Record<string, TensorData> = {};
  for (const [name, { dtype, shape }] of source.tensors) {
    tensors[name] = { dtype, shape, data: source.readBytes(name) };
  }
  source.close();
  const table = Float32Array.from({ length: vocab * 36 }, (_, i) => Math.sin(i * i));
  tensors['wte.weight'] = { dtype: 'F32', shape: [vocab, 36], data: table };
  writeSafetensors(path.join(dir, 'model.safetensors'), tensors);
  return dir;
}

async function tiller(...words: string[]) {
  const { log, error } = console;
  const out: string[] = [];
  const err: string[] = [];
  console.log = (line: string) => out.push(line);
  console.error = (line: string) => err.push(line);
  try {
    const code = await run(['node', 'cli', 'perplexity', ...words]);
    return { code, out: out.join('\n'), err: err.join('\n') };
  } finally {
    Object.assign(console, { log, error });
  }
}

function written(name: string, text: string): string {
  const file = path.join(scratch, name);
  fs.writeFileSync(file, text);
  return file;
}

test('the command judges files, or lines, by the tokens of the model itself', async () => {
  const texts = [
    'Bees make honey.',
    '',
    'Why do leaves turn red? The green fades first. '.repeat(3),
  ];
  const files = texts.map((text, i) => written(`${i}.txt`, `${text}\n`));
  const model = loadModel(judge());
  const tokenizer = loadTokenizer(judge());
  const ids = texts.map((text) => tokenizer.encode(text));
  const losses = await meanNll(model, ids);
  model.dispose();
  assert.ok(ids[2].length > 32, 'longer than the context');
  const wanted = files.map((text, i) => ({
    text,
    tokens: ids[i].length,
    judged: Math.min(32, ids[i].length),
    nll: losses[i],
    perplexity: losses[i] === null ? null : Math.exp(losses[i]),
  }));
  const asJson = await tiller('--model', judge(), ...files, '--json');
  assert.is(asJson.code, 0, asJson.err);
  assert.equal(JSON.parse(asJson.out).texts, wanted);

  const all = written('all.txt', `${texts.join('\n')}\n`);
  const lines = JSON.parse((await tiller('--model', judge(), '--lines', all, '--json')).out).texts;
  compare(
    lines.map(({ nll }: { nll: number }) => nll),
    losses,
    1e-5,
  );
  assert.is(lines[2].text, `${all}:3`);

  const table = (await tiller('--model', judge(), ...files)).out.split('\n');
  assert.match(
    table[2],
    new RegExp(`^${files[0]} +${ids[0].length} .* ${wanted[0].perplexity?.toFixed(2)}$`),
  );
  assert.match(table[3], / 0 +0 +– +–$/);
});

const unusable: [string, () => string[], RegExp][] = [
  ['no model', () => [written('a.txt', 'a')], /Give the model that judges: --model <model>/],
  ['no such folder', () => ['--model', 'no/such', written('a.txt', 'a')], /no\/such/],
  ['no such file', () => ['--model', judge(), 'gone.txt'], /gone\.txt/],
  [
    'one last token',
    () => ['--model', judge(), '--last-tokens', '1'],
    /--last-tokens is "1", not a/,
  ],
  ['an unknown option', () => ['--model', judge(), '--line'], /--line\b.*Did you mean "lines"/],
];
for (const [what, words, message] of unusable) {
  test(`unusable: ${what}`, async () => {
    const { code, out, err } = await tiller(...words());
    assert.match(err, message);
    assert.is(err.split('\n').length, 1, err);
    assert.equal([code, out], [2, '']);
  });
}

test.run();
