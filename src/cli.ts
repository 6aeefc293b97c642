/**
 * npx ts-node src/cli.ts doctor
 * npx ts-node src/cli.ts verify test/fixtures/gemma2-gqa
 * npx ts-node src/cli.ts generate weights/tiny-gemma2 "Why is the sky blue?"
 * npx ts-node src/cli.ts inspect gemma-2-2b
 *
 * Exit codes: 0 all is well, 1 a check failed or something broke, 2 the input is unusable.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, cac } from 'cac';
import { loadModel } from '../models';
import { useBackend } from './backend';
import type { WeightDtype } from './backend/weightDtype';
import { formatInspection, inspect } from './checkpoint/inspect';
import { printDoctor } from './commands/doctor';
import { generate } from './engine/generate';
import type { CausalLM } from './engine/model';
import { meanNll, perplexityOf } from './engine/perplexity';
import { findModelFolder } from './hub/modelFolder';
import { loadTokenizer, type PromptStyle, type Tokenizer } from './text/tokenizer';
import { didYouMean, InputError } from './util/errors';
import { fixed, formatTable } from './util/table';
import { formatVerify, verify, verifyToJson } from './verify';

type Options = Record<string, unknown>;

// The name in --help: what a reader would type.
const cli = cac('npx ts-node src/cli.ts');
cli.usage(
  '<command> [options]\n\nActivation steering on TensorFlow.js.\nA model is a folder, an alias (phi-3) or an id on the Hub; see weights/download.ts --help.',
);
cli.option('--debug', 'Show the stack of an error');

cli
  .command('doctor', 'Show what this machine offers, and what to do next')
  .action(() => printDoctor());

cli
  .command('verify <model>', 'Compare a checkpoint with values of the reference implementation')
  .usage('verify <model> [options]')
  .option('--reference <file>', 'Reference (default: reference.safetensors in the folder)')
  .option('--backend <name>', 'tensorflow, wasm or auto (default: TILLER_BACKEND, else auto)')
  .option('--json', 'Print one JSON object')
  .example('  npx ts-node src/cli.ts verify test/fixtures/gemma2-gqa')
  .example('  python scripts/write_reference.py <dir>   # writes the reference of any checkpoint')
  .action(runVerify);

cli
  .command('generate <model> [...prompt]', 'Answer a prompt; the text appears as it is made')
  .usage('generate <model> [prompt] [options]   (without a prompt, standard input is read)')
  .option('--style <style>', 'chat, raw or qa (default: chat with a chat template, else raw)')
  .option('--max-tokens <n>', 'Stop after this many new tokens (default: 256)')
  .option('--temperature <t>', 'Randomness of the choice of words; 0 is greedy (default: 0)')
  .option('--top-p <p>', 'Draw from the likeliest tokens with this total probability (default: 1)')
  .option('--seed <n>', 'Seed of the draws (default: 0)')
  .option('--backend <name>', 'tensorflow, wasm or auto (default: TILLER_BACKEND, else auto)')
  .option(
    '--dtype <dtype>',
    'Weights in float32, or on tensorflow bfloat16 or float16 (default: float32)',
  )
  .example('  npx ts-node src/cli.ts generate weights/tiny-gemma2 "Why is the sky blue?"')
  .action(runGenerate);

cli
  .command('inspect <model>', 'Show config, tensors and memory of a checkpoint, of any model type')
  .usage('inspect <model, or a .safetensors file> [options]')
  .option('--json', 'Print one JSON object')
  .example('  npx ts-node src/cli.ts inspect gemma-2-2b')
  .action(runInspect);

cli
  .command(
    'perplexity [...files]',
    'How well a model predicts texts: exp of the mean loss per token',
  )
  .usage('perplexity --model <model> [files] [options]   (without files, standard input is read)')
  .option('--model <model>', 'The model that judges: an alias, a Hub id or a folder')
  .option('--lines', 'Every line is a text of its own (default: every file)')
  .option('--last-tokens <n>', 'Judge longer texts by these last tokens (default: the context)')
  .option('--batch-size <n>', 'Texts computed together (default: 8)')
  .option('--backend <name>', 'tensorflow, wasm or auto (default: TILLER_BACKEND, else auto)')
  .option(
    '--dtype <dtype>',
    'Weights in float32, or on tensorflow bfloat16 or float16 (default: float32)',
  )
  .option('--json', 'Print one JSON object')
  .example('  npx ts-node src/cli.ts perplexity --model gpt2 answer.txt')
  .example(
    '  npx ts-node src/cli.ts perplexity --model tiny-gpt2 answer.txt   # answers of tiny-gemma2',
  )
  .action(runPerplexity);

cli.help((sections) => [
  ...sections,
  { title: 'Exit codes', body: '  0 success   1 a check failed   2 the input is unusable' },
]);

async function runVerify(given: string, options: Options): Promise<number> {
  const { dir } = findModelFolder(given);
  const reference = text(options, 'reference') ?? join(dir, 'reference.safetensors');
  if (!existsSync(reference)) {
    throw new InputError(
      `${reference}: no such file. Write one with: python scripts/write_reference.py ${dir}`,
    );
  }
  const backend = await useBackend(text(options, 'backend'));
  const start = performance.now();
  const model = loadModel(dir);
  const loading = (performance.now() - start) / 1000;
  try {
    const result = await verify(model, reference);
    const { name, detail } = backend;
    console.log(
      options.json
        ? JSON.stringify({
            model: dir,
            model_type: model.modelType,
            backend: { name, detail },
            load_seconds: loading,
            ...verifyToJson(result),
          })
        : formatVerify(
            result,
            `${dir} (${model.modelType}) on ${name} (${detail}): loaded in ${loading.toFixed(2)} s, checked in ${result.seconds.toFixed(2)} s`,
          ),
    );
    return result.passed ? 0 : 1;
  } finally {
    model.dispose();
  }
}

async function runGenerate(given: string, words: string[], options: Options): Promise<number> {
  const { dir } = findModelFolder(given);
  const maxNewTokens = number(options, 'maxTokens', 256, 'a whole number from 1', isCount);
  const temperature = number(options, 'temperature', 0, 'a number from 0', (x) => x >= 0);
  const topP = number(options, 'topP', 1, 'a number above 0, at most 1', (x) => x > 0 && x <= 1);
  const seed = number(options, 'seed', 0, 'a whole number', Number.isSafeInteger);
  const tokenizer = loadTokenizer(dir);
  const style = promptStyle(options, tokenizer);
  const prompt = words.length ? words.join(' ') : standardInput();
  if (!words.length && !prompt.trim()) {
    throw new InputError('Give a prompt, as words or on standard input.');
  }
  const backend = await useBackend(text(options, 'backend'));
  const model = loadModel(dir, { dtype: weightDtype(options) });
  try {
    const ids = tokenizer.encodePrompt(prompt, { style });
    const stream = tokenizer.stream();
    const start = performance.now();
    const [{ tokens, stopped }] = await generate(model, [ids], {
      maxNewTokens,
      temperature,
      topP,
      seed,
      stopIds: tokenizer.stopIds,
      onToken: (_, id) => process.stdout.write(stream.push(id)),
    });
    process.stdout.write(`${stream.end()}\n`);
    const seconds = (performance.now() - start) / 1000;
    console.error(
      `[${ids.length} + ${tokens.length} tokens, ${seconds.toFixed(1)} s on ${backend.name}, ${endedBy(stopped, tokens, ids, model)}]`,
    );
    return 0;
  } finally {
    model.dispose();
  }
}

function runInspect(given: string, options: Options): number {
  const place = given.endsWith('.safetensors') ? given : findModelFolder(given).dir;
  const inspection = inspect(place);
  console.log(
    options.json
      ? JSON.stringify({ model: place, ...inspection })
      : formatInspection(inspection, place),
  );
  return 0;
}

async function runPerplexity(files: string[], options: Options): Promise<number> {
  const given = text(options, 'model');
  if (given === undefined) throw new InputError('Give the model that judges: --model <model>.');
  const { dir } = findModelFolder(given);
  const lastTokens = number(options, 'lastTokens', Number.NaN, 'a whole number from 2', (x) =>
    isCount(x - 1),
  );
  const batchSize = number(options, 'batchSize', 8, 'a whole number from 1', isCount);
  const texts = textsToJudge(files, Boolean(options.lines));
  const tokenizer = loadTokenizer(dir);
  const backend = await useBackend(text(options, 'backend'));
  const model = loadModel(dir, { dtype: weightDtype(options) });
  try {
    const limit = Math.min(lastTokens || model.config.maxPositions, model.config.maxPositions);
    const ids = texts.map((entry) => tokenizer.encode(entry.text));
    const losses = await meanNll(model, ids, { lastTokens: limit, batchSize });
    const results = texts.map(({ name }, i) => ({
      text: name,
      tokens: ids[i].length,
      judged: Math.min(ids[i].length, limit),
      nll: losses[i],
      perplexity: perplexityOf(losses[i]),
    }));
    const { name, detail } = backend;
    console.log(
      options.json
        ? JSON.stringify({ model: dir, backend: { name, detail }, texts: results })
        : formatTable(
            ['text', 'tokens', 'judged', 'loss per token', 'perplexity'],
            results.map((row) => [
              row.text,
              row.tokens,
              row.judged,
              fixed(row.nll, 4),
              fixed(row.perplexity),
            ]),
          ),
    );
    return 0;
  } finally {
    model.dispose();
  }
}

/** The texts of files or of standard input, without the line break that ends each. */
function textsToJudge(files: string[], perLine: boolean): { name: string; text: string }[] {
  const whole = files.length
    ? files.map((name) => ({ name, text: readFileSync(name, 'utf8') }))
    : [{ name: 'stdin', text: standardInput() }];
  if (!files.length && !whole[0].text) {
    throw new InputError('Give texts to judge, as files or on standard input.');
  }
  const withoutEnd = whole.map(({ name, text }) => ({ name, text: text.replace(/\r?\n$/, '') }));
  if (!perLine) return withoutEnd;
  return withoutEnd.flatMap(({ name, text }) =>
    text.split(/\r?\n/).map((line, i) => ({ name: `${name}:${i + 1}`, text: line })),
  );
}

