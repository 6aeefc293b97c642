import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { script as computeScript } from '../../experiments/length/compute_representations';
import { script as evaluateScript } from '../../experiments/length/evaluate';
import { computeCells, type LengthRow, satisfies } from '../../experiments/length/parts/cells';
import {
  constraintInstruction,
  lengthInstructions,
  loadPhrasings,
} from '../../experiments/length/parts/phrasings';
import {
  type LengthPlanConfig,
  lengthEdits,
  planLengthRows,
  splitQuestions,
} from '../../experiments/length/parts/plan';
import { answerRows, countAnswers } from '../../experiments/shared/answers/answering';
import { defaultsFile, describeKeys } from '../../experiments/shared/command/help';
import { loadQuestions } from '../../experiments/shared/data/questions';
import type { Session } from '../../experiments/shared/session';
import { resolveEdit } from '../../experiments/shared/vectors/edits';
import { loadDirections } from '../../experiments/shared/vectors/load';
import { countSentences } from '../../ifeval';
import { generate } from '../../src/engine/generate';
import { residPost } from '../../src/engine/hooks';
import { runWithCache } from '../../src/engine/runWithCache';
import { findModel } from '../../src/hub/fingerprint';
import { RunFolder, readRun } from '../../src/runs/runFolder';
import { directionOf, dot } from '../../src/vectors/direction';
import { saveVectors } from '../../src/vectors/vectorFile';
import { Safetensors } from '../../weights/safetensors';
import { BREVITY, SENTENCES } from '../../weights/tiny/instructions';
import { testWhere } from '../where';
import {
  close,
  makeModel,
  meanActivation,
  onlyFile,
  openModel,
  quietly,
  runScript,
  runStep,
  stopScripts,
} from './helpers';

const root = path.join(__dirname, '../..');
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-length-'));
const phrasings = loadPhrasings(path.join(root, 'configs/length/phrasings.yaml'));
const model = makeModel(path.join(temp, 'chars'));
const questions = Array.from({ length: 12 }, (_, i) => ({
  key: `q${i}`,
  prompt: `What is thing ${i} for${'?'.repeat(1 + (i % 3))}`,
}));
const data = path.join(temp, 'questions.jsonl');
fs.writeFileSync(data, questions.map((row) => `${JSON.stringify(row)}\n`).join(''));
test.after(() => {
  stopScripts();
  fs.rmSync(temp, { recursive: true });
});

test('sentences are counted as NLTK counts them', () => {
  // Counts by nltk 3.9's PunktSentenceTokenizer with the same English parameters.
  const expected: [string, number][] = [
    ['', 0],
    [' \n', 0],
    ['One.', 1],
    ['Dr. Smith met Mr. Jones at 3 p.m. in Washington. They talked.', 2],
    ['Is it? Yes! No... Perhaps.', 3],
    ['- first item\n- second item', 1],
    ['He said "Stop." Then he left.', 2],
    ['The U.S. economy grew 3.5 percent. Prices fell.', 2],
    ['Bread is made from flour, e.g. rye. Bakers knead it', 3],
    ['One. Two! Three? four. Five.', 5],
  ];
  for (const [text, count] of expected) assert.is(countSentences(text), count, text);
});

test('constraints hold for the right counts, and never for an empty answer', () => {
  const holds = (constraint: 'at_most' | 'at_least' | 'exactly') =>
    [0, 1, 2, 3].filter((sentences) => satisfies(constraint, 2, sentences));
  assert.equal(holds('at_most'), [1, 2]);
  assert.equal(holds('at_least'), [2, 3]);
  assert.equal(holds('exactly'), [2]);
});

