import { openModel } from '../../models/open';
import { meanNll, perplexityOf } from '../engine/perplexity';
import { findModelFolder } from '../hub/modelFolder';
import { InputError } from '../util/errors';
import { readStandardInput, readText } from '../util/files';
import { fixed, formatTable } from '../util/table';
import {
  BACKEND_OPTION,
  type Command,
  count,
  DTYPE_OPTION,
  JSON_OPTION,
  number,
  type Options,
  text,
  weightDtype,
} from './command';

export const perplexityCommand: Command = {
  name: 'perplexity [...files]',
  description: 'How well a model predicts texts: exp of the mean loss per token',
  usage: 'perplexity --model <model> [files] [options]   (without files, standard input is read)',
  options: [
    ['--model <model>', 'The model that judges: an alias, a Hub id or a folder'],
    ['--lines', 'Every line is a text of its own (default: every file)'],
    ['--last-tokens <n>', 'Judge longer texts by these last tokens (default: the context)'],
    ['--batch-size <n>', 'Texts computed together (default: 8)'],
    BACKEND_OPTION,
    DTYPE_OPTION,
    JSON_OPTION,
  ],
  examples: [
    'tiller perplexity --model gpt2 answer.txt',
    'tiller perplexity --model tiny-gpt2 answer.txt   # answers of tiny-gemma2',
  ],
  run: runPerplexity,
};

async function runPerplexity(files: string[], options: Options): Promise<number> {
  const given = text(options, 'model');
  if (given === undefined) throw new InputError('Give the model that judges: --model <model>.');
  findModelFolder(given);
  const fromTwo = (x: number) => Number.isSafeInteger(x) && x > 1;
  const last = number(options, 'last-tokens', Infinity, 'a whole number from 2', fromTwo);
  const batchSize = count(options, 'batch-size', 8);
  const texts = await textsToJudge(files, Boolean(options.lines));
  const [backend, dtype] = [text(options, 'backend'), weightDtype(options)];
  const lm = await openModel(given, { backend, dtype });
  const { dir, model, tokenizer } = lm;
  try {
    const limit = Math.min(last, model.config.maxPositions);
    const ids = texts.map((entry) => tokenizer.encode(entry.text));
    const losses = await meanNll(model, ids, { lastTokens: limit, batchSize });
    const results = texts.map(({ name }, i) => ({
      text: name,
      tokens: ids[i].length,
      judged: Math.min(ids[i].length, limit),
      nll: losses[i],
      perplexity: perplexityOf(losses[i]),
    }));
    const { name, detail } = lm.backend;
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
    lm.dispose();
  }
}

/** The texts of files or of standard input, without the line break that ends each. */
async function textsToJudge(
  files: string[],
  perLine: boolean,
): Promise<{ name: string; text: string }[]> {
  const whole = files.length
    ? files.map((name) => ({ name, text: readText(name) }))
    : [{ name: 'stdin', text: await readStandardInput() }];
  if (!files.length && !whole[0].text) {
    throw new InputError('Give texts to judge, as files or on standard input.');
  }
  const withoutEnd = whole.map(({ name, text }) => ({ name, text: text.replace(/\r?\n$/, '') }));
  if (!perLine) return withoutEnd;
  return withoutEnd.flatMap(({ name, text }) =>
    text.split(/\r?\n/).map((line, i) => ({ name: `${name}:${i + 1}`, text: line })),
  );
}
