import { loadModel } from '../../models';
import { useBackend } from '../backend';
import { generate } from '../engine/generate';
import type { CausalLM } from '../engine/model';
import { findModelFolder } from '../hub/modelFolder';
import { loadTokenizer, type PromptStyle, type Tokenizer } from '../text/tokenizer';
import { didYouMean, InputError } from '../util/errors';
import { readStandardInput } from '../util/files';
import {
  BACKEND_OPTION,
  type Command,
  count,
  DTYPE_OPTION,
  number,
  type Options,
  text,
  weightDtype,
} from './command';

export const generateCommand: Command = {
  name: 'generate <model> [...prompt]',
  description: 'Answer a prompt; the text appears as it is made',
  usage: 'generate <model> [prompt] [options]   (without a prompt, standard input is read)',
  options: [
    ['--style <style>', 'chat, raw or qa (default: chat with a chat template, else raw)'],
    ['--max-tokens <n>', 'Stop after this many new tokens (default: 256)'],
    ['--temperature <t>', 'Randomness of the choice of words; 0 is greedy (default: 0)'],
    ['--top-p <p>', 'Draw from the likeliest tokens with this total probability (default: 1)'],
    ['--seed <n>', 'Seed of the draws (default: 0)'],
    BACKEND_OPTION,
    DTYPE_OPTION,
  ],
  examples: [
    'tiller generate tiny-gemma2 "Why is the sky blue?"',
    'tiller generate tiny-gemma2 -- "- first item"   # begins with a dash',
  ],
  run: runGenerate,
};

async function runGenerate([given, ...words]: string[], options: Options): Promise<number> {
  const { dir } = findModelFolder(given);
  const maxNewTokens = count(options, 'max-tokens', 256);
  const temperature = number(options, 'temperature', 0, 'a number from 0', (x) => x >= 0);
  const topP = number(options, 'top-p', 1, 'a number above 0, at most 1', (x) => x > 0 && x <= 1);
  const seed = number(options, 'seed', 0, 'a whole number', Number.isSafeInteger);
  const tokenizer = loadTokenizer(dir);
  const style = promptStyle(options, tokenizer);
  const prompt = words.length ? words.join(' ') : await readStandardInput();
  if (!prompt.trim()) {
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

function endedBy(stopped: 'stop' | 'length', tokens: number[], ids: number[], model: CausalLM) {
  if (stopped === 'stop') return 'ended by itself';
  return ids.length + tokens.length >= model.config.maxPositions
    ? 'ended at the limit of the context'
    : 'ended at --max-tokens';
}

function promptStyle(options: Options, tokenizer: Tokenizer): PromptStyle {
  const style = text(options, 'style') ?? (tokenizer.hasChatTemplate ? 'chat' : 'raw');
  const known = ['chat', 'raw', 'qa'];
  if (!known.includes(style)) {
    throw new InputError(`--style is "${style}", not chat, raw or qa.${didYouMean(style, known)}`);
  }
  return style as PromptStyle;
}