function endedBy(stopped: 'stop' | 'length', tokens: number[], ids: number[], model: CausalLM) {
  if (stopped === 'stop') return 'ended by itself';
  return ids.length + tokens.length >= model.config.maxPositions
    ? 'ended at the limit of the context'
    : 'ended at --max-tokens';
}

/** What is piped in; '' on a terminal. */
const standardInput = () => (process.stdin.isTTY ? '' : readFileSync(0, 'utf8'));

const isCount = (x: number) => Number.isSafeInteger(x) && x > 0;

function promptStyle(options: Options, tokenizer: Tokenizer): PromptStyle {
  const style = text(options, 'style') ?? (tokenizer.hasChatTemplate ? 'chat' : 'raw');
  const known = ['chat', 'raw', 'qa'];
  if (!known.includes(style)) {
    throw new InputError(`--style is "${style}", not chat, raw or qa.${didYouMean(style, known)}`);
  }
  return style as PromptStyle;
}

/** Checked where the model is loaded. */
const weightDtype = (options: Options) => text(options, 'dtype') as WeightDtype | undefined;

const flag = (key: string) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** An option with a value; cac reads `5` as a number and a repeated option as a list. */
function text(options: Options, key: string): string | undefined {
  const value = options[key];
  if (value === undefined) return undefined;
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new InputError(`${flag(key)} must be given once, with a value.`);
}

