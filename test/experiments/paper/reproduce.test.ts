/** The whole command on a small random model: nonsense answers, real code. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reproduce } from '../../../experiments/paper/reproduce';
import { readCommandLine } from '../../../experiments/shared/command/commandLine';
import { loadDirections } from '../../../experiments/shared/vectors/load';
import { makeModel, printedBy, runScript, stopScripts } from '../helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-reproduce-'));
const model = makeModel(path.join(temp, 'chars'));
const data = path.join(temp, 'data');
test.before(() => {
  process.env.TILLER_BACKEND = 'wasm';
});
test.after(() => {
  stopScripts();
  fs.rmSync(temp, { recursive: true });
});

const write = (name: string, rows: object[]) => {
  fs.mkdirSync(data, { recursive: true });
  fs.writeFileSync(path.join(data, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
};
const IDS = ['punctuation:no_comma', 'change_case:english_lowercase'];
write(
  'format.jsonl',
  IDS.flatMap((id, at) =>
    Array.from({ length: 4 }, (_, i) => ({
      key: 10 * at + i,
      prompt: `What is ${i}? ${['No commas', 'all in lowercase'][at]}.`,
      prompt_without_instruction: `What is ${i}?`,
      instruction_id_list: [id],
      kwargs: [{}],
      split: i < 3 ? 'train' : 'eval',
    })),
  ),
);
write(
  'questions.jsonl',
  Array.from({ length: 5 }, (_, key) => ({
    key,
    prompt: `Why ${key}?`,
    split: key < 3 ? 'train' : 'eval',
  })),
);
for (const [file, id, key] of [
  ['keywords_include', 'keywords:existence', 'keywords'],
  ['keywords_exclude', 'keywords:forbidden_words', 'forbidden_words'],
]) {
  const rows = ['validation', 'eval'].map((split, i) => ({
    key: i,
    prompt: `Why ${i}? Mind the word w${i}.`,
    prompt_without_instruction: `Why ${i}?`,
    instruction_id_list: [id],
    kwargs: [{ [key]: [`w${i}`] }],
    split,
  }));
  write(`${file}.jsonl`, rows);
  fs.writeFileSync(path.join(data, `${file}.txt`), 'w0\nw1\n');
}

const SMALL = [
  `model_name=${model}`,
  `data_path=${data}`,
  `perplexity_model=${model}`,
  ...['max_generation_length=4', 'max_generation_length_long=4'],
  'find_best_layer.layers=[1,2]',
  ...['source_layer_idx=1', 'steering_weights=1x', 'perplexity_threshold=0', 'n_sent_max=2'],
  ...['precompute_ivs.perplexity_threshold=null', 'length_rep_examples=3'],
  ...['length_source_layer_idx=1', 'length_weight=1x', 'length_layer=1', 'keyword_layer=1'],
  ...['keywords.include_vectors.n_examples=2', 'keywords.exclude_vectors.n_examples=2'],
  ...['length.compute_representations.n_examples=3', 'length.evaluate.n_examples=2'],
  'length.evaluate.steering=add_vector_conciseness',
];
const output = path.join(temp, 'runs');

const reproduceWith = (...words: string[]) =>
  printedBy(async () => {
    await reproduce(readCommandLine([...SMALL, `output_path=${output}`, '--no-report', ...words]));
  });

/** Every file below a folder, with its content. */
function filesOf(folder: string): Map<string, string> {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.filter(
    (name) => fs.statSync(path.join(folder, name)).isFile() && !/\.tmp$/.test(name),
  );
  return new Map(
    files.sort().map((name) => [name, fs.readFileSync(path.join(folder, name), 'base64')]),
  );
}

/** The folder of the table and the analyses. */
function resultsOf(folder = output): string {
  const base = path.join(folder, 'paper/chars');
  const [name] = fs.readdirSync(base);
  return path.join(base, name);
}

const readJson = (name: string) =>
  JSON.parse(fs.readFileSync(path.join(resultsOf(), `${name}.json`), 'utf8'));

test('--dry-run prints the plan, with what it takes, and writes nothing', async () => {
  const text = await reproduceWith('--dry-run');
  assert.not(fs.existsSync(output));
  assert.match(text, /25 steps of format, length, keywords, composition, analyses/);
  // 3 queries, for 2 formats at 2 layers, are 12 and unsteered 3; with the format 18.
  assert.match(text, /\n2 find_best_layer +33 +33 +\d+ +132 /);
  // 2 queries × 2 numbers × 2 steerings with the instruction; without it, the numbers share one.
  assert.match(text, /\n8 evaluate +12 +12 +\d+ +48 /);
  // One query without the format, unsteered or towards either; two prompts with it, twice.
  assert.match(text, /\n5 evaluate +7 +7 +\d+ +28 /);
  assert.match(text, /Time on wasm .*: about .* at\s+most/);
  assert.match(text, /Memory: about .*weights in float32/);
  assert.match(text, /estimates/);
});

