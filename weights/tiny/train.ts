/**
 * Trains the tiny models that Tiller ships, by plain next-token prediction on the corpus of
 * corpus.ts: the Gemma-2 on chats, the GPT-2 on answers. Nothing about vectors or steering enters.
 *
 *     TILLER_BACKEND=tensorflow npx ts-node weights/tiny/train.ts              tiny-gemma2
 *     TILLER_BACKEND=tensorflow npx ts-node weights/tiny/train.ts tiny-gpt2
 *
 * Killed and started again, it goes on from its last saved state (weights/tiny/.training).
 */
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { cac } from 'cac';
import { Gemma2, gemma2Weights, readConfig as readGemma2Config } from '../../models/gemma2';
import { GPT2, gpt2Weights, readConfig as readGPT2Config } from '../../models/gpt2';
import { useBackend } from '../../src/backend';
import { ModelConfig } from '../../src/checkpoint/configJson';
import type { WeightSource } from '../../src/checkpoint/weights';
import { residPost } from '../../src/engine/hooks';
import { crossEntropy } from '../../src/nn/loss';
import { loadTokenizer, type Tokenizer } from '../../src/text/tokenizer';
import { didYouMean, InputError } from '../../src/util/errors';
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
function saveState(file: string, parameters: Map<string, Parameter>, optimizer: AdamW) {
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
  writeSafetensors(file, tensors, { step: String(optimizer.step) });
}

function loadState(file: string, parameters: Map<string, Parameter>, optimizer: AdamW) {
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
  const out = residPost(model.config.nLayers - 1);
  model.forward(batch.ids, {
    mask: batch.mask,
    logits: 'none',
    hooks: (value, name) => {
      if (!name.endsWith('hook_resid_post')) return undefined;
      const passed = noise ? noise.blur(value) : value;
      if (name === out) kept.push(tf.keep(passed));
      return passed;
    },
  });
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

export interface TrainOptions {
  /** Checkpoint folder, which holds the tokenizer. */
  out: string;
  /** Where the state of an unfinished run and the loss curve are kept. */
  stateDir: string;
  steps: number;
  /** Stop after so many minutes, to go on later; 0: never. */
  minutes?: number;
  recipe: Recipe;
}

/**
 * Trains up to `steps`, from the saved state if there is one, and writes the checkpoint.
 * @throws InputError on a backend that can't train
 */
export async function train(options: TrainOptions): Promise<void> {
  const { out, stateDir, steps, minutes = 0, recipe } = options;
  const backend = await useBackend();
  if (backend.name !== 'tensorflow') {
    // A tied output is a copy there, which no gradient reaches.
    throw new InputError(
      `Training needs the tensorflow backend, not ${backend.name}. Run: npm run setup:tensorflow`,
    );
  }
  console.log(`Training on ${backend.name} (${backend.detail}), ${steps} steps.`);
  mkdirSync(stateDir, { recursive: true });
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'config.json'), `${JSON.stringify(recipe.model, null, 2)}\n`);
  const tokenizer = loadTokenizer(out);
  const parameters = new Map<string, Parameter>();
  const model = build(ModelConfig.open(out), randomParameters(parameters, recipe));
  const count = [...parameters.values()].reduce((n, { variable }) => n + variable.size, 0);
  const variables = new Map([...parameters].map(([name, { variable }]) => [name, variable]));
  const optimizer = new AdamW(variables, recipe.adamw);
  const stateFile = join(stateDir, 'state.safetensors');
  const curve = join(stateDir, 'loss.csv');
  if (recipe.startsFrom) loadStart(join(__dirname, '..', recipe.startsFrom), parameters);
  if (existsSync(stateFile)) loadState(stateFile, parameters, optimizer);
  else rmSync(curve, { force: true });
  console.log(`${count.toLocaleString('en')} parameters; starting at step ${optimizer.step}.`);

  const noise = recipe.noise ? new Noise(recipe) : null;
  const source = batchesOf(recipe, tokenizer, optimizer.step);
  const started = performance.now();
  const first = optimizer.step;
  let losses: number[] = [];
  while (optimizer.step < steps) {
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
    if (optimizer.step % 20 === 0 || optimizer.step === steps) {
      const mean = losses.reduce((a, b) => a + b, 0) / losses.length;
      const seconds = (performance.now() - started) / 1000;
      const left = (seconds / (optimizer.step - first)) * (steps - optimizer.step);
      appendFileSync(curve, `${optimizer.step},${mean.toFixed(4)}\n`);
      console.log(
        `step ${optimizer.step}/${steps}, loss ${mean.toFixed(4)}, ${((optimizer.step - first) / seconds).toFixed(2)} steps/s, ${duration(left)} left`,
      );
      losses = [];
    }
    const late = minutes > 0 && performance.now() - started > minutes * 60_000;
    if (optimizer.step % 100 === 0 || optimizer.step === steps || late) {
      saveState(stateFile, parameters, optimizer);
      writeCheckpoint(out, parameters);
    }
    if (late) break;
  }
  optimizer.dispose();
  noise?.dispose();
  model.dispose();
  console.log(`Step ${optimizer.step}: checkpoint in ${out}, loss curve in ${curve}.`);
}

function main() {
  const cli = cac('train');
  cli.usage(`[model] [options]\n\nModels: ${Object.keys(RECIPES).join(', ')}`);
  cli
    .option('--out <dir>', 'Checkpoint folder, holds the tokenizer (default: weights/<model>)')
    .option('--steps <n>', "Training steps (default: the recipe's)")
    .option('--state <dir>', 'Where an unfinished run is kept (default: weights/tiny/.training/…)')
    .option('--minutes <n>', 'Stop after so many minutes, to go on later (0: never)', {
      default: 0,
    })
    .help();
  const { args, options } = cli.parse();
  if (options.help) return;
  start(args[0] ?? 'tiny-gemma2', options).catch((error) => {
    console.error(error instanceof InputError ? error.message : error);
    process.exitCode = error instanceof InputError ? 2 : 1;
  });
}

async function start(name: string, options: Record<string, unknown>): Promise<void> {
  const known = Object.keys(RECIPES);
  if (!known.includes(name)) {
    throw new InputError(
      `There is no recipe for "${name}", only for ${known.join(' and ')}.${didYouMean(name, known)}`,
    );
  }
  const recipe = RECIPES[name];
  await train({
    recipe,
    out: String(options.out ?? `weights/${name}`),
    stateDir: String(options.state ?? `weights/tiny/.training/${name}`),
    steps: Number(options.steps ?? recipe.rounds.at(-1)!.until),
    minutes: Number(options.minutes),
  });
}

if (require.main === module) main();
