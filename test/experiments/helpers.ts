/** What the tests of the experiments share: a small random model, and scripts run as a user would. */
import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as assert from 'uvu/assert';
import { runScript as runWithWords, type Script } from '../../experiments/shared/command/script';
import { openSession, type Session } from '../../experiments/shared/session';
import { residPost } from '../../src/engine/hooks';
import { runWithCache } from '../../src/engine/runWithCache';
import { Safetensors, type TensorData, writeSafetensors } from '../../weights/safetensors';

const root = path.join(__dirname, '../..');

/**
 * Puts a random fixture (Gemma-2 unless named) into `dir`, with a tokenizer of single characters:
 * nonsense answers, real code.
 */
export function makeModel(dir: string, fixture = 'gemma2-gqa'): string {
  fs.cpSync(path.join(__dirname, '../fixtures', fixture), dir, { recursive: true });
  const special = ['<pad>', '<eos>', '<bos>', '<unk>', '<start>', '<end>'];
  const letters = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
  const vocab = Object.fromEntries([...special, ...letters].map((token, id) => [token, id]));
  const added = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const json = {
    version: '1.0',
    added_tokens: special.map((content, id) => ({ id, content, special: true, ...added })),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: { type: 'BPE', vocab, merges: [], unk_token: '<unk>' },
  };
  fs.writeFileSync(path.join(dir, 'tokenizer.json'), JSON.stringify(json));
  const config = {
    bos_token: '<bos>',
    eos_token: '<eos>',
    pad_token: '<pad>',
    chat_template: '<bos><start>{{ messages[0].content }}<end><start>',
  };
  fs.writeFileSync(path.join(dir, 'tokenizer_config.json'), JSON.stringify(config));
  return dir;
}

/**
 * A folder that a dry run takes for a model of so many layers: it has its config.json, and weights of
 * a few layers.
 */
export function makeStandIn(dir: string, layers: number, fixture?: string): string {
  makeModel(dir, fixture);
  const file = path.join(dir, 'config.json');
  const { layer_types: _, ...config } = JSON.parse(fs.readFileSync(file, 'utf8'));
  fs.writeFileSync(file, JSON.stringify({ ...config, num_hidden_layers: layers }));
  return dir;
}

/** A data folder by the authors' names, with the tiny model's prompts and wordings. */
export function makeDataFolder(dir: string): string {
  const copy = (from: string, to: string) =>
    fs.cpSync(path.join(root, from), path.join(dir, to), { recursive: true });
  const prompts = 'weights/tiny/prompts';
  copy(`${prompts}/questions.jsonl`, 'ifeval_wo_instructions.jsonl');
  copy(`${prompts}/format.jsonl`, 'format/ifeval_augmented_filtered.jsonl');
  copy(`${prompts}/format.jsonl`, 'format/ifeval_single_instr_format.jsonl');
  for (const [ours, theirs] of [
    ['include', 'inclusion'],
    ['exclude', 'exclusion'],
  ]) {
    const rows = `${prompts}/keywords_${ours}.jsonl`;
    copy(rows, `keywords/ifeval_single_keyword_${ours}.jsonl`);
    copy(rows, `keywords/${theirs}_validation.jsonl`);
    copy(`${prompts}/keywords_${ours}.txt`, `keywords/ifeval_keywords_${ours}.txt`);
  }
  for (const part of ['length', 'keywords']) {
    copy(`configs/${part}/phrasings.yaml`, `${part}/phrasings.yaml`);
  }
  return dir;
}

/** Gives a model of `makeModel` (of one file) more layers, by going through its own again and again. */
export function deepen(dir: string, nLayers: number): string {
  const configFile = path.join(dir, 'config.json');
  const config = JSON.parse(fs.readFileSync(configFile, 'utf8'));
  const own: number = config.num_hidden_layers;
  const file = path.join(dir, 'model.safetensors');
  const before = Safetensors.open(file);
  const tensors: Record<string, TensorData> = {};
  for (const [name, { dtype, shape }] of before.tensors) {
    const data = before.readBytes(name);
    const [, layer] = /\.layers\.(\d+)\./.exec(name) ?? [];
    if (layer === undefined) tensors[name] = { dtype, shape, data };
    for (let at = Number(layer); at < nLayers; at += own) {
      tensors[name.replace(/\.layers\.\d+\./, `.layers.${at}.`)] = { dtype, shape, data };
    }
  }
  before.close();
  writeSafetensors(file, tensors);
  config.num_hidden_layers = nLayers;
  config.layer_types = Array.from({ length: nLayers }, (_, i) => config.layer_types[i % 2]);
  fs.writeFileSync(configFile, JSON.stringify(config));
  return dir;
}

