/** `judge=openai` in the evaluation of all four experiments, as a user would start them. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as composition } from '../../experiments/composition/evaluate_format_plus_length';
import { script as compositionResults } from '../../experiments/composition/load_results';
import { script as formatVectors } from '../../experiments/format/compute_representations';
import { script as format } from '../../experiments/format/evaluate';
import { script as findBestLayer } from '../../experiments/format/find_best_layer';
import { script as formatResults } from '../../experiments/format/load_results';
import { script as precomputeIvs } from '../../experiments/format/precompute_ivs';
import { script as keywordVectors } from '../../experiments/keywords/compute_representations';
import { script as keywords } from '../../experiments/keywords/evaluate';
import { script as keywordResults } from '../../experiments/keywords/load_results';
import { script as length } from '../../experiments/length/evaluate';
import { script as lengthResults } from '../../experiments/length/load_results';
import type { Script } from '../../experiments/shared/command/script';
import { listRuns } from '../../src/runs/listRuns';
import { FakeEndpoint, gradeOf } from './fakeEndpoint';
import { makeModel, runScript, runStep, stopScripts } from './helpers';

const KEY = 'sk-tiller-9876543210';
const server = new FakeEndpoint();
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-judged-'));
const model = makeModel(path.join(temp, 'chars'));
const out = path.join(temp, 'runs');
test.before(async () => {
  await server.start();
  Object.assign(process.env, {
    OPENAI_BASE_URL: server.url,
    OPENAI_API_KEY: KEY,
    TILLER_JUDGE_MODEL: 'org/grader',
  });
});
test.before.each(() => server.reset());
test.after(() => {
  stopScripts();
  server.stop();
  fs.rmSync(temp, { recursive: true });
});

function write(name: string, rows: object[]): string {
  const file = path.join(temp, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return file;
}

/** `Who is 3?`, whose instructions all begin with an asterisk: no judge may see one. */
const queryOf = (key: string) => `Who is ${key}?`;
const instructed =
  (ids: string[], kwargs: object[], more: object = {}) =>
  (key: string) => ({
    ...{ key, prompt: `${queryOf(key)} *Do it so.`, prompt_without_instruction: queryOf(key) },
    ...{ instruction_id_list: ids, kwargs, ...more },
  });
const keys = ['1', '22', '333', '4444'];
const formats = write(
  'format.jsonl',
  ['punctuation:no_comma', 'change_case:english_lowercase'].flatMap((id, at) =>
    [...keys, 'a', 'bb'].map((key, i) =>
      instructed([id], [{}], { split: i < 4 ? 'train' : 'eval' })(`${key}${at}`),
    ),
  ),
);
const questions = write(
  'data/questions.jsonl',
  [...keys, 'a', 'bb'].map((key) => ({ key, prompt: queryOf(key) })),
);
write(
  'data/keywords_include.jsonl',
  ['a', 'bb'].map(instructed(['keywords:existence'], [{ keywords: ['x'] }], { split: 'eval' })),
);
fs.writeFileSync(path.join(temp, 'data/keywords_include.txt'), 'x\n');
const phrasings = path.join(temp, 'phrasings.yaml');
fs.writeFileSync(
  phrasings,
  `levels: {low: ["*Low."], high: ["*High."]}
sentences: ["*In {n}."]
constraints: {at_most: ["*Up to {n}."], at_least: ["*From {n}."], exactly: ["*Just {n}."]}
`,
);

const common = [
  ...[`model_name=${model}`, `output_path=${out}`, 'backend=wasm', 'perplexity_model=null'],
  ...['max_generation_length=6', 'max_generation_length_long=6', 'perplexity_threshold=null'],
  ...['n_examples_per_instruction=2', 'batch_size=16', 'n_sent_max=2'],
];
const ofLength = [
  ...['length_rep_examples=3', `phrasings_path=${phrasings}`, 'length_source_layer_idx=1'],
  ...['length_weight=3', `length_data_path=${questions}`],
];
const ofFormat = [...common, `data_path=${formats}`];
const ofQuestions = [
  ...common,
  `data_path=${questions}`,
  'source_layer_idx=1',
  'steering_weights=3',
];
const ofKeywords = [
  ...[...common, `data_path=${temp}/data`, 'source_layer_idx=1', 'steering_weights=3'],
  ...['specific_instruction=existence', 'word_set=ifeval_include'],
];