function number(
  options: Options,
  key: string,
  fallback: number,
  wanted: string,
  fits: (x: number) => boolean,
): number {
  const given = text(options, key);
  if (given === undefined) return fallback;
  const value = Number(given);
  if (given.trim() === '' || !Number.isFinite(value) || !fits(value)) {
    throw new InputError(`${flag(key)} is "${given}", not ${wanted}.`);
  }
  return value;
}

/** Refuses a command that does not exist, and options that the command does not have. */
function checkCommand(command: Command | undefined) {
  if (!command) {
    const names = cli.commands.map(({ name }) => name);
    const [word] = cli.args;
    throw new InputError(
      word === undefined
        ? `Give a command: ${names.join(', ')} (--help shows more).`
        : `No command "${word}" (there are ${names.join(', ')}).${didYouMean(word, names)}`,
    );
  }
  const known = [...command.options, ...cli.globalCommand.options].flatMap(({ names }) => names);
  for (const key of Object.keys(cli.options)) {
    if (key === '--' || known.includes(key)) continue;
    throw new InputError(
      `${command.name} has no option ${flag(key)}.${didYouMean(key, known)} See: ${command.name} --help`,
    );
  }
}

/** Errors that say what is wrong with the input, in words meant for people. */
function isInputError(error: unknown): error is Error {
  const { name, code } = error as { name?: string; code?: unknown };
  const ofFiles = ['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR', 'EPERM'];
  return ['InputError', 'CACError'].includes(name ?? '') || ofFiles.includes(String(code));
}

/**
 * Runs one command line.
 * @param argv as `process.argv`: two words that are skipped, then the command
 * @returns the exit code
 */
export async function run(argv: string[]): Promise<number> {
  let debug = argv.includes('--debug');
  try {
    cli.unsetMatchedCommand();
    cli.parse(argv, { run: false });
    debug = Boolean(cli.options.debug);
    if (cli.options.help) return 0;
    checkCommand(cli.matchedCommand);
    return (await cli.runMatchedCommand()) ?? 0;
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    // One line, whatever the message: callers of a script read the last line.
    const line = message.replace(/\s*\n\s*/g, ' ');
    console.error(debug ? stack : `tiller: ${line}`);
    return isInputError(error) ? 2 : 1;
  }
}

if (require.main === module) {
  run(process.argv).then((code) => {
    process.exitCode = code;
  });
}