test('only= runs a part; what no step knows is refused before anything runs', async () => {
  const fails = async (...words: string[]) => {
    let message = '';
    await reproduceWith(...words).catch((error: Error) => {
      message = error.message;
    });
    return message;
  };
  assert.match(await fails('only=format,lenght'), /Did you mean "length"/);
  assert.match(await fails('evaluate.wieght=1'), /Unknown key "evaluate\.wieght"/);
  assert.match(await fails('find_best_layer.n_examples_per_instruction=0'), /at least 1/);
  assert.match(await fails('only=analyses', 'name=x'), /no fitting .*Run first: npx ts-node/s);
  assert.not(fs.existsSync(path.join(output, 'format')));
  const plan = await reproduceWith('only=keywords,length', '--dry-run');
  assert.match(plan, /11 steps of keywords, length/);
  assert.not.match(plan, 'find_best_layer');
});

test('four experiments, analyses and the table; once more, all is there', async () => {
  const text = await reproduceWith();
  assert.match(text, /── 1\/25 format: compute_representations, about .* left in all\n/);
  assert.match(text, /── 25\/25 analyses: analyse_runs, about/);
  assert.match(text, /\n── Obeyed\n/);
  assert.match(text, /\nkeywords, exclusion by its own vectors \(steered: add_vector, weight 1x/);
  assert.not.match(text, /paper +n/);

  const { tables, from } = readJson('results');
  const names = tables.map(({ table }: { table: string }) => table);
  assert.equal(names, [
    'format',
    'length, at most',
    'keywords, inclusion',
    'keywords, exclusion',
    'keywords, exclusion by its own vectors',
    ...['format', 'length', 'both'].map((score) => `composition, ${score}`),
  ]);
  for (const { run, cells } of tables) {
    const summary = fs.readFileSync(path.join(run, 'summary.json'), 'utf8');
    assert.ok(summary.includes(`"accuracy": ${cells[0].ours}`), run);
    assert.is(cells[0].paper, null);
  }
  assert.is(Object.keys(from.runs).length, 7);

  const analyses = fs.readdirSync(resultsOf()).sort();
  assert.equal(
    analyses,
    ['cosines', 'exclusion', 'mcnemar', 'pca', 'per_instruction', 'prompt_cosines']
      .concat(['results', 'scatter', 'vocabulary'])
      .map((name) => `${name}.json`),
  );
  const format = readJson('cosines').sets[0];
  const [{ file }] = readJson('vocabulary').from.vectors;
  const [a, b] = [...loadDirections(file, {}).directions.values()].map(({ unit }) => unit[1]);
  const wanted = a.reduce((sum, x, i) => sum + x * b[i], 0);
  assert.equal(format.names, IDS);
  assert.ok(Math.abs(format.layers[1].cosines[0][1] - wanted) < 1e-5);
  const projected = readJson('vocabulary').vectors;
  // Two instructions, five levels of length, two words.
  assert.is(projected.length, 2 + 5 + 2);
  assert.ok(projected.every(({ top }: { top: unknown[] }) => top.length === 10));
  assert.is(readJson('scatter').points.length, 2);
  assert.is(readJson('per_instruction').instructions.length, 2);
  assert.is(readJson('pca').layers.length, 3);
  for (const name of analyses) {
    const { what, fields } = readJson(name.replace('.json', ''));
    assert.ok(what && Object.values(fields).every(Boolean), name);
  }

  const before = filesOf(output);
  await reproduceWith();
  assert.equal([...filesOf(output)], [...before]);
});

test('killed and started again, it ends with the same files', async () => {
  const wanted = filesOf(output);
  fs.rmSync(output, { recursive: true });
  const start = () => runScript('paper/reproduce', ...SMALL, `output_path=${output}`);
  // Where the kills fall: in the first vectors, in an evaluation, in the last experiment.
  for (const place of ['format/chars/representations', 'keywords/chars', 'composition/chars']) {
    const { child, done } = start();
    while (!fs.existsSync(path.join(output, place)) && child.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    child.kill('SIGKILL');
    await done;
  }
  const { code, text } = await start().done;
  assert.is(code, 0, text);
  const found = filesOf(output);
  assert.equal([...found.keys()], [...wanted.keys()]);
  for (const [name, content] of found) assert.ok(content === wanted.get(name), `${name} differs`);
});

test.run();