interface Case {
  before: Script[];
  evaluate: Script;
  results: Script;
  words: string[];
}
const CASES: Record<string, Case> = {
  format: {
    before: [formatVectors, findBestLayer, precomputeIvs],
    ...{ evaluate: format, results: formatResults, words: ofFormat },
  },
  length: {
    before: [],
    ...{ evaluate: length, results: lengthResults },
    words: [...ofQuestions, ...ofLength, 'n_examples=2'],
  },
  keywords: {
    before: [keywordVectors],
    ...{ evaluate: keywords, results: keywordResults, words: [...ofKeywords, 'n_examples=2'] },
  },
  composition: {
    before: [],
    ...{ evaluate: composition, results: compositionResults, words: [...ofFormat, ...ofLength] },
  },
};

interface Verdict {
  id: string;
  quality: number;
}

interface Judged {
  both?: Judged;
  n: number;
  mean_quality: number | null;
  n_quality: number;
}

const foldersBelow = (place: string) =>
  fs
    .readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter((name) => path.basename(name) === 'summary.json')
    .map((name) => path.dirname(path.join(place, name)));

const summaryOf = (folder: string) =>
  JSON.parse(fs.readFileSync(path.join(folder, 'summary.json'), 'utf8')) as { cells: Judged[] };

const rowsOf = (folder: string) =>
  fs
    .readFileSync(path.join(folder, 'out.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(
      (line) => JSON.parse(line) as { id: string; key: string; response: string; prompt: string },
    );

const meanOf = (cells: Judged[]) =>
  cells
    .map(({ both, ...cell }) => both ?? cell)
    .reduce((sum, { n, mean_quality }) => sum + n * mean_quality!, 0);

for (const [name, { before, evaluate, results, words }] of Object.entries(CASES)) {
  test(`${name}: nobody is asked unless asked for; then a run that is there is judged`, async () => {
    for (const step of before) await runStep(step, ...words);
    const plain = await runStep(evaluate, ...words, 'name=a');
    const dry = await runStep(evaluate, ...words, 'name=a', 'judge=openai', 'dry_run=true');
    assert.match(dry, `Quality would be judged by org/grader at ${server.url}`);
    assert.is(server.asked.length, 0);
    const folder = foldersBelow(path.join(out, name)).find((place) => place.endsWith('a'))!;
    const answers = fs.readFileSync(path.join(folder, 'out.jsonl'), 'utf8');
    for (const { mean_quality } of summaryOf(folder).cells) assert.is(mean_quality ?? null, null);
    assert.not.match(plain + (await runStep(results, ...words, 'name=a')), 'quality');

    const text = await runStep(evaluate, ...words, 'name=a', 'judge=openai');
    assert.is(fs.readFileSync(path.join(folder, 'out.jsonl'), 'utf8'), answers, 'no new answers');
    const rows = rowsOf(folder);
    assert.match(text, `Quality by org/grader: ${rows.length} of ${rows.length} answers`);
    assert.ok(
      rows.some(({ prompt }) => prompt.includes('*')),
      'some prompts have instructions',
    );
    for (const { query } of server.texts) assert.match(query, /^Who is \w+\?$/);

    const { cells } = summaryOf(folder);
    const expected = rows.map((row) => (gradeOf(queryOf(row.key), row.response) - 1) / 9);
    const kept = rowsOf(path.join(folder, 'quality_org_grader')) as unknown as Verdict[];
    const byId = new Map(kept.map(({ id, quality }) => [id, quality]));
    assert.equal(
      rows.map(({ id }) => byId.get(id)),
      expected,
    );
    const sum = expected.reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(meanOf(cells) - sum) < 1e-9, `${meanOf(cells)}, not ${sum}`);
    for (const cell of cells) assert.is((cell.both ?? cell).n_quality, (cell.both ?? cell).n);

    const asked = server.asked.length;
    const texts = new Set(server.texts.map((one) => JSON.stringify(one)));
    assert.is(texts.size, asked, 'each answer once');
    assert.match(text, /median ppl +quality|quality\n/);
    const shown = await runStep(results, ...words, 'name=a', `run_folder=${folder}`);
    assert.match(shown, 'quality');
    await runStep(evaluate, ...words, 'name=a', 'judge=openai');
    assert.is(server.asked.length, asked, 'all is there');
    const [run] = listRuns(folder);
    assert.ok(run.figures?.quality, 'in the list of runs');
    assert.not.match(plain + dry + text + shown, KEY);
  });
}

