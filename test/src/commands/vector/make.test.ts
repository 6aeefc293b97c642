/** `vector make`: pairs from every kind of file, the vector against the library's, what is refused. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { directionFromPairs, loadVectors, openModel } from '../../../../src';
import { runHere } from '../runHere';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-make-'));
test.after(() => fs.rmSync(dir, { recursive: true }));
const place = (name: string, content = '') => {
  const file = path.join(dir, name);
  if (content) fs.writeFileSync(file, content);
  return file;
};
const make = (...words: string[]) =>
  runHere(['vector', 'make', ...words, '--model', 'tiny-gemma2']);

const prompts = ['How do I grow roses?', 'How can I learn "chess", really?'];
const instruction = 'Answer in lowercase.';
const pairs = prompts.map((prompt) => ({ positive: `${prompt} ${instruction}`, negative: prompt }));
const lines = (rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('\n');
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

const files: [string, string[]][] = [
  ['JSONL of texts', [place('a.jsonl', lines(pairs))]],
  [
    'JSONL of instructions',
    [place('b.jsonl', lines(prompts.map((prompt) => ({ prompt, instruction }))))],
  ],
  [
    'CSV',
    [
      place(
        'c.csv',
        `\ufeffnegative,positive\r\n${pairs.map((pair) => `${quoted(pair.negative)},${quoted(pair.positive)}\r\n`).join('')}`,
      ),
    ],
  ],
  [
    'two files of lines',
    [
      ...['--positive', place('p.txt', `${pairs.map(({ positive }) => positive).join('\n')}\n`)],
      ...['--negative', place('n.txt', `${prompts.join('\r\n')}\r\n\n`)],
    ],
  ],
];

test('every kind of file gives the vector of its pairs, and leaves no tensors', async () => {
  const lm = await openModel('tiny-gemma2');
  const options = { name: 'low', layers: [0, 2, 3], style: 'raw' as const };
  const wanted = (await directionFromPairs(lm, pairs, options)).directions.get('low')!;
  lm.dispose();
  const before = tf.memory().numTensors;
  for (const [kind, words] of files) {
    const out = place(`${kind}.safetensors`);
    const rest = ['--name', 'low', '--layers', '0,2-3', '--style', 'raw', '--out', out];
    const { code, out: said, err } = await make(...words, ...rest);
    assert.is(code, 0, err);
    assert.is(tf.memory().numTensors, before);
    const { directions, layers, provenance } = loadVectors(out);
    assert.equal(layers, [0, 2, 3]);
    assert.equal(directions.get('low')!.unit, wanted.unit, kind);
    assert.is(provenance.prompt_style, 'raw');
    assert.match(said, /^layer +norm +of \|h\| +separation +held out$/m);
    assert.match(said, new RegExp(`^ +2 +${wanted.norm[1].toFixed(2)} `, 'm'));
    assert.match(said, /Next, .* vector search .*\.safetensors --model tiny-gemma2 --eval/);
  }
});

test('the separation is of the projections, and --json says the same', async () => {
  const out = place('json.safetensors');
  const { out: said, err } = await make(files[0][1][0], '--out', out, '--json', '--layers', '1');
  const { name, pairs: count, layers } = JSON.parse(said || err);
  assert.equal([name, count, layers.length], ['json', 2, 1]);
  const direction = loadVectors(out).directions.get('json')!;
  assert.ok(Math.abs(layers[0].norm - direction.norm[0]) < 1e-6);
  assert.ok(layers[0].separation > 1 && layers[0].separation < 1000);
  // The file is there: it is replaced with --force alone.
  const again = await make(files[0][1][0], '--out', out);
  assert.is(again.code, 2);
  assert.match(again.err, /json\.safetensors is there already: --force replaces it/);
  assert.is((await make(files[0][1][0], '--out', out, '--force')).code, 0);
});

test('methods, what is read, and a background are those of the library', async () => {
  const texts = ['Hello there.', 'One more.'];
  const out = place('centred.safetensors');
  const how = ['--method', 'mean_centered', '--read', 'mean', '--layers', '2'];
  const behind = ['--background', place('others.txt', `${texts.join('\n')}\n`)];
  const { code, err } = await make(files[0][1][0], '--out', out, ...how, ...behind);
  assert.is(code, 0, err);
  const lm = await openModel('tiny-gemma2');
  const options = { method: 'mean_centered', positions: 'mean', background: texts } as const;
  const wanted = await directionFromPairs(lm, pairs, { ...options, layers: [2] });
  lm.dispose();
  const { directions, provenance } = loadVectors(out);
  assert.equal(directions.get('centred')!.unit, wanted.directions.get('vector')!.unit);
  assert.equal([provenance.method, provenance.positions], ['mean_centered', 'mean']);
});

const OUT = ['--out', path.join(dir, 'none.safetensors')];
const jsonl = (name: string, ...rows: object[]) => place(`${name}.jsonl`, lines(rows));
const good = files[0][1][0];
const unusable: [string[], RegExp][] = [
  [OUT, /Give a file of pairs, or --positive and --negative/],
  [[good], /Give the file that the vector goes to: --out <out>/],
  [[good, '--out', 'x.bin'], /a vector file ends in \.safetensors/],
  [[good, '--positive', 'a', ...OUT], /Pairs come from .*a\.jsonl, or from --positive/],
  [[good, ...OUT, '--method', 'pca_dif'], /--method is "pca_dif".*Did you mean "pca_diff"/],
  [[good, ...OUT, '--read', 'all'], /--read is "all", not one of last, mean/],
  [[good, ...OUT, '--background', good], /--background is for --method mean_centered/],
  [['--positive', good, ...OUT], /give both --positive and --negative/],
  [[place('no.jsonl'), ...OUT], /Can't read .*no\.jsonl/],
  [[place('blank.jsonl', '\n'), ...OUT], /blank\.jsonl holds no pairs/],
  [
    [jsonl('typo', { positve: 'a', negative: 'b' }), ...OUT],
    /typo\.jsonl:1: there is no "positve".*Did you mean "positive"/,
  ],
  [[jsonl('half', { positive: 'a' }), ...OUT], /half\.jsonl:1 holds positive: a pair has/],
  [
    [jsonl('mixed', { positive: 'a', prompt: 'b' }), ...OUT],
    /mixed\.jsonl:1 holds positive, prompt/,
  ],
  [[jsonl('number', { positive: 3, negative: 'b' }), ...OUT], /:1: "positive" is 3, not a text/],
  [[jsonl('empty', { positive: 'a', negative: ' ' }), ...OUT], /:1: "negative" is empty/],
  [
    [jsonl('same', pairs[0], { positive: 'a', negative: 'a' }), ...OUT],
    /same\.jsonl:3: the two texts of the pair are the same/,
  ],
  [
    [jsonl('twice', pairs[0], pairs[1], pairs[0]), ...OUT],
    /twice\.jsonl:5 is the pair of .*twice\.jsonl:1 once more/,
  ],
  [[place('bad.jsonl', '{"positive": '), ...OUT], /bad\.jsonl:1 is not JSON/],
  [
    [place('head.csv', 'positive,negativ\na,b\n'), ...OUT],
    /head\.csv:2: there is no "negativ".*Did you mean/,
  ],
  [[place('ragged.csv', 'positive,negative\na,b,c\n'), ...OUT], /ragged\.csv is not CSV: .*line 2/],
  [
    ['--positive', place('3.txt', 'a\nb\nc\n'), '--negative', place('2.txt', 'd\ne\n'), ...OUT],
    /3\.txt has 3 lines, .*2\.txt 2/,
  ],
  [
    ['--positive', place('gap.txt', 'a\n\nc\n'), '--negative', place('2.txt'), ...OUT],
    /gap\.txt:2 is empty/,
  ],
  [[good, '--layers', '9', ...OUT], /--layers has 9: the model has layers 0 to 5/],
  [[good, '--layers', '3-1', ...OUT], /3-1 runs backwards/],
  [[good, '--layers', '1,1', ...OUT], /a layer is there twice/],
  [[good, '--layers', 'all', ...OUT], /must be layers and ranges of them, such as 0-5,7/],
  [[good, '--style', 'chta', ...OUT], /--style is "chta".*Did you mean "chat"/],
];
for (const [words, message] of unusable) {
  test(`unusable: ${words.join(' ').replaceAll(dir, '')}`, async () => {
    const { code, out, err } = await make(...words);
    assert.equal([code, out], [2, ''], err);
    assert.match(err, message);
    assert.not(fs.existsSync(OUT[1]));
  });
}

test.run();
