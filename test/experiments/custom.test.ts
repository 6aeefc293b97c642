/** Vectors of one's own, on prompts of one's own: a small random model, real code. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as evaluate } from '../../experiments/custom/evaluate';
import { script as loadResults } from '../../experiments/custom/load_results';
import type { CustomCell, CustomRow } from '../../experiments/custom/parts/cells';
import { describeCustom } from '../../experiments/custom/parts/figures';
import { reportOnAll } from '../../experiments/report/reportOnAll';
import { runScript } from '../../experiments/shared/command/script';
import { readDescribed } from '../../experiments/shared/report/build';
import type { Describe } from '../../experiments/shared/report/described';
import { openModel } from '../../models/open';
import type { Edit } from '../../src/engine/steering';
import { generateText } from '../../src/language/generateText';
import type { LanguageModel } from '../../src/language/languageModel';
import { InputError } from '../../src/util/errors';
import { seededRandom } from '../../src/util/random';
import { directionFromPairs } from '../../src/vectors/fromPairs';
import { steer } from '../../src/vectors/steer';
import { loadVectors, saveVectors, type VectorFile } from '../../src/vectors/vectorFile';
import { close, makeModel, printedBy, runStep } from './helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-custom-'));
const model = makeModel(path.join(temp, 'chars'));
const config = path.join(model, 'tokenizer_config.json');
fs.writeFileSync(
  config,
  JSON.stringify({
    ...JSON.parse(fs.readFileSync(config, 'utf8')),
    chat_template: '<bos>{% for m in messages %}<start>{{ m.content }}<end>{% endfor %}<start>',
  }),
);
const NEW_TOKENS = 8;
let lm: LanguageModel;
let vectors: VectorFile;

test.before(async () => {
  lm = await openModel(model, { backend: 'wasm' });
  vectors = randomVectors(1);
});
test.after(() => {
  lm.dispose();
  fs.rmSync(temp, { recursive: true });
});

/** Vectors a and b of all layers, with means: so that conditions have a threshold. */
function randomVectors(seed: number): VectorFile {
  const random = seededRandom(seed);
  const { dModel, nLayers } = lm.model.config;
  const layers = Array.from({ length: nLayers }, (_, layer) => layer);
  const vector = () => {
    const raw = layers.map(() => Float32Array.from({ length: dModel }, () => random() - 0.5));
    const norm = Float32Array.from(raw, (row) => Math.hypot(...row));
    return { unit: raw.map((row, i) => row.map((x) => x / norm[i])), norm };
  };
  const directions = new Map([
    ['a', vector()],
    ['b', vector()],
  ]);
  return { directions, layers, provenance: {} };
}

