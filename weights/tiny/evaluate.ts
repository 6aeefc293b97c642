/**
 * How well the tiny model follows instructions, on topics and wordings that it was not trained on.
 *
 *     npx ts-node weights/tiny/evaluate.ts                       40 prompts of each family
 *     npx ts-node weights/tiny/evaluate.ts --n 10 --family keywords:existence --show
 */
import { loadModel } from '../../models';
import { useBackend } from '../../src/backend';
import { BACKEND_OPTION, count, type Options, text } from '../../src/commands/command';
import { generate } from '../../src/engine/generate';
import type { CausalLM } from '../../src/engine/model';
import { findModelFolder } from '../../src/hub/modelFolder';
import { loadTokenizer } from '../../src/text/loadTokenizer';
import type { Tokenizer } from '../../src/text/tokenizer';
import { Progress } from '../../src/util/progress';
import { seededRandom } from '../../src/util/random';
import { oneOf, runAsProgram } from '../../src/util/script';
import { formatTable, percent } from '../../src/util/table';
import { checkAnswer, obeyedByPlainAnswers } from './check';
import { type Example, FAMILIES, type Family, makeExample } from './corpus';

/** What became of one prompt. */
export interface Outcome {
  example: Example;
  /** The answer to the whole prompt, and to the question alone. */
  answer: string;
  plainAnswer: string;
  /** Whether the answer obeys all instructions. */
  obeyed: boolean;
  /** Whether the plain answer does; null where any plain answer may. */
  plainObeyed: boolean | null;
  /** Whether the plain answer names the topic. */
  onTopic: boolean;
}

/** Answers `n` held-out prompts of each family, with their instructions and without. */
export async function evaluate(
  model: CausalLM,
  tokenizer: Tokenizer,
  { n, families, seed = 1 }: { n: number; families: readonly Family[]; seed?: number },
): Promise<Outcome[]> {
  const random = seededRandom(seed);
  const examples = families.flatMap((family) =>
    Array.from({ length: n }, () => makeExample(random, { split: 'heldout', family })),
  );
  const prompts = examples.flatMap(({ prompt, question }) => [prompt, question]);
  const progress = new Progress('answers', prompts.length);
  const generations = await generate(
    model,
    prompts.map((prompt) => tokenizer.encodePrompt(prompt)),
    {
      maxNewTokens: 200,
      stopIds: tokenizer.stopIds,
      padId: tokenizer.padId,
      onFinish: () => progress.add(1),
    },
  );
  progress.end();
  const texts = generations.map(({ tokens }) =>
    tokenizer.decode(tokens, { skipSpecialTokens: true }).trim(),
  );
  return examples.map((example, i) => {
    const { ids, kwargs, topic } = example;
    const [answer, plainAnswer] = texts.slice(2 * i);
    const obeys = (text: string) => ids.every((id, j) => checkAnswer(id, kwargs[j], text));
    const free = kwargs.every(obeyedByPlainAnswers);
    return {
      example,
      answer,
      plainAnswer,
      obeyed: obeys(answer),
      plainObeyed: free ? null : obeys(plainAnswer),
      onTopic: plainAnswer.toLowerCase().includes(topic),
    };
  });
}

/** The share of the outcomes that are true; those that are null don't count. */
export function share(values: (boolean | null)[]): number {
  const counted = values.filter((value) => value !== null);
  return counted.filter(Boolean).length / counted.length;
}

/** A row for each family and one for all of them: obeyed with the instruction and without. */
export function outcomeTable(outcomes: Outcome[]): string {
  const row = (name: string, some: Outcome[]) => [
    name,
    some.length,
    percent(share(some.map(({ obeyed }) => obeyed))),
    percent(share(some.map(({ plainObeyed }) => plainObeyed))),
  ];
  const families = [...new Set(outcomes.map(({ example }) => example.family))];
  const rows = families
    .filter((family) => family !== 'none')
    .map((family) =>
      row(
        family,
        outcomes.filter(({ example }) => example.family === family),
      ),
    );
  const instructed = outcomes.filter(({ example }) => example.family !== 'none');
  if (instructed.length) rows.push(row('all', instructed));
  return formatTable(['instruction', 'n', 'in the prompt', 'not'], rows);
}

const OPTIONS = [
  ['--model <dir>', 'Checkpoint folder (default: tiny-gemma2)'],
  ['--n <count>', 'Prompts of each family (default: 40)'],
  ['--family <id>', 'Only this family'],
  ['--show', 'Print every answer'],
  BACKEND_OPTION,
] as const;

async function main(options: Options) {
  const { dir } = findModelFolder(text(options, 'model') ?? 'tiny-gemma2');
  const family = text(options, 'family');
  const families = family === undefined ? FAMILIES : [oneOf('--family', family, FAMILIES)];
  const n = count(options, 'n', 40);
  await useBackend(text(options, 'backend'));
  const outcomes = await evaluate(loadModel(dir), loadTokenizer(dir), { n, families });
  if (options.show) {
    for (const { example, answer, plainAnswer, obeyed } of outcomes) {
      console.log(`> ${example.prompt}\n[${obeyed ? 'obeyed' : 'NOT obeyed'}] ${answer}`);
      console.log(`[question alone] ${plainAnswer}\n`);
    }
  }
  console.log(outcomeTable(outcomes));
  const onTopic = share(outcomes.map((outcome) => outcome.onTopic));
  console.log(`Answers to the question alone that name its topic: ${percent(onTopic)}`);
}

runAsProgram(module, { options: OPTIONS }, ({ options }) => main(options));
