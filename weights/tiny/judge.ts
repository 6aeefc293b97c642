/**
 * How well the tiny GPT-2 tells texts apart, on topics that it was not trained on.
 *
 *     npx ts-node weights/tiny/judge.ts              20 answers of each family, each in six ways
 */
import { loadModel } from '../../models';
import { useBackend } from '../../src/backend';
import { BACKEND_OPTION, count, type Options, text } from '../../src/commands/command';
import type { CausalLM } from '../../src/engine/model';
import { meanNll } from '../../src/engine/perplexity';
import { findModelFolder } from '../../src/hub/modelFolder';
import { loadTokenizer } from '../../src/text/loadTokenizer';
import type { Tokenizer } from '../../src/text/tokenizer';
import { seededRandom } from '../../src/util/random';
import { runAsProgram } from '../../src/util/script';
import { formatTable, percent } from '../../src/util/table';
import { pick, type Rng } from './answers';
import { FAMILIES, type Family, makeExample } from './corpus';
import { repeated, scramble, sentencesOf } from './texts';

/** Perplexities: below STUCK a text repeats itself, above SCRAMBLED its words are in no order. */
export const [STUCK, SCRAMBLED] = [2, 40];

/** What is done to an answer before it is judged. */
export const CHANGES = {
  'as it is': (_, text) => text,
  'its words scrambled': scramble,
  'one of its sentences, 10 times': (random, text) => repeated(pick(random, sentencesOf(text)), 10),
  'its first three words, 30 times': (_, text) =>
    repeated(text.split(' ').slice(0, 3).join(' '), 30),
  'one of its words, 60 times': (random, text) => repeated(pick(random, text.split(' ')), 60),
  'its last sentence, 10 times more': (_, text) =>
    `${text} ${repeated(sentencesOf(text).at(-1)!, 10)}`,
} satisfies Record<string, (random: Rng, text: string) => string>;

export type Change = keyof typeof CHANGES;

/** `n` answers about held-out topics that obey instructions of the family. */
export function heldoutAnswers(family: Family, n: number, seed = 1): string[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => makeExample(random, { split: 'heldout', family }).answer);
}

/** Mean NLL per token of the texts after a change, in ascending order. */
export async function judge(
  model: CausalLM,
  tokenizer: Tokenizer,
  texts: string[],
  change: Change,
): Promise<number[]> {
  const random = seededRandom(1);
  const ids = texts.map((text) => tokenizer.encode(CHANGES[change](random, text)));
  const losses = await meanNll(model, ids);
  return losses.filter((loss) => loss !== null).sort((a, b) => a - b);
}

const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
/** The share of the texts whose perplexity is so. */
export const shareWhere = (nlls: number[], so: (perplexity: number) => boolean) =>
  nlls.filter((nll) => so(Math.exp(nll))).length / nlls.length;

const OPTIONS = [
  ['--model <dir>', 'Checkpoint folder (default: tiny-gpt2)'],
  ['--n <count>', 'Answers of each family (default: 20)'],
  BACKEND_OPTION,
] as const;

async function main(options: Options) {
  const { dir } = findModelFolder(text(options, 'model') ?? 'tiny-gpt2');
  const n = count(options, 'n', 20);
  await useBackend(text(options, 'backend'));
  const [model, tokenizer] = [loadModel(dir), loadTokenizer(dir)];
  const answers = FAMILIES.map((family) => heldoutAnswers(family, n));
  const row = (name: string, nlls: number[]) => [
    name,
    ...[mean(nlls), nlls[0], nlls.at(-1)!].map((nll) => Math.exp(nll).toFixed(2)),
    percent(shareWhere(nlls, (perplexity) => perplexity < STUCK)),
    percent(shareWhere(nlls, (perplexity) => perplexity > SCRAMBLED)),
  ];
  const columns = ['perplexity', 'least', 'most', `< ${STUCK}`, `> ${SCRAMBLED}`];
  const changes: (string | null)[][] = [];
  for (const change of Object.keys(CHANGES) as Change[]) {
    changes.push(row(change, await judge(model, tokenizer, answers.flat(), change)));
  }
  console.log(formatTable(['held-out answer', ...columns], changes));
  const families: (string | null)[][] = [];
  for (const [i, family] of FAMILIES.entries()) {
    families.push(row(family, await judge(model, tokenizer, answers[i], 'as it is')));
  }
  console.log(`\n${formatTable(['answers as they are', ...columns], families)}`);
}

runAsProgram(module, { options: OPTIONS }, ({ options }) => main(options));