const file = path.join(temp, 'v.safetensors');
const data = path.join(temp, 'prompts.jsonl');
const ASKED = ['What is tea?', 'Who am I?', 'Why not?', 'How far is it?', 'When?'];
const INSTRUCTION = 'Be kind.';
const writeRows = (place: string, rows: object[]) =>
  fs.writeFileSync(place, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

const COMMON = [
  `model_name=${model}`,
  `output_path=${temp}/runs`,
  'backend=wasm',
  'perplexity_model=null',
  `max_generation_length=${NEW_TOKENS}`,
];
const run = (...words: string[]) => runStep(evaluate, ...COMMON, ...words);
const placeOf = (said: string) => /All answers and figures: (.*)/.exec(said)![1];

function read(folder: string): { rows: CustomRow[]; cells: CustomCell[] } {
  const lines = fs.readFileSync(path.join(folder, 'out.jsonl'), 'utf8').trimEnd().split('\n');
  const { cells } = JSON.parse(fs.readFileSync(path.join(folder, 'summary.json'), 'utf8'));
  return { rows: lines.map((line) => JSON.parse(line)), cells };
}

async function refused(...words: string[]): Promise<string> {
  try {
    await printedBy(() => runScript(evaluate, [], [...COMMON, ...words]));
  } catch (error) {
    assert.instance(error, InputError);
    return (error as Error).message;
  }
  throw new Error(`${words.join(' ')} should have been refused`);
}

const TOGETHER = [`${file}:a@0*30:last`, `${file}:b@1*40:generated`];
const WHEN = `${file}:a@1*50:when(b@0>0)`;
const PROJECT = `${file}:b@0:project(25)`;
const STEERING = `steering=${JSON.stringify([TOGETHER, WHEN, PROJECT])}`;
/** The same ways, by hand. */
const editsByHand = (): Record<string, Edit[]> => {
  const a = { name: 'a', layer: 0, weight: 30, positions: 'last' } as const;
  const b = { name: 'b', layer: 1, weight: 40, positions: 'generated' } as const;
  return {
    none: [],
    [TOGETHER.join(' + ')]: [steer(vectors, a), steer(vectors, b)],
    [WHEN]: [
      steer(vectors, { name: 'a', layer: 1, weight: 50, when: { name: 'b', layer: 0, above: 0 } }),
    ],
    [PROJECT]: [steer(vectors, { name: 'b', layer: 0, kind: 'project', target: 25 })],
  };
};
let whole: string;

test('answers are those of generateText with the same edits, and cells count them', async () => {
  saveVectors(file, vectors);
  writeRows(
    data,
    ASKED.map((prompt) => ({ prompt })),
  );
  const all = [`data_path=${data}`, STEERING, `instruction=${INSTRUCTION}`, 'contains=[e]'];
  const said = await run(...all, 'batch_size=7', 'name=whole');
  whole = placeOf(said);
  const { rows, cells } = read(whole);
  assert.is(rows.length, 2 * 4 * ASKED.length);
  for (const [steering, edits] of Object.entries(editsByHand())) {
    for (const instructed of [false, true]) {
      const prompts = ASKED.map((prompt) => (instructed ? `${prompt} ${INSTRUCTION}` : prompt));
      const answers = await generateText(lm, prompts, { edits, maxNewTokens: NEW_TOKENS });
      const own = rows.filter((row) => row.steering === steering && row.instructed === instructed);
      own.sort((x, y) => Number(x.key) - Number(y.key));
      assert.equal(
        own.map(({ response }) => response),
        answers.map(({ text }) => text),
        `${steering}, ${instructed}`,
      );
      const share = (some: { text: string }[]) =>
        some.filter(({ text }) => text.includes('e')).length / some.length;
      const plain = await generateText(lm, prompts, { maxNewTokens: NEW_TOKENS });
      const cell = cells.find((one) => one.steering === steering && one.instructed === instructed)!;
      assert.is(cell.n, ASKED.length);
      assert.is(cell.accuracy, share(answers));
      assert.is(cell.gain, steering === 'none' ? null : share(answers) - share(plain));
    }
  }
  const texts = new Set(rows.filter(({ key }) => key === rows[0].key).map((row) => row.response));
  assert.ok(texts.size >= 4, 'the ways to steer differ');
  const results = await runStep(loadResults, ...COMMON, `run_folder=${whole}`);
  const table = (text: string) => text.split('\n\n').find((part) => part.includes('──'));
  assert.is(table(results), table(said));
});

test('its report has the verdicts of the run, and layer and weight of single edits apart', async () => {
  const words = [
    `data_path=${data}`,
    `steering=["${WHEN}","${file}:b@0*2x",${JSON.stringify(TOGETHER)}]`,
  ];
  const folder = placeOf(await run(...words, 'check=[punctuation:no_comma]', 'name=reported'));
  const report = reportOnAll([folder]);
  const { rows } = read(folder);
  assert.equal(
    report.answers!.rows.map(({ ok, evidence }) => [ok, evidence !== '']),
    rows.map((row) => [!row.response.includes(',') && row.response.trim() !== '', true]),
  );
  const { described } = readDescribed({ folder, describe: describeCustom as Describe });
  assert.equal(
    described.cells.map(({ steering, layer, weight }) => [steering, layer, weight]),
    [
      ['none', undefined, undefined],
      ['v:a:when(b@0>0)', 1, '50'],
      ['v:b', 0, '2x'],
      ['v:a@0*30:last + v:b@1*40:generated', undefined, undefined],
    ],
  );
});

test('cut off anywhere, a run goes on and ends with the same files', async () => {
  const out = path.join(whole, 'out.jsonl');
  const files = () =>
    ['out.jsonl', 'summary.json'].map((name) => fs.readFileSync(path.join(whole, name), 'utf8'));
  const expected = files();
  const all = [`data_path=${data}`, STEERING, `instruction=${INSTRUCTION}`, 'contains=[e]'];
  for (const share of [0, 0.3, 0.71, 0.999]) {
    fs.writeFileSync(out, expected[0].slice(0, Math.floor(share * expected[0].length)));
    fs.rmSync(path.join(whole, 'summary.json'));
    await run(...all, 'batch_size=7', 'name=whole');
    assert.equal(files(), expected, `cut at ${share}`);
  }
});

test('other vectors in the file are another run; a named one refuses them', async () => {
  const words = [`data_path=${data}`, `steering=[${file}:a@0*1x]`, 'contains=[e]'];
  const first = placeOf(await run(...words));
  assert.is(placeOf(await run(...words)), first);
  await run(...words, 'name=kept');
  saveVectors(file, randomVectors(2));
  assert.not.equal(placeOf(await run(...words)), first);
  assert.match(await refused(...words, 'name=kept'), 'vectors_sha256');
  // What else the file says does not matter.
  saveVectors(file, { ...vectors, provenance: { note: 'looked at' } });
  assert.is(placeOf(await run(...words)), first);
});

test('the vector of pairs is the one that directionFromPairs finds, and is kept', async () => {
  const pairs = ASKED.map((prompt) => ({ positive: `${prompt} ${INSTRUCTION}`, negative: prompt }));
  const place = path.join(temp, 'pairs.jsonl');
  writeRows(place, pairs);
  // The pairs as prompts, too: the negative side is without the instruction.
  const words = [`pairs_path=${place}`, 'steering=pairs@1*2x:last', `data_path=${place}`];
  const said = await run(...words, 'regex=^[A-Z]', 'regex_flags=i', 'n_examples=3');
  assert.match(said, 'The vector of 5 pairs is not there yet');
  const folder = path.join(temp, 'runs/custom/chars/vectors');
  const [name] = fs.readdirSync(folder);
  const { directions } = loadVectors(path.join(folder, name));
  const expected = await directionFromPairs(lm, pairs);
  close(directions.get('pairs')!.unit[1], expected.directions.get('vector')!.unit[1]);
  const { rows } = read(placeOf(said));
  const asked = (instructed: boolean) =>
    rows
      .filter((row) => row.instructed === instructed && row.steering === 'none')
      .map((r) => r.prompt);
  assert.equal(asked(false), ASKED.slice(0, 3));
  assert.equal(
    asked(true),
    pairs.slice(0, 3).map(({ positive }) => positive),
  );
  for (const { response, ok } of rows) assert.is(ok, /^[A-Z]/i.test(response));
  assert.not.match(await run(...words, 'contains=[a]', 'n_examples=1'), 'not there yet');
});

test('rows bring their own instruction, system prompt, key and check', async () => {
  const place = path.join(temp, 'own.jsonl');
  writeRows(place, [
    {
      ...{ key: 'x', prompt: 'Who?', instruction: 'Now.', system: 'You are old.' },
      ...{ instruction_id_list: ['punctuation:no_comma'], kwargs: [{}] },
    },
    {
      key: 'y',
      prompt: 'Why?',
      instruction_id_list: ['keywords:existence'],
      kwargs: [{ keywords: ['e'] }],
    },
  ]);
  const words = [`data_path=${place}`, 'steering=none', 'instruction=Later.', 'system=Be new.'];
  const { rows } = read(placeOf(await run(...words)));
  const expected = [
    ['x', 'Who?', 'You are old.'],
    ['y', 'Why?', 'Be new.'],
    ['x', 'Who? Now.', 'You are old.'],
    ['y', 'Why? Later.', 'Be new.'],
  ];
  assert.equal(
    rows.map(({ key, prompt, system }) => [key, prompt, system]),
    expected,
  );
  for (const { key, prompt, system, response, ok } of rows) {
    const [answer] = await generateText(lm, [prompt], { system, maxNewTokens: NEW_TOKENS });
    assert.is(response, answer.text);
    assert.is(
      ok,
      key === 'x' ? !response.includes(',') && response.trim() !== '' : /\be\b/i.test(response),
    );
  }
});

test('prompts in the config, without instruction or check: as the playground exports them', async () => {
  const words = ['data_path=null', 'prompts=["Who?"]', `steering=[[${TOGETHER.join(',')}]]`];
  const said = await run(...words);
  assert.match(said, 'No prompt has an instruction');
  assert.match(said, 'Nothing was checked');
  assert.not.match(said, 'obeyed');
  const { rows, cells } = read(placeOf(said));
  assert.equal(
    rows.map(({ ok }) => ok),
    [null, null],
  );
  assert.equal(
    cells.map(({ accuracy, gain }) => [accuracy, gain]),
    [
      [null, null],
      [null, null],
    ],
  );
});

const ok = ['data_path=null', 'prompts=["Who?"]', 'dry_run=true'];
const mixed = path.join(temp, 'mixed.jsonl');
const narrow = path.join(temp, 'narrow.safetensors');
const REFUSALS: [string, string[], RegExp][] = [
  ['no steering', ok, /Say how to steer/],
  ["a key that there isn't", [...ok, 'steering=none', 'chek=a'], /Unknown key "chek".*"check"/],
  [
    "a check that there isn't",
    [...ok, 'steering=none', 'check=punctuation:no_coma'],
    /check "punctuation:no_coma".*no_comma/,
  ],
  ['a pattern that is none', [...ok, 'steering=none', 'regex=('], /regex "\("/],
  ['no such file', [...ok, 'steering=none.safetensors@0*1'], /there is no none.safetensors/],
  ['no such vector', [...ok, `steering=${file}:c@0*1`], /no vector "c"/],
  ['no such layer', [...ok, `steering=${file}:a@40*1`], /layer 40/],
  ['an edit cut at its comma', [...ok, `steering=[${file}:a@0:clamp(1,2)]`], /in quotes/],
  ['no name of two', [...ok, `steering=${file}@0*1`], /Which vector/],
  ['another width', [...ok, `steering=${narrow}@0*1`], /have 3 numbers/],
  ['pairs without pairs', [...ok, 'steering=pairs@0*1x'], /pairs_path/],
  ['pairs at no layer', [...ok, 'steering=pairs@40*1x', `pairs_path=${data}`], /has no layer 40/],
  ['two places of prompts', ['steering=none', 'prompts=[a]'], /give one of them/],
  ['no prompts', ['steering=none', 'data_path=null'], /There are no prompts/],
  ['an instruction for some', [`data_path=${mixed}`, 'steering=none'], /row 2 has no instruction/],
  [
    'no instruction to be with',
    [...ok, 'steering=none', 'include_instructions=true'],
    /no instruction/,
  ],
];
for (const [what, words, message] of REFUSALS) {
  test(`refused: ${what}`, async () => {
    saveVectors(file, vectors);
    writeRows(mixed, [{ prompt: 'a', instruction: 'b' }, { prompt: 'c' }]);
    const three = { unit: [Float32Array.of(1, 0, 0)], norm: Float32Array.of(1) };
    saveVectors(narrow, { directions: new Map([['n', three]]), layers: [0], provenance: {} });
    assert.match(await refused(...words), message);
  });
}

test.run();