test('wordings are drawn by seed and key, whatever other rows there are', () => {
  const settings = { constraint_type: 'high-level', n_sent_max: 5, seed: 1 } as const;
  const draw = (seed: number) => lengthInstructions(phrasings, { ...settings, seed });
  const all = (seed: number) =>
    [...draw(seed).values()].flatMap((drawn) => questions.map(({ key }) => drawn(key)));
  assert.is(draw(1).size, 5);
  assert.equal(all(1), all(1));
  assert.not.equal(all(1), all(2));
  assert.ok(new Set(all(1)).size > 5, 'several wordings are in use');
  const some = phrasings.constraints.at_most.length;
  const one = constraintInstruction(phrasings, 'at_most', 1, 3, 'q');
  const two = constraintInstruction(phrasings, 'at_most', 2, 3, 'q');
  assert.ok(some > 0 && !/sentences/.test(one), one);
  assert.not.match(one + two, /[{}]/);
});

test('one sentence may have wordings of its own, in a list that is checked', () => {
  const own = { ...phrasings, one_sentence: { exactly: ['Once.'], sentences: ['A {n}.'] } };
  const file = path.join(temp, 'own-phrasings.yaml');
  const load = (value: object) => {
    fs.writeFileSync(file, JSON.stringify(value));
    return loadPhrasings(file);
  };
  const loaded = load(own);
  const ask = (constraint: 'exactly' | 'at_most', n: number) =>
    constraintInstruction(loaded, constraint, n, 3, 'q');
  assert.is(ask('exactly', 1), 'Once.');
  for (const [constraint, n] of [['exactly', 2] as const, ['at_most', 1] as const]) {
    assert.is(ask(constraint, n), constraintInstruction(phrasings, constraint, n, 3, 'q'));
  }
  const settings = { constraint_type: 'sentences', n_sent_max: 2, seed: 1 } as const;
  const drawn = lengthInstructions(loaded, settings);
  assert.is(drawn.get('sentences_1')?.('q'), 'A 1.');
  const usual = lengthInstructions(phrasings, settings);
  assert.is(drawn.get('sentences_2')?.('q'), usual.get('sentences_2')?.('q'));
  // What vectors are compared by tells them apart.
  assert.not.equal(JSON.stringify([...drawn]), JSON.stringify([...usual]));
  const wrong = (one_sentence: object, why: RegExp) =>
    assert.throws(() => load({ ...phrasings, one_sentence }), why);
  wrong({ exactly: [] }, /one_sentence.exactly must be a list of instructions/);
  wrong({ at_mots: ['x'] }, /one_sentence.at_mots is none of sentences, at_most/);
});

test('the wordings are those of the tiny model: trained ones for vectors, others for evaluation', () => {
  assert.equal(
    phrasings.levels,
    Object.fromEntries(BREVITY.map(({ name, train }) => [name, train])),
  );
  assert.equal(phrasings.sentences, SENTENCES.exactly.train);
  for (const [constraint, { heldout }] of Object.entries(SENTENCES)) {
    const key = constraint.replace(' ', '_') as keyof typeof phrasings.constraints;
    assert.equal(phrasings.constraints[key], heldout);
  }
});

test('queries for vectors and for evaluation never overlap', () => {
  const { first, last } = splitQuestions(questions, 8, 4);
  assert.equal(
    [...first, ...last].map(({ key }) => key),
    questions.map(({ key }) => key),
  );
  assert.throws(() => splitQuestions(questions, 9, 4), /overlap by 1/);
  assert.throws(() => splitQuestions(questions, 13, 1), /overlap by 1/);
  const split = questions.map((q, i) => ({ ...q, split: i % 2 ? 'eval' : 'train' }));
  assert.equal(
    splitQuestions(split, 6, 6).last.map(({ key }) => key),
    ['q1', 'q3', 'q5', 'q7', 'q9', 'q11'],
  );
  assert.throws(() => splitQuestions(split, 7, 2), /6 queries for representations/);
});

