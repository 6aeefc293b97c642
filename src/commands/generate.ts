import { openModel } from '../../models/open';
import { findModelFolder } from '../hub/modelFolder';
import type { LanguageModel } from '../language/languageModel';
import {
  BACKEND_OPTION,
  type Command,
  DTYPE_OPTION,
  list,
  type Options,
  text,
  weightDtype,
} from './command';
import { type Answer, makeAnswers, planAnswers, type Request } from './generate/answers';
import { type Format, formatOf, openOutput } from './generate/output';
import { editsJson, stepsOf } from './generate/print';
import { readPrompts } from './generate/prompts';
import { readSettings, type Settings } from './generate/settings';
import {
  jsonlWriter,
  jsonWriter,
  streamWriter,
  textWriter,
  type Writer,
  withProgress,
} from './generate/writers';
import { editsFor, openSteering, STEER_HELP, STEER_OPTIONS } from './steering';

export const generateCommand: Command = {
  name: 'generate <model> [...prompt]',
  description: 'Answer prompts, steered or not; the text appears as it is made',
  usage: `generate <model> [prompt] [options]   (without a prompt, standard input is read)\n${STEER_HELP}`,
  options: [
    ['--prompts <file>', 'Answer each line of a text, or each {"prompt": ...} of a .jsonl'],
    [
      '--messages <file>',
      "Answer conversations: OpenAI's messages as .json, or one a line as .jsonl",
    ],
    ['--lines', 'Each line of standard input is a prompt (default: all of it is one)'],
    ['--system <text>', 'A system prompt, where the model takes one'],
    ['--style <style>', 'chat, raw or qa (default: chat with a chat template, else raw)'],
    ...STEER_OPTIONS,
    ['--compare', 'Show the unsteered answer beside the steered one'],
    ['--trace', 'Show what the edits did at each token; fails when they did not act as asked for'],
    ['--max-tokens <n>', 'Stop after this many new tokens (default: 256)'],
    ['--temperature <t>', 'Randomness of the choice of words; 0 is greedy (default: 0)'],
    ['--top-p <p>', 'Draw from the likeliest tokens with this total probability (default: 1)'],
    ['--seed <n>', 'Seed of the draws (default: 0)'],
    ['--n <n>', 'Samples of each prompt, with seed, seed + 1, ... (default: 1)'],
    ['--json', 'Write one JSON object'],
    ['--jsonl', 'Write a JSON object a line for each answer, as it is finished'],
    ['--out <file>', 'Write to this file; one that ends in .json or .jsonl holds that'],
    ['--force', 'Replace the file of --out where there is one'],
    BACKEND_OPTION,
    DTYPE_OPTION,
  ],
  examples: [
    'tiller generate tiny-gemma2 "How do I grow tomatoes?"',
    'tiller generate tiny-gemma2 "How do I grow tomatoes?" --steer lowercase.safetensors@1*1x --compare',
    'tiller generate tiny-gemma2 --prompts questions.jsonl --n 3 --temperature 1 --out answers.jsonl',
    'tiller generate tiny-gemma2 -- "- first item"   # begins with a dash',
  ],
  run: runGenerate,
};

async function runGenerate([given, ...words]: string[], options: Options): Promise<number> {
  findModelFolder(given);
  const settings = readSettings(options);
  const format = formatOf(options);
  const output = openOutput(options);
  const wanted = openSteering(options);
  const prompts = await readPrompts(words, options);
  const lm = await openModel(given, {
    backend: text(options, 'backend'),
    dtype: weightDtype(options),
    style: settings.style,
  });
  try {
    const edits = editsFor(wanted, lm, options);
    const requests = planAnswers(prompts, edits, settings);
    const about = { ...aboutModel(lm), steering: editsJson(wanted, edits) };
    const steering = stepsOf(list(options, 'steer'));
    const writer = writerFor(lm, { format, requests, settings, output, about, steering });
    return await writeAnswers(lm, requests, settings, writer);
  } finally {
    lm.dispose();
  }
}

const aboutModel = ({ name, fingerprint, backend }: LanguageModel) => ({
  model: name,
  model_fingerprint: fingerprint,
  backend: { name: backend.name, detail: backend.detail },
});

interface Wanted {
  format: Format;
  requests: Request[];
  settings: Settings;
  output: ReturnType<typeof openOutput>;
  about: object;
  steering: string;
}

function writerFor(lm: LanguageModel, wanted: Wanted): Writer {
  const { format, requests, settings, output, about } = wanted;
  const single = requests.length === 1;
  if (single && format === 'text') return streamWriter(lm, output);
  const writer =
    format === 'json'
      ? jsonWriter(lm, output, about)
      : format === 'jsonl'
        ? jsonlWriter(lm, output)
        : textWriter(lm, requests, { ...wanted, compare: settings.compare });
  // On a terminal, the answers that appear show how far it is.
  const seen = format !== 'json' && output.isTerminal;
  return single || seen ? writer : withProgress(writer, requests.length);
}

async function writeAnswers(
  lm: LanguageModel,
  requests: Request[],
  settings: Settings,
  writer: Writer,
): Promise<number> {
  const start = performance.now();
  const answers: Answer[] = [];
  const problems: string[] = [];
  await makeAnswers(lm, requests, settings, {
    onToken: writer.onToken,
    onAnswer(i, answer) {
      writer.onAnswer(i, answer);
      answers.push(answer);
      problems.push(...(answer.trace?.problems ?? []));
    },
  });
  writer.end();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const total = answers.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const [first] = answers;
  const done = `${seconds} s on ${lm.backend.name}`;
  console.error(
    answers.length === 1
      ? `[${first.promptTokens} + ${total} tokens, ${done}, ${endedBy(first, lm)}]`
      : `[${answers.length} answers, ${total} tokens, ${done}]`,
  );
  if (!problems.length) return 0;
  console.error(`The edits that were asked for are not those that acted. ${problems.join(' ')}`);
  return 1;
}

function endedBy({ stopped, tokens, promptTokens }: Answer, { model }: LanguageModel): string {
  if (stopped === 'stop') return 'ended by itself';
  return promptTokens + tokens.length >= model.config.maxPositions
    ? 'ended at the limit of the context'
    : 'ended at --max-tokens';
}