export function openModel(model: string): Promise<Session> {
  return openSession({
    model_name: model,
    backend: 'wasm',
    device: null,
    dtype: null,
    prompt_style: null,
    compat: null,
  });
}

const children: ChildProcess[] = [];

/**
 * Starts `experiments/<script>.ts` as a user would, but for the report, which takes a while. Give
 * `stopScripts` to `test.after`.
 */
export const runScript = (script: string, ...words: string[]) =>
  runWithReport(script, ...words, '--no-report');

/** The same, and the run ends with its report. */
export function runWithReport(script: string, ...words: string[]) {
  const file = path.join(root, `experiments/${script}.ts`);
  const child = spawn(process.execPath, ['-r', 'ts-node/register', file, ...words], {
    cwd: root,
    env: { ...process.env, TILLER_BACKEND: 'wasm' },
  });
  children.push(child);
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  child.stderr.on('data', (chunk) => (text += chunk));
  const done = new Promise<{ code: number | null; text: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, text }));
  });
  return { child, done };
}

export function stopScripts(): void {
  for (const child of children) child.kill('SIGKILL');
}

/** The only file of a folder whose name begins so: what else is in it may be a hash. */
export function onlyFile(folder: string, beginning: string): string {
  const names = fs
    .readdirSync(folder)
    .filter((name) => name.startsWith(beginning) && name.endsWith('.safetensors'));
  assert.is(names.length, 1, `${beginning} in ${names.join(', ')}`);
  return path.join(folder, names[0]);
}

/** Runs a step in this process, with those words whose keys it has. @returns what it printed */
export function runStep(step: Script, ...words: string[]): Promise<string> {
  const own = words.filter((word) => Object.keys(step.schema).includes(word.split('=')[0]));
  return printedBy(async () => {
    await runWithWords(step, [], own);
  });
}

/** What `act` prints on standard output, its tables 80 columns wide at most; progress goes nowhere. */
export async function printedBy(act: () => Promise<unknown>): Promise<string> {
  const { log } = console;
  const lines: string[] = [];
  console.log = (...parts: unknown[]) => lines.push(parts.join(' '));
  try {
    await quietly(act);
  } finally {
    console.log = log;
  }
  const text = lines.join('\n');
  assertTablesFit(text);
  return text;
}

/** A table is a header, the rule below it, and what follows up to an empty line. */
export function assertTablesFit(text: string): void {
  const lines = text.split('\n');
  lines.forEach((rule, at) => {
    if (!/^─[─ ]*$/.test(rule)) return;
    const end = lines.indexOf('', at);
    for (const line of lines.slice(at - 1, end < 0 ? undefined : end)) {
      assert.ok([...line].length <= 80, `wider than 80 columns: ${line}`);
    }
  });
}

/** `act` without its progress lines. */
export async function quietly(act: () => Promise<unknown>): Promise<void> {
  const { write } = process.stderr;
  process.stderr.write = () => true;
  try {
    await act();
  } finally {
    process.stderr.write = write;
  }
}

/** Mean of `resid_post` at the last prompt token, from one full pass per prompt. */
export async function meanActivation(
  session: Session,
  prompts: string[],
  layer: number,
): Promise<number[]> {
  const { dModel } = session.model.config;
  const mean = new Array<number>(dModel).fill(0);
  for (const prompt of prompts) {
    const { cache, logits } = runWithCache(session.model, [session.encode(prompt)]);
    const last = cache.get(residPost(layer))!.dataSync().slice(-dModel);
    for (let i = 0; i < dModel; i++) mean[i] += last[i] / prompts.length;
    for (const tensor of [logits, ...cache.values()]) tensor.dispose();
  }
  return mean;
}

export function close(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.is(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    assert.ok(Math.abs(actual[i] - expected[i]) < 1e-4, `${actual[i]} for ${expected[i]}`);
  }
}