test("data: our format, the authors' formats, and what is wrong with others", () => {
  const file = path.join(temp, 'data.jsonl');
  const load = (...lines: string[]) => {
    fs.writeFileSync(file, lines.join('\n'));
    return loadQuestions(file);
  };
  assert.equal(load('{"key":7,"prompt":"A? ","split":"eval"}', ''), [
    { key: '7', prompt: 'A?', split: 'eval' },
  ]);
  assert.is(load('{"prompt":"x","original_prompt":"y","model_output":"z"}')[0].prompt, 'z');
  assert.is(load('{"prompt":"x","prompt_without_instruction":"z"}')[0].prompt, 'z');
  assert.throws(() => load(''), /is empty/);
  assert.throws(() => load('{"prompt":"x"}', '', '{"prompt"'), /line 3: not a JSON object/);
  assert.throws(() => load('{"prompt":"x"}', '{"text":"x"}'), /row 2: no text in "prompt"/);
  assert.throws(
    () => load('{"key":1,"prompt":"x"}', '{"key":1,"prompt":"y"}'),
    /key 1 comes twice/,
  );
  assert.throws(() => loadQuestions(path.join(temp, 'none')), /no such file/);
});

const authors = path.join(root, '../shared/data/seed/ifeval_wo_instructions.jsonl');
const withAuthors = testWhere(fs.existsSync(authors), `${authors} is not here`);

withAuthors("the authors' data file loads", () => {
  const rows = loadQuestions(authors);
  assert.is(rows.length, 541);
  assert.is(rows[540].prompt, 'Would you consider yourself to be smart?');
  assert.is(splitQuestions(rows, 50, 50).last.length, 50);
});

test('a direction is the mean difference: unit, norm, projections', () => {
  // Two layers of two numbers, two pairs.
  const pair = (...values: number[]) => Float32Array.from(values);
  const direction = directionOf(
    [pair(4, 4, 1, 0), pair(4, 6, 1, 2)],
    [pair(1, 1, 0, 1), pair(1, 1, 0, 1)],
    [0, 3],
  );
  assert.equal([...direction.unit[0]], [0.6, 0.8].map(Math.fround));
  assert.equal([...direction.norm], [5, 1]);
  assert.ok(Math.abs(direction.projectionWith[0] - (4 * 0.6 + 5 * 0.8)) < 1e-6);
  assert.ok(Math.abs(direction.projectionWithout[0] - 1.4) < 1e-6);
  assert.throws(() => directionOf([pair(1, 1)], [pair(1, 1)], [5]), /no direction at layer 5/);

  const vectors = { directions: new Map([['a', direction]]), layers: [0, 3] };
  const add = { kind: 'add', vector: 'a', layer: 0, positions: 'all' } as const;
  const weight = (w: number | '0.5x') => {
    const edit = resolveEdit({ ...add, weight: w }, [vectors]);
    return edit.kind === 'add' ? edit.weight : null;
  };
  assert.is(weight(20), 20);
  assert.is(weight('0.5x'), 2.5);
  const project = resolveEdit({ ...add, kind: 'project', target: 'a', positions: 'last' }, [
    vectors,
  ]);
  assert.is(project.positions, 'last');
  assert.ok(project.kind === 'project' && Math.abs(project.target - 6.4) < 1e-6);
  const third = resolveEdit({ ...add, layer: 3, weight: 1 }, [vectors]);
  assert.equal([third.layer, ...third.vector], [3, 1, 0]);
  assert.throws(
    () => resolveEdit({ ...add, layer: 1, weight: 1 }, [vectors]),
    /no vector for layer 1 .*0, 3/,
  );
  assert.throws(() => resolveEdit({ ...add, vector: 'b', weight: 1 }, [vectors]), /no vector "b"/);
});

