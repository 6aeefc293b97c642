/**
 * Trains the tiny models that Tiller ships, by plain next-token prediction on the corpus of
 * corpus.ts: the Gemma-2 on chats, the GPT-2 on answers. Nothing about vectors or steering enters.
 *
 *     TILLER_BACKEND=tensorflow npx ts-node weights/tiny/train.ts              tiny-gemma2
 *     TILLER_BACKEND=tensorflow npx ts-node weights/tiny/train.ts tiny-gpt2
 *     ... --out weights/tiny-gemma2                           in place of the shipped checkpoint
 *
 * Ctrl-C ends it after the step it is at. Started again, it goes on from there; killed, from its
 * last saved state, at most 100 steps before.
 */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { Gemma2, gemma2Weights, readConfig as readGemma2Config } from '../../models/gemma2';
import { GPT2, gpt2Weights, readConfig as readGPT2Config } from '../../models/gpt2';
import { useBackend } from '../../src/backend';
import type { ModelConfig } from '../../src/checkpoint/configJson';
import { openConfig } from '../../src/checkpoint/folder';
import type { WeightSource } from '../../src/checkpoint/weights';
import { count, number, type Options, text } from '../../src/commands/command';
import { residPost } from '../../src/engine/hooks';
import { crossEntropy } from '../../src/nn/loss';
import { loadTokenizer } from '../../src/text/loadTokenizer';
import type { Tokenizer } from '../../src/text/tokenizer';
import { InputError } from '../../src/util/errors';
import { oneOf, runAsProgram } from '../../src/util/script';
import { duration } from '../../src/util/units';
import { Safetensors, writeSafetensors } from '../safetensors';
import { AdamW } from './adamw';
import { type Batch, batches } from './batches';
import { Noise } from './noise';
import { RECIPES, type Recipe } from './recipe';
import { gpt2Matrix, normal } from './start';
import { textBatches } from './texts';

/** A trained tensor and the way it is stored in a checkpoint. */
interface Parameter {
  variable: tf.Variable;
  /** [rows, columns] as stored. */
  shape: number[];
  toCheckpoint(value: tf.Tensor): tf.Tensor;
  fromCheckpoint(value: tf.Tensor): tf.Tensor;
}

/** First parameters: matrices of start.ts, each from its own seed; gains 1, biases 0. */
function randomParameters(
  parameters: Map<string, Parameter>,
  { seed, initStd, model }: Recipe,
): WeightSource {
  const add = <T extends tf.Tensor>(
    name: string,
    shape: number[],
    value: tf.Tensor,
    toCheckpoint: (x: tf.Tensor) => tf.Tensor = (x) => tf.clone(x),
    fromCheckpoint = toCheckpoint,
  ) => {
    const variable = tf.variable(value, true, name);
    value.dispose();
    parameters.set(name, { variable, shape, toCheckpoint, fromCheckpoint });
    return variable as unknown as T;
  };
  const matrix = (name: string, n: number, m: number) => {
    const start = { std: initStd, seed: seed + parameters.size };
    return model.model_type === 'gpt2' ? gpt2Matrix(name, n, m, start) : normal(n, m, start);
  };
  return {
    linear: (name, inner, outer) =>
      add(name, [outer, inner], matrix(name, inner, outer), (x) => tf.transpose(x)),
    table: (name, rows, columns) => add(name, [rows, columns], matrix(name, rows, columns)),
    gain: (name, n) => add(name, [n], tf.ones([n])),
    bias: (name, n) => add(name, [n], tf.zeros([n])),
    gainLessOne: (name, n) =>
      add(
        name,
        [n],
        tf.ones([n]),
        (x) => tf.sub(x, 1),
        (x) => tf.add(x, 1),
      ),
  };
}

/** Puts a checkpoint's weights in place of the random ones. */
function loadStart(dir: string, parameters: Map<string, Parameter>) {
  const checkpoint = Safetensors.open(join(dir, 'model.safetensors'));
  for (const [name, { variable, shape, fromCheckpoint }] of parameters) {
    tf.tidy(() => {
      variable.assign(fromCheckpoint(tf.tensor(checkpoint.readFloat32(name), shape)));
    });
  }
  checkpoint.close();
}

