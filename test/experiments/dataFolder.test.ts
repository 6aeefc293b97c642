/** `data_path` is a folder as the authors have it: vectors from one file, evaluation on another. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as evaluateBoth } from '../../experiments/composition/evaluate_format_plus_length';
import { script as computeRepresentations } from '../../experiments/format/compute_representations';
import { script as evaluate } from '../../experiments/format/evaluate';
import { script as findBestLayer } from '../../experiments/format/find_best_layer';
import type { FormatRow } from '../../experiments/format/parts/cells';
import { script as precomputeIvs } from '../../experiments/format/precompute_ivs';
import { script as lengthRepresentations } from '../../experiments/length/compute_representations';
import { loadDirections } from '../../experiments/shared/vectors/load';
import { readRun } from '../../src/runs/runFolder';
import { hashFile } from '../../src/util/hashFile';
import { testWhere } from '../where';
import { makeModel, onlyFile, runScript, runStep, stopScripts } from './helpers';

const root = path.join(__dirname, '../..');
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-folder-runs-'));
const model = makeModel(path.join(temp, 'chars'));
test.after(() => {
  stopScripts();
  fs.rmSync(temp, { recursive: true });
});

type Json = Record<string, unknown>;
function write(file: string, rows: Json[]): string {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return file;
}

const IDS = ['punctuation:no_comma', 'detectable_format:title'];
const data = path.join(temp, 'data');
/** Two queries (`key`), each with either instruction in two wordings. */
const training = write(
  path.join(data, 'format/ifeval_augmented_filtered.jsonl'),
  [0, 1].flatMap((key) =>
    IDS.flatMap((id, i) =>
      [0, 1].map((wording) => ({
        uid: 100 + key * 10 + i * 2 + wording,
        key,
        model_output: `Why thing ${key}? ${['Obey', 'Follow'][wording]} ${id}.`,
        prompt: 'Reword this.',
        prompt_without_instruction: `Why thing ${key}?`,
        single_instruction_id: id,
        kwargs: [{}],
      })),
    ),
  ),
);
const evaluation = write(
  path.join(data, 'format/ifeval_single_instr_format.jsonl'),
  IDS.map((id, key) => ({
    key,
    prompt: `What of ${key}? Do ${id}.`,
    prompt_without_instruction: `What of ${key}?`,
    instruction_id_list: [id],
    kwargs: [{}],
  })),
);
const queries = write(
  path.join(data, 'ifeval_wo_instructions.jsonl'),
  [0, 1, 2].map((uid) => ({
    uid,
    key: 1000 + uid,
    original_prompt: 'x',
    prompt: 'Simplify this.',
    model_output: `Who is ${uid}?`,
    instruction_id_list: [],
  })),
);

const common = [
  `model_name=${model}`,
  `output_path=${temp}/runs`,
  'backend=wasm',
  'max_generation_length=5',
  'max_generation_length_long=5',
  'perplexity_model=null',
];
const settings = [...common, `data_path=${data}`];
const configOf = (folder: string) =>
  readRun<FormatRow>(folder).config as Record<string, string | null>;

test('format: vectors and search by the augmented rows, evaluation by the others', async () => {
  await runStep(computeRepresentations, ...settings, 'subset_ratio=0.5');
  const base = path.join(temp, 'runs/format/chars');
  const vectors = loadDirections(onlyFile(path.join(base, 'representations'), ''), {});
  assert.is(vectors.provenance.data_sha256, hashFile(training));
  const used = JSON.parse(vectors.provenance.example_keys) as string[];
  assert.is(used.length, 4);
  assert.ok(used.every((uid) => /^1\d\d$/.test(uid)));

  const vectorsFile = `vectors_file=${onlyFile(path.join(base, 'representations'), '')}`;
  const search = [...settings, vectorsFile, 'n_examples_per_instruction=2', 'layers=[1]'];
  assert.not.match(await runStep(findBestLayer, ...search), 'gave the vectors too');
  const [name] = fs.readdirSync(path.join(base, 'layer_search'));
  const found = readRun<FormatRow>(path.join(base, 'layer_search', name));
  assert.is(found.config.data_sha256, hashFile(training));
  // The rows that gave no vectors, told apart by uid: their query's key would name eight at once.
  const searched = [...new Set(found.rows.map(({ key }) => key))];
  assert.is(searched.length, 4);
  assert.not.ok(searched.some((uid) => used.includes(uid)));
  assert.match(found.rows.find((row) => row.instructed)!.prompt, /^Why thing \d\? (Obey|Follow) /);

  await runStep(precomputeIvs, ...settings, 'perplexity_threshold=null');
  const text = await runStep(evaluate, ...settings);
  assert.not.match(text, 'Careful', 'none of the rows evaluated gave the vectors');
  const run = fs
    .readdirSync(base)
    .find((one) => fs.existsSync(path.join(base, one, 'summary.json')))!;
  const config = configOf(path.join(base, run));
  assert.equal(
    [config.data_path, config.data_sha256, config.vectors_data_path],
    [evaluation, hashFile(evaluation), training],
  );
  const rows = readRun<FormatRow>(path.join(base, run)).rows;
  assert.equal([...new Set(rows.map(({ key }) => key))].sort(), ['0', '1']);
  // Vectors of the evaluation's own rows are another thing, and are not there.
  const byFile = [...common, `data_path=${evaluation}`];
  const refused = await runStep(evaluate, ...byFile).catch(({ message }) => message);
  assert.match(refused, /data_sha256 is "\w+", not "\w+"/);
  assert.match(refused, `precompute_ivs.ts model_name=chars data_path=${evaluation}`);
});

