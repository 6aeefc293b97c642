/**
 * How well the tiny GPT-2 tells texts apart, on topics that it was not trained on.
 *
 *     npx ts-node weights/tiny/judge.ts              200 answers, each in five ways
 */
import { cac } from 'cac';
import { loadModel } from '../../models';
import { useBackend } from '../../src/backend';
import type { CausalLM } from '../../src/model';
import { meanNll } from '../../src/perplexity';
import { seededRandom } from '../../src/random';
import { formatTable } from '../../src/table';
import { loadTokenizer, type Tokenizer } from '../../src/tokenizer';
import { pick, type Rng } from './answers';
import { shuffled } from './batches';
import { answerText, sentencesOf } from './texts';

const times = (n: number, part: string) => Array<string>(n).fill(part).join(' ');

/** What is done to a held-out answer before it is judged. */
export const CHANGES: Record<string, (random: Rng, text: string) => string> = {
  'as it is': (_, text) => text,
  'its words scrambled': (random, text) => {
    const words = text.split(' ');
    return shuffled(words.length, random)
      .map((i) => words[i])
      .join(' ');
  },
  'one of its sentences, 10 times': (random, text) => times(10, pick(random, sentencesOf(text))),
  'one of its words, 60 times': (random, text) => times(60, pick(random, text.split(' '))),
  'its last sentence, 10 times more': (_, text) =>
    `${text} ${times(10, sentencesOf(text).at(-1)!)}`,
};

/** Mean NLL per token of `n` held-out answers after each of the changes, in ascending order. */
export async function judge(
  model: CausalLM,
  tokenizer: Tokenizer,
  { n, plain, seed = 1 }: { n: number; plain: number; seed?: number },
): Promise<Record<string, number[]>> {
  const random = seededRandom(seed);
  const texts = Array.from({ length: n }, () => answerText(random, 'heldout', plain));
  const result: Record<string, number[]> = {};
  for (const [kind, change] of Object.entries(CHANGES)) {
    const ids = texts.map((text) => tokenizer.encode(change(random, text)));
    const losses = await meanNll(model, ids);
    result[kind] = losses.filter((loss) => loss !== null).sort((a, b) => a - b);
  }
  return result;
}

export const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
/** The value below which a share of the (ascending) values lies. */
export const quantile = (values: number[], share: number) =>
  values[Math.min(values.length - 1, Math.floor(share * values.length))];

async function main() {
  const cli = cac('judge');
  cli
    .option('--model <dir>', 'Checkpoint folder', { default: 'weights/tiny-gpt2' })
    .option('--n <count>', 'How many answers', { default: 200 })
    .help();
  const { options } = cli.parse();
  if (options.help) return;
  await useBackend();
  const [model, tokenizer] = [loadModel(options.model), loadTokenizer(options.model)];
  for (const [what, plain] of [
    ['Answers to a question alone', 1],
    ['Answers that obey instructions of any family', 0],
  ] as const) {
    const losses = await judge(model, tokenizer, { n: options.n, plain });
    const rows = Object.entries(losses).map(([kind, values]) => [
      kind,
      mean(values).toFixed(2),
      ...[mean(values), quantile(values, 0.01), quantile(values, 0.99)].map((nll) =>
        Math.exp(nll).toFixed(2),
      ),
    ]);
    console.log(`${what}:\n`);
    console.log(formatTable(['held-out text', 'NLL', 'perplexity', '1 %', '99 %'], rows), '\n');
  }
}

if (require.main === module) {
  main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
}