/** The model that a recipe's config.json describes; the source is asked for every tensor. */
function build(file: ModelConfig, source: WeightSource): Gemma2 | GPT2 {
  if (file.values.model_type === 'gpt2') {
    const config = readGPT2Config(file);
    return new GPT2(config, gpt2Weights(source, config));
  }
  const config = readGemma2Config(file);
  return new Gemma2(config, gemma2Weights(source, config));
}

/** What a recipe's model reads, from batch number `from` on. */
function batchesOf(recipe: Recipe, tokenizer: Tokenizer, from: number): Generator<Batch, never> {
  const { batchSize, maxLength, seed, reads } = recipe;
  const sizes = { batchSize, maxLength, seed, from };
  return 'chats' in reads
    ? batches(tokenizer, { ...sizes, ...reads.chats })
    : textBatches(tokenizer, { ...sizes, ...reads.texts });
}

/** Writes the checkpoint, rounded to bfloat16. */
function writeCheckpoint(dir: string, parameters: Map<string, Parameter>) {
  const tensors: Parameters<typeof writeSafetensors>[1] = {};
  for (const [name, { variable, shape, toCheckpoint }] of parameters) {
    const data = tf.tidy(() => toCheckpoint(variable).dataSync() as Float32Array);
    tensors[name] = { dtype: 'BF16', shape, data };
  }
  writeSafetensors(join(dir, 'model.safetensors'), tensors, { format: 'pt' });
}

/** Everything that a later run needs to go on as if it had not been away. */
function saveState(
  file: string,
  parameters: Map<string, Parameter>,
  optimizer: AdamW,
  losses: number[],
) {
  const tensors: Parameters<typeof writeSafetensors>[1] = {};
  for (const [name, { variable }] of parameters) {
    const { m, v } = optimizer.moments.get(name)!;
    for (const [part, tensor] of Object.entries({ value: variable, m, v })) {
      tensors[`${part}.${name}`] = {
        dtype: 'F32',
        shape: tensor.shape,
        data: tensor.dataSync() as Float32Array,
      };
    }
  }
  const metadata = { step: String(optimizer.step), losses: JSON.stringify(losses) };
  writeSafetensors(file, tensors, metadata);
}

/** @returns the losses since the last line of the curve */
function loadState(file: string, parameters: Map<string, Parameter>, optimizer: AdamW): number[] {
  const state = Safetensors.open(file);
  const set = (variable: tf.Variable, name: string) =>
    tf.tidy(() => variable.assign(tf.tensor(state.readFloat32(name), variable.shape)));
  for (const [name, { variable }] of parameters) {
    set(variable, `value.${name}`);
    set(optimizer.moments.get(name)!.m, `m.${name}`);
    set(optimizer.moments.get(name)!.v, `v.${name}`);
  }
  optimizer.step = Number(state.metadata.step);
  state.close();
  return JSON.parse(state.metadata.losses ?? '[]');
}

/** Linear warm-up, then each round's peak rate and descent. */
function learningRate(step: number, { rounds, warmup }: Recipe): number {
  const { until, peakRate, descent } = rounds.find((round) => step < round.until) ?? rounds.at(-1)!;
  return peakRate * Math.max(0, Math.min(1, (step + 1) / warmup, (until - step) / descent));
}

/**
 * Mean NLL of the tokens of a batch that should be predicted. Only the columns that predict them are
 * read out: the logits are the largest tensors of a step.
 * @param kept takes the tensor that outlives the forward pass, to be freed after the gradient
 */