test('the key is in no file', () => {
  const names = fs.readdirSync(out, { recursive: true, encoding: 'utf8' });
  const files = names
    .map((name) => path.join(out, name))
    .filter((file) => fs.statSync(file).isFile());
  assert.ok(files.some((file) => file.includes('quality_org_grader')));
  for (const file of files) assert.not.ok(fs.readFileSync(file).includes(KEY), file);
});

test('an endpoint that is not wholly named is refused before anything is done, in a dry run too', async () => {
  const words = [...CASES.length.words, 'judge=openai', 'name=unnamed'];
  const { TILLER_JUDGE_MODEL, OPENAI_BASE_URL, OPENAI_API_KEY } = process.env;
  const missing: [string[], RegExp][] = [
    [['TILLER_JUDGE_MODEL'], /set TILLER_JUDGE_MODEL/],
    [['OPENAI_BASE_URL', 'OPENAI_API_KEY'], /set OPENAI_API_KEY/],
  ];
  for (const [names, message] of missing) {
    for (const name of names) delete process.env[name];
    for (const dry of [true, false]) {
      const run = runStep(length, ...words, `dry_run=${dry}`);
      const error = await run.then(() => null).catch((thrown: Error) => thrown);
      assert.match(error?.message ?? '', message);
    }
    Object.assign(process.env, { TILLER_JUDGE_MODEL, OPENAI_BASE_URL, OPENAI_API_KEY });
  }
  assert.is(server.asked.length, 0);
  assert.not.ok(fs.existsSync(path.join(out, 'length/chars/unnamed')));
});

test('a run that was judged otherwise is refused before its answers', async () => {
  const folder = path.join(out, 'length/chars/a');
  const config = path.join(folder, 'quality_org_grader/config.yaml');
  const text = fs.readFileSync(config, 'utf8');
  fs.writeFileSync(config, text.replace(/prompt_version: \d+/, 'prompt_version: 0'));
  fs.rmSync(path.join(folder, 'out.jsonl'));
  const run = runStep(length, ...CASES.length.words, 'name=a', 'judge=openai');
  const error = await run.then(() => null).catch((thrown: Error) => thrown);
  assert.match(error?.message ?? '', /prompt_version: 0 there, \d+ now/);
  assert.not.ok(fs.existsSync(path.join(folder, 'out.jsonl')), 'nothing was answered');
});

test('killed while it is judged, a run asks for the rest, and ends like one that was not', async () => {
  const words = CASES.length.words.filter((word) => word.split('=')[0] in length.schema);
  const start = () => runScript('length/evaluate', ...words, 'name=killed', 'judge=openai');
  server.hold = (nth) => (nth <= 4 ? Promise.resolve() : new Promise(() => {}));
  const { child, done } = start();
  const folder = path.join(out, 'length/chars/killed');
  const file = path.join(folder, 'quality_org_grader/out.jsonl');
  const written = () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
  const judged = () => textsOf(folder, (written().match(/"id":"[^"]+"/g) ?? []).join());
  while (judged().size < 4 && child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill('SIGKILL');
  await done;
  const kept = written();
  const before = judged();
  server.reset();
  const { code, text } = await start().done;
  assert.is(code, 0, text);
  assert.not.match(text, KEY);
  assert.ok(written().startsWith(kept), 'what was judged is kept');
  const asked = server.texts.map((one) => JSON.stringify(one));
  assert.ok(
    asked.every((one) => !before.has(one)),
    'nothing is asked for twice',
  );
  assert.is(asked.length, judged().size - before.size);
  await runStep(length, ...words, 'name=whole', 'judge=openai');
  assert.equal(summaryOf(folder), summaryOf(path.join(out, 'length/chars/whole')));
});

/** The different texts of those rows whose ids are named. */
function textsOf(folder: string, ids: string): Set<string> {
  if (!ids) return new Set();
  const rows = rowsOf(folder).filter(({ id }) => ids.includes(`"${id}"`));
  return new Set(
    rows.map(({ key, response }) => JSON.stringify({ query: queryOf(key), response })),
  );
}

test.run();