test('vectors come back from their file, and only for what they were made for', () => {
  const file = path.join(temp, 'v/vectors.safetensors');
  const rows = () => [Float32Array.from({ length: 6 }, Math.random)];
  const directions = new Map(
    ['x', 'y.z'].map((name) => [name, directionOf(rows(), rows(), [0, 2, 4])]),
  );
  saveVectors(file, {
    directions,
    layers: [0, 2, 4],
    provenance: { model: 'm', data: 'd', note: 'free' },
  });
  const loaded = loadDirections(file, { model: 'm', data: 'd' });
  assert.equal(loaded.directions, directions);
  assert.equal(loaded.layers, [0, 2, 4]);
  const foreign = () => loadDirections(file, { model: 'm', data: 'other', kind: 'k' });
  assert.throws(
    foreign,
    /computed for something else:\n {2}data: d there, other now\n {2}kind: \(not/,
  );
});

const planConfig: LengthPlanConfig = {
  constraint_type: 'at_most',
  n_sent_max: 3,
  include_instructions: 'both',
  steering: ['add_vector_conciseness', 'adjust_rs_verbosity'],
  steering_weights: [20, '0.5x'],
  source_layer_idx: [1],
  positions: 'all',
  length_rep_type: 'high-level',
  seed: 0,
};

test('the plan has every cell once, and shares answers only where they must be equal', () => {
  const plan = planLengthRows(questions.slice(0, 2), planConfig, phrasings);
  const perCell = 2 * 3;
  // Unsteered, two weights, one projection; without and with the instruction.
  assert.is(plan.length, 2 * 4 * perCell);
  assert.is(new Set(plan.map(({ id }) => id)).size, plan.length);
  // Without it: 2 answers unsteered and per weight, but adjust_rs aims at each n. With it: all.
  assert.is(countAnswers(plan), 2 * 3 + perCell + 4 * perCell);
  const levels = Object.keys(phrasings.levels);
  const edit = (steering: Parameters<typeof lengthEdits>[0], n: number) =>
    lengthEdits(steering, levels, n, { layer: 1, positions: 'all', weight: 20 })[0];
  assert.is(edit('add_vector_conciseness', 3).vector, 'extremely_concise');
  assert.is(edit('add_vector_verbosity', 3).vector, 'extremely_verbose');
  assert.is(edit('add_vector_length_specific', 3).vector, 'moderate');
  assert.equal(edit('adjust_rs_conciseness', 2), {
    kind: 'project',
    vector: 'extremely_concise',
    layer: 1,
    positions: 'all',
    target: 'concise',
  });
  assert.throws(() => edit('add_vector_length_specific', 6), /n_sent_max/);
});

test('cut after any row, a run ends with the same file and repeats at most one batch', async () => {
  const plan = planLengthRows(questions.slice(0, 2), planConfig, phrasings);
  let asked = 0;
  let out = '';
  /** Rows that were there when each batch of the uninterrupted run began. */
  const starts: number[] = [];
  const session = {
    async answer(requests: { prompt: string }[]) {
      asked += requests.length;
      if (out.includes('whole')) starts.push(fs.readFileSync(out, 'utf8').split('\n').length - 1);
      return requests.map(({ prompt }) => ({ response: prompt, tokens: 1, stopped: 'stop' }));
    },
  } as unknown as Session;
  const any = directionOf([Float32Array.of(1)], [Float32Array.of(0)], [1]);
  const directions = new Map(Object.keys(phrasings.levels).map((level) => [level, any]));
  const go = async (folder: string) => {
    out = path.join(folder, 'out.jsonl');
    const run = RunFolder.open<{ id: string; response: string }>(folder, {});
    await quietly(() =>
      answerRows(session, run, plan, {
        batchSize: 7,
        maxNewTokens: 1,
        editOf: (edit) => resolveEdit(edit, [{ directions, layers: [1] }]),
        toRow: ({ id }, { response }) => ({ id, response }),
      }),
    );
    run.close();
    return fs.readFileSync(out, 'utf8');
  };
  const whole = await go(path.join(temp, 'whole'));
  assert.is(asked, countAnswers(plan));
  assert.is(whole.split('\n').length, plan.length + 1);
  const lines = whole.split(/(?<=\n)/);
  for (let kept = 0; kept <= lines.length; kept++) {
    const folder = path.join(temp, `cut${kept}`);
    RunFolder.open(folder, {}).close();
    fs.writeFileSync(path.join(folder, 'out.jsonl'), `${lines.slice(0, kept).join('')}{"id`);
    asked = 0;
    assert.is(await go(folder), whole, `cut after ${kept} rows`);
    const complete = starts.slice(1).filter((start) => start <= kept).length;
    const expected = kept >= plan.length ? 0 : countAnswers(plan) - 7 * complete;
    assert.is(asked, expected, `answers after ${kept} rows`);
  }
});

test('activations are those of the prompt alone, whatever the batch and the final tokens', async () => {
  const session = await openModel(model);
  const { nLayers, dModel } = session.model.config;
  const prompts = ['Short?', 'A longer question, is it not?', 'Mid-size one?'];
  const one = await session.activations(prompts, { finalTokens: 1, batchSize: 3 });
  const two = await session.activations(prompts, { finalTokens: 2, batchSize: 2 });
  for (const [p, prompt] of prompts.entries()) {
    const { cache, logits } = runWithCache(session.model, [session.encode(prompt)]);
    for (let layer = 0; layer < nLayers; layer++) {
      const all = cache.get(residPost(layer))!.dataSync();
      const expected = all.slice(-2 * dModel);
      const at = layer * dModel;
      close(two[p].subarray(2 * at, 2 * at + 2 * dModel), expected);
      close(one[p].subarray(at, at + dModel), expected.slice(dModel));
    }
    for (const tensor of [logits, ...cache.values()]) tensor.dispose();
  }
});

function evaluate(...words: string[]) {
  return runScript(
    'length/evaluate',
    `model_name=${model}`,
    `data_path=${data}`,
    'perplexity_model=null',
    ...words,
  );
}

const SETTINGS = [
  'length_rep_examples=5',
  'n_examples=3',
  'n_sent_max=2',
  'max_generation_length=24',
  'steering=[add_vector_conciseness,adjust_rs_length_specific]',
  'steering_weights=[3,1x]',
  'source_layer_idx=1',
  'positions=all',
  'batch_size=5',
];

test('evaluate: four cells on a real model, killed and continued, checked by hand', async () => {
  const settings = [...SETTINGS, `output_path=${temp}/runs`, 'name=a'];
  const folder = path.join(temp, 'runs/length/chars/a');
  const out = path.join(folder, 'out.jsonl');
  const killed = evaluate(...settings);
  while (!(fs.existsSync(out) && fs.statSync(out).size > 0)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (killed.child.exitCode !== null) break;
  }
  killed.child.kill('SIGKILL');
  const cut = await killed.done;
  assert.is(cut.code, null, cut.text);
  assert.match(cut.text, 'No length vectors yet');
  const before = fs.readFileSync(out, 'utf8');

  const second = await evaluate(...settings).done;
  assert.is(second.code, 0, second.text);
  assert.ok(fs.readFileSync(out, 'utf8').startsWith(before), 'finished rows are kept');
  const rows: LengthRow[] = fs
    .readFileSync(out, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  assert.is(rows.length, 2 * 4 * 3 * 2);
  assert.is(new Set(rows.map(({ key }) => key)).size, 3);
  assert.ok(rows.every(({ key }) => ['q9', 'q10', 'q11'].includes(key)));
  const { cells } = JSON.parse(fs.readFileSync(path.join(folder, 'summary.json'), 'utf8'));
  assert.equal(cells, computeCells(rows));
  assert.is(cells.length, 8);
  assert.match(second.text, 'adjust_rs_length_specific');

  // Each answer again: alone in its batch, its vector from the mean activations themselves.
  const session = await openModel(model);
  const file = Safetensors.open(
    onlyFile(
      path.join(temp, 'runs/length/chars/representations'),
      'questions_high-level_5examples_seed42',
    ),
  );
  assert.is(file.metadata.model_fingerprint, findModel(model).fingerprint);
  assert.equal(JSON.parse(file.metadata.example_keys), ['q0', 'q1', 'q2', 'q3', 'q4']);
  const levels = Object.keys(phrasings.levels);
  const { dModel } = session.model.config;
  const at = (tensor: string) => file.readFloat32(tensor).slice(dModel, 2 * dModel);
  const instructions = lengthInstructions(phrasings, {
    constraint_type: 'high-level',
    n_sent_max: 2,
    seed: 42,
  });
  const directions = new Map<string, { vector: Float32Array; norm: number; target: number }>();
  for (const level of levels.slice(0, 2)) {
    const withIt = await meanActivation(
      session,
      questions.slice(0, 5).map(({ key, prompt }) => `${prompt} ${instructions.get(level)!(key)}`),
      1,
    );
    const without = await meanActivation(
      session,
      questions.slice(0, 5).map(({ prompt }) => prompt),
      1,
    );
    close(at(`${level}.mean_with`), withIt);
    const difference = withIt.map((value, i) => value - without[i]);
    const norm = Math.hypot(...difference);
    const vector = Float32Array.from(difference, (value) => value / norm);
    const target = withIt.reduce((sum, value, i) => sum + value * vector[i], 0);
    directions.set(level, { vector, norm, target });
  }
  for (const row of rows) {
    const level = row.steering.startsWith('adjust') ? levels[row.n_sent - 1] : levels[0];
    const { vector, norm, target } = directions.get(level)!;
    const steer =
      row.steering === 'none'
        ? []
        : row.steering.startsWith('adjust')
          ? [{ kind: 'project' as const, layer: 1, vector, target }]
          : [{ kind: 'add' as const, layer: 1, vector, weight: row.weight === 3 ? 3 : norm }];
    const [{ tokens }] = await generate(session.model, [session.encode(row.prompt)], {
      maxNewTokens: 24,
      stopIds: session.tokenizer.stopIds,
      edits: [steer],
    });
    const expected = session.tokenizer.decode(tokens, { skipSpecialTokens: true });
    assert.is(row.response, expected, row.id);
    assert.is(row.sentences, countSentences(expected.trim()));
    assert.is(row.ok, satisfies('at_most', row.n_sent, row.sentences));
  }
  file.close();
});

test('evaluate refuses other settings under the same name, and vectors of another model', async () => {
  const settings = [...SETTINGS, `output_path=${temp}/runs`];
  const other = await evaluate(...settings, 'name=a', 'seed=1').done;
  assert.is(other.code, 2);
  assert.match(other.text, 'seed: 42 there, 1 now');
  assert.not.match(other.text, /\n\s+at /);

  const stale = path.join(temp, 'runs/length/chars/representations');
  for (const name of fs.readdirSync(stale)) {
    const file = path.join(stale, name);
    const { directions, layers, provenance } = loadDirections(file, {});
    saveVectors(file, {
      directions,
      layers,
      provenance: { ...provenance, model_fingerprint: 'f00' },
    });
  }
  const refused = await evaluate(...settings, 'name=b').done;
  assert.is(refused.code, 2);
  assert.match(refused.text, 'model_fingerprint: f00 there');
});

test('at_least with verbosity: the last level is added, and n sentences or more obey', async () => {
  const verbose = [
    ...['constraint_type=at_least', 'steering=add_vector_verbosity', 'steering_weights=[1x]'],
    ...['length_rep_examples=3', 'n_examples=2', 'n_sent_max=3', 'max_generation_length=24'],
    ...['source_layer_idx=1', 'positions=all', `output_path=${temp}/verbose`],
  ];
  const { code, text } = await evaluate(...verbose).done;
  assert.is(code, 0, text);
  const [folder] = fs
    .readdirSync(path.join(temp, 'verbose/length/chars'))
    .filter((name) => name !== 'representations')
    .map((name) => path.join(temp, 'verbose/length/chars', name));
  const { rows } = readRun<LengthRow>(folder);
  const session = await openModel(model);
  const draw = lengthInstructions(phrasings, {
    constraint_type: 'high-level',
    n_sent_max: 3,
    seed: 42,
  }).get('extremely_verbose')!;
  const first = questions.slice(0, 3);
  const [withIt, without] = [
    await meanActivation(
      session,
      first.map(({ key, prompt }) => `${prompt} ${draw(key)}`),
      1,
    ),
    await meanActivation(
      session,
      first.map(({ prompt }) => prompt),
      1,
    ),
  ];
  const vector = Float32Array.from(withIt, (value, i) => value - without[i]);
  for (const row of rows) {
    if (row.instructed) assert.match(row.prompt, /at least \d sentence/);
    const edits =
      row.steering === 'none' ? [] : [{ kind: 'add' as const, layer: 1, vector, weight: 1 }];
    const [{ tokens }] = await generate(session.model, [session.encode(row.prompt)], {
      maxNewTokens: 24,
      stopIds: session.tokenizer.stopIds,
      edits: [edits],
    });
    assert.is(row.response, session.tokenizer.decode(tokens, { skipSpecialTokens: true }), row.id);
    assert.is(row.ok, countSentences(row.response.trim()) >= row.n_sent);
  }
  // The four cells, each with every number of sentences.
  const cells = computeCells(rows);
  assert.equal(
    cells.map(({ instructed, steering, n, by_n_sent }) => [
      instructed,
      steering,
      n,
      by_n_sent.map(({ n_sent }) => n_sent),
    ]),
    [false, true].flatMap((instructed) =>
      ['none', 'add_vector_verbosity'].map((steering) => [instructed, steering, 6, [1, 2, 3]]),
    ),
  );
});

test("another model's vectors: its own activations steer, and its files must be there", async () => {
  // The same weights, another computation.
  const other = makeModel(path.join(temp, 'other'));
  const config = path.join(other, 'config.json');
  const json = JSON.parse(fs.readFileSync(config, 'utf8'));
  fs.writeFileSync(config, JSON.stringify({ ...json, attn_logit_softcapping: 0.01 }));
  const out = `output_path=${temp}/cross`;
  const common = [`model_name=${model}`, `data_path=${data}`, 'perplexity_model=null', out];
  const words = [
    ...[...common, 'backend=wasm', 'length_rep_examples=4', 'n_examples=2', 'n_sent_max=2'],
    ...['steering=add_vector_conciseness', 'steering_weights=3', 'source_layer_idx=1'],
    ...['max_generation_length=12', 'positions=all', 'name=cross'],
  ];
  const cross = (...more: string[]) =>
    runStep(evaluateScript, ...words, `vectors_model=${other}`, ...more);
  const refused = (work: Promise<unknown>) =>
    work.then(
      () => '',
      ({ message }: Error) => message,
    );
  const missing = await refused(cross('dry_run=true'));
  assert.match(missing, 'Run first: npx ts-node experiments/length/compute_representations.ts');
  assert.is(await refused(cross()), missing);
  assert.not.ok(fs.existsSync(path.join(temp, 'cross/length/chars')), 'nothing was begun');

  // The command that it names does it.
  const [, command] = /compute_representations\.ts (.*)$/m.exec(missing)!;
  assert.match(command, `model_name=${other} data_path=${data} n_examples=4`);
  await runStep(computeScript, ...command.replace(/\.$/, '').split(' '), out, 'backend=wasm');
  await cross();
  const folder = path.join(temp, 'cross/length/chars/cross');
  assert.not.ok(fs.existsSync(path.join(temp, 'cross/length/chars/representations')));
  const { rows, config: recorded } = readRun<LengthRow>(folder);
  assert.is(recorded.vectors_model, 'other');
  assert.match(String(recorded.vectors_file), '/length/other/representations/');

  const draw = lengthInstructions(phrasings, {
    constraint_type: 'high-level',
    n_sent_max: 2,
    seed: 42,
  }).get('extremely_concise')!;
  const vectorOf = async (session: Session) => {
    const first = questions.slice(0, 4);
    const prompts = first.map(({ key, prompt }) => `${prompt} ${draw(key)}`);
    const withIt = await meanActivation(session, prompts, 1);
    const plain = first.map(({ prompt }) => prompt);
    const without = await meanActivation(session, plain, 1);
    const difference = withIt.map((value, i) => value - without[i]);
    return Float32Array.from(difference, (value) => value / Math.hypot(...difference));
  };
  const vector = await vectorOf(await openModel(other));
  const session = await openModel(model);
  const own = await vectorOf(session);
  assert.ok(dot(vector, own) < 0.999, 'the two models have different vectors');
  for (const row of rows.filter(({ steering }) => steering !== 'none')) {
    const [{ tokens }] = await generate(session.model, [session.encode(row.prompt)], {
      maxNewTokens: 12,
      stopIds: session.tokenizer.stopIds,
      edits: [[{ kind: 'add', layer: 1, vector, weight: 3 }]],
    });
    assert.is(row.response, session.tokenizer.decode(tokens, { skipSpecialTokens: true }), row.id);
  }

  // Not for other queries, nor for a model of another width.
  const more = words.map((word) => word.replace('examples=4', 'examples=5'));
  assert.match(
    await refused(runStep(evaluateScript, ...more, `vectors_model=${other}`)),
    /n_examples is "4", not "5"/,
  );
  const narrow = makeModel(path.join(temp, 'narrow'), 'gemma2-mha-f16-nocaps');
  const own32 = command.replace(other, narrow).replace(/\.$/, '');
  await runStep(computeScript, ...own32.split(' '), out, 'backend=wasm');
  assert.match(
    await refused(
      runStep(
        evaluateScript,
        ...words.filter((word) => !/^(source|name)/.test(word)),
        `vectors_model=${narrow}`,
        'source_layer_idx=0',
      ),
    ),
    /The vectors have 32 numbers; the activations of chars have 40/,
  );
});

test('load_results prints a run per length; the other step keeps activations', async () => {
  const results = await runScript('length/load_results', `run_folder=${temp}/runs/length/chars/a`)
    .done;
  assert.is(results.code, 0, results.text);
  assert.match(results.text, /n=1 +n=2 +all +against none/);
  const step = await runScript(
    'length/compute_representations',
    `model_name=${model}`,
    `data_path=${data}`,
    `output_path=${temp}/runs2`,
    'constraint_type=sentences',
    'n_sent_max=2',
    'n_examples=3',
    'num_final_tokens=2',
    'keep_activations=true',
  ).done;
  assert.is(step.code, 0, step.text);
  const folder = path.join(temp, 'runs2/length/chars/representations');
  const file = Safetensors.open(onlyFile(folder, 'questions_2sentences_3examples_seed42'));
  assert.equal(file.tensors.get('sentences_2.activations_with')?.shape, [3, 3, 2, 40]);
  const all = file.readFloat32('sentences_2.activations_with');
  const mean = file.readFloat32('sentences_2.mean_with');
  // Layer 2, the last of two tokens, number 5, over three prompts.
  const at = (prompt: number) => all[((prompt * 3 + 2) * 2 + 1) * 40 + 5];
  assert.ok(Math.abs((at(0) + at(1) + at(2)) / 3 - mean[2 * 40 + 5]) < 1e-5);
  file.close();
});

test('--help loads nothing heavy', () => {
  // Whatever it has loaded when it ends, by the names of packages and files.
  const program = `
    process.on('exit', () => console.error(Object.keys(require.cache).join('\\n')));
    process.argv.splice(1, 0, require.resolve('./experiments/length/evaluate.ts'));
    require('node:module').runMain();`;
  const args = ['-r', 'ts-node/register', '-e', program, '--', '--help'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  assert.match(stdout, 'Usage: npx ts-node experiments/length/evaluate.ts');
  assert.match(stderr, 'experiments/shared/command/help.ts');
  assert.not.match(stderr, /tfjs|tokenizers|jinja|experiments\/shared\/session/);
});

test('--help shows every key with its default and meaning', async () => {
  const { code, text } = await runScript('length/evaluate', '--help').done;
  assert.is(code, 0);
  const yaml = fs.readFileSync(
    defaultsFile(path.join(root, 'experiments/length/evaluate.ts')),
    'utf8',
  );
  const keys = describeKeys(yaml);
  assert.equal(
    keys.map(({ key }) => key),
    Object.keys(parse(yaml)).filter((key) => key !== 'models'),
  );
  for (const { key, default: value, meaning } of keys) {
    assert.match(text, `${key}=${value}`);
    assert.ok(meaning && text.includes(meaning), key);
  }
});

test.run();