function batchLoss(
  model: Gemma2 | GPT2,
  batch: Batch,
  noise: Noise | null,
  kept: tf.Tensor[],
): tf.Scalar {
  const width = batch.ids[0].length;
  const targets = batch.ids.flat();
  const predicted = batch.predicted.flat().flatMap((wanted, i) => (wanted ? [i] : []));
  const blocks = Array.from({ length: model.config.nLayers }, (_, l) => residPost(l));
  const hook = (value: tf.Tensor, name: string) => {
    const passed = noise ? noise.blur(value) : value;
    if (name === blocks.at(-1)) kept.push(tf.keep(passed));
    return passed;
  };
  const hooks = Object.fromEntries(blocks.map((name) => [name, hook]));
  model.forward(batch.ids, { mask: batch.mask, logits: 'none', hooks });
  const flat = tf.reshape(kept[0], [batch.ids.length * width, model.config.dModel]);
  const before = tf.tensor1d(
    predicted.map((i) => i - 1),
    'int32',
  );
  const logits = model.readOut(tf.expandDims(tf.gather(flat, before), 0));
  return crossEntropy(
    tf.squeeze(logits, [0]),
    predicted.map((i) => targets[i]),
  );
}

/** A config.json as Python reads it: what is a fraction by its kind is written so, as transformers demands. */
export const configText = (config: object): string =>
  `${JSON.stringify(config, null, 2)}\n`.replace(/(_softcapping": \d+)(?=[,\n])/g, '$1.0');

/** The files beside config.json and the weights. */
const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'generation_config.json',
];

/** Makes the checkpoint folder, with its config and, where it has none, a copy of a tokenizer. */
function prepareFolder({ out, tokenizerFrom, recipe }: TrainOptions) {
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'config.json'), configText(recipe.model));
  if (!tokenizerFrom || existsSync(join(out, 'tokenizer.json'))) return;
  for (const name of TOKENIZER_FILES) {
    if (existsSync(join(tokenizerFrom, name))) {
      copyFileSync(join(tokenizerFrom, name), join(out, name));
    }
  }
}

/** The loss curve without the steps after `step`, which a killed run did in vain. */
function cutCurve(curve: string, step: number) {
  if (!existsSync(curve)) return;
  const lines = readFileSync(curve, 'utf8').split('\n');
  const kept = lines.filter((line) => line && Number.parseInt(line, 10) <= step);
  writeFileSync(curve, kept.map((line) => `${line}\n`).join(''));
}

const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Prints the first step, the last, and one now and then. */
function reporter(first: number, steps: number) {
  const started = performance.now();
  let shown = -Infinity;
  return (step: number, loss: number) => {
    const now = performance.now();
    if (now - shown < 5000 && step < steps) return;
    shown = now;
    const rate = (1000 * (step - first)) / (now - started);
    const left = duration((steps - step) / rate);
    const [nats, speed] = [loss.toFixed(4), rate.toFixed(2)];
    console.log(`step ${step}/${steps}, loss ${nats}, ${speed} steps/s, ${left} left`);
  };
}

export interface TrainOptions {
  /** Checkpoint folder. */
  out: string;
  /** The folder whose tokenizer `out` gets where it has none. */
  tokenizerFrom?: string;
  /** Where the state of an unfinished run and the loss curve are kept. */
  stateDir: string;
  steps: number;
  /** Stop after so many minutes, to go on later; 0: never. */
  minutes?: number;
  /** Asked after each step: stop there, to go on later. */
  stop?: () => boolean;
  recipe: Recipe;
}

/**
 * Trains up to `steps`, from the saved state if there is one, and writes the checkpoint.
 * @throws InputError on a backend that can't train
 */