test('composition: the length vectors come from the folder, whichever of its files is given', async () => {
  const more = ['length_rep_examples=3', 'length_source_layer_idx=1', 'n_examples=1'];
  await runStep(evaluateBoth, ...settings, ...more);
  const folder = path.join(temp, 'runs/composition/chars');
  const [name] = fs.readdirSync(folder);
  const config = configOf(path.join(folder, name));
  assert.equal(
    [config.data_path, config.vectors_data_path, config.length_data_path],
    [evaluation, training, queries],
  );
  const vectors = onlyFile(path.join(temp, 'runs/length/chars/representations'), '');
  const { provenance } = loadDirections(vectors, {});
  assert.is(provenance.data_sha256, hashFile(queries));
  assert.is(provenance.example_keys, '["0","1","2"]');
  // The same file as the length experiment computes.
  const same = await runStep(lengthRepresentations, ...settings, 'n_examples=3', 'dry_run=true');
  assert.match(same, path.basename(vectors));
  const dry = (...words: string[]) =>
    runStep(evaluateBoth, ...common, ...more, 'dry_run=true', ...words);
  const byFile = await dry(`data_path=${evaluation}`, `vectors_data_path=${data}`);
  assert.match(byFile, path.basename(vectors));

  const alone = path.join(temp, 'alone.jsonl');
  fs.copyFileSync(evaluation, alone);
  const refused = await dry(`data_path=${alone}`).catch(({ message }) => message);
  assert.match(refused, /has no questions.jsonl or ifeval_wo.*length_data_path=\.\.\./);
});

/** The real prompt files, and augmented rows from published outputs. */
function realFolder(): string {
  const folder = path.join(temp, 'real');
  fs.cpSync(path.join(shared, 'seed'), folder, { recursive: true });
  for (const part of ['', 'format', 'keywords']) fs.chmodSync(path.join(folder, part), 0o755);
  const lines = fs.readFileSync(
    path.join(shared, 'authors/phi-3/layer_search_instr.jsonl'),
    'utf8',
  );
  const rows = lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Json)
    .map(({ response: _, layer, perplexity, follow_all_instructions, ...row }) => row);
  const once = [...new Map(rows.map((row) => [row.uid, row])).values()];
  write(path.join(folder, 'format/ifeval_augmented_filtered.jsonl'), once);
  return folder;
}

const shared = path.join(root, '../shared/data');
const withShared = testWhere(
  fs.existsSync(path.join(shared, 'seed')) && fs.existsSync(path.join(shared, 'authors')),
  `${shared} is not here`,
);

withShared('all four experiments take the real folder', async () => {
  const folder = realFolder();
  const dry = async (experiment: string) => {
    // Two of the prompts are too long for the tiny model.
    const words = [`data_path=${folder}`, `output_path=${temp}/dry`, 'skip_long=true', '--dry-run'];
    const { code, text } = await runScript(`${experiment}/run`, ...words).done;
    assert.is(code, 0, text);
    return text;
  };
  const format = await dry('format');
  assert.match(format, /\d+ of 115 rows → .*ifeval_augmented_filtered_ratio/);
  assert.match(format, /\n162 rows, steering/);
  assert.match(await dry('length'), /50 queries .*ifeval_wo_instructions_high-level/);
  assert.match(await dry('keywords'), /queries of .*real\/ifeval_wo_instructions.jsonl/);
  assert.match(await dry('composition'), /162 prompts.*\nLength vectors: .*ifeval_wo_instructions/);
});

test('our folder means the same files as the defaults', async () => {
  const dry = async (...words: string[]) => {
    const own = [...words, `output_path=${temp}/dry`, '--dry-run'];
    const { code, text } = await runScript('composition/run', ...own).done;
    assert.is(code, 0, text);
    return text.match(/^.*\.safetensors$/gm);
  };
  const usual = await dry();
  assert.is(usual?.length, 3);
  const [vectors, , length] = (await dry('data_path=weights/tiny/prompts')) ?? [];
  assert.equal([vectors, length], [usual?.[0], usual?.[2]]);
});

test.run();