export async function train(options: TrainOptions): Promise<void> {
  const { out, stateDir, steps, minutes = 0, stop, recipe } = options;
  const backend = await useBackend();
  if (backend.name !== 'tensorflow') {
    // A tied output is a copy there, which no gradient reaches.
    throw new InputError(
      `Training needs the tensorflow backend, not ${backend.name}. Run: npm run setup:tensorflow`,
    );
  }
  console.log(`Training on ${backend.name} (${backend.detail}), ${steps} steps.`);
  mkdirSync(stateDir, { recursive: true });
  prepareFolder(options);
  const tokenizer = loadTokenizer(out);
  const parameters = new Map<string, Parameter>();
  const model = build(openConfig(out), randomParameters(parameters, recipe));
  const size = [...parameters.values()].reduce((n, { variable }) => n + variable.size, 0);
  const variables = new Map([...parameters].map(([name, { variable }]) => [name, variable]));
  const optimizer = new AdamW(variables, recipe.adamw);
  const stateFile = join(stateDir, 'state.safetensors');
  const curve = join(stateDir, 'loss.csv');
  if (recipe.startsFrom) loadStart(join(__dirname, '..', recipe.startsFrom), parameters);
  let losses = existsSync(stateFile) ? loadState(stateFile, parameters, optimizer) : [];
  const first = optimizer.step;
  cutCurve(curve, first);
  console.log(`${size.toLocaleString('en')} parameters; starting at step ${first}.`);

  const noise = recipe.noise ? new Noise(recipe) : null;
  const source = batchesOf(recipe, tokenizer, first);
  const report = reporter(first, steps);
  const end = performance.now() + (minutes || Infinity) * 60_000;
  const save = () => {
    saveState(stateFile, parameters, optimizer, losses);
    writeCheckpoint(out, parameters);
  };
  let stopping = false;
  while (optimizer.step < steps && !stopping) {
    const step = optimizer.step;
    const batch = source.next().value;
    const kept: tf.Tensor[] = [];
    noise?.begin(step);
    const { value, grads } = tf.variableGrads(
      () => batchLoss(model, batch, noise, kept),
      [...variables.values()],
    );
    optimizer.update(new Map(Object.entries(grads)), learningRate(step, recipe));
    losses.push(value.dataSync()[0]);
    tf.dispose([value, ...(batch.mask ? [batch.mask] : []), ...kept, ...Object.values(grads)]);
    report(optimizer.step, mean(losses));
    if (optimizer.step % 20 === 0 || optimizer.step === steps) {
      appendFileSync(curve, `${optimizer.step},${mean(losses).toFixed(4)}\n`);
      losses = [];
    }
    // Signals arrive between steps only.
    await new Promise(setImmediate);
    stopping = performance.now() > end || Boolean(stop?.());
    if (optimizer.step % 100 === 0 && optimizer.step < steps) save();
  }
  save();
  optimizer.dispose();
  noise?.dispose();
  model.dispose();
  console.log(`Step ${optimizer.step}: checkpoint in ${out}, loss curve in ${curve}.`);
}

const OPTIONS = [
  ['--out <dir>', 'Checkpoint folder (default: weights/tiny/.training/<model>/checkpoint)'],
  ['--steps <n>', "Training steps (default: the recipe's)"],
  ['--state <dir>', 'Where an unfinished run is kept (default: weights/tiny/.training/<model>)'],
  ['--minutes <n>', 'Stop after so many minutes, to go on later (default: never)'],
] as const;

async function main(given: string | undefined, options: Options): Promise<number> {
  const name = oneOf('The model', given ?? 'tiny-gemma2', Object.keys(RECIPES));
  const recipe = RECIPES[name];
  const weights = join(__dirname, '..');
  const stateDir = text(options, 'state') ?? join(weights, 'tiny/.training', name);
  let stopped = false;
  process.once('SIGINT', () => {
    console.log('Stopping after this step; Ctrl-C again stops at once.');
    stopped = true;
  });
  await train({
    recipe,
    out: text(options, 'out') ?? join(stateDir, 'checkpoint'),
    tokenizerFrom: join(weights, name),
    stateDir,
    steps: count(options, 'steps', recipe.rounds.at(-1)!.until),
    minutes: number(options, 'minutes', 0, 'a number from 0', (x) => x >= 0),
    stop: () => stopped,
  });
  if (stopped) console.log('The same command goes on from there.');
  return stopped ? 130 : 0;
}

runAsProgram(module, { options: OPTIONS, takes: [0, 1] }, ({ positionals, options }) =>
  main(positionals[0], options),
);
