/** The answers that `generate` is asked for, and how they are made. */
import { generate } from '../../engine/generate';
import type { Edit } from '../../engine/steering';
import type { LanguageModel } from '../../language/languageModel';
import { type Trace, traceEdits } from '../../language/trace';
import type { Prompt } from '../../text/promptFile';
import type { Settings } from './settings';

/** An answer that is asked for. */
export interface Request extends Prompt {
  /** Which of the prompts, and which of its samples, from 0. */
  index: number;
  sample: number;
  seed: number;
  edits: Edit[];
}

export interface Answer extends Request {
  text: string;
  promptTokens: number;
  tokens: number[];
  stopped: 'stop' | 'length';
  trace?: Trace;
}

/** Every prompt with each seed; to compare, unsteered and steered side by side. */
export function planAnswers(prompts: Prompt[], edits: Edit[], settings: Settings): Request[] {
  const { samples, seed, compare } = settings;
  const ways = compare ? [[], edits] : [edits];
  return prompts.flatMap((prompt, index) =>
    Array.from({ length: samples }, (_, sample) => sample).flatMap((sample) =>
      ways.map((way) => ({ ...prompt, index, sample, seed: seed + sample, edits: way })),
    ),
  );
}

/** What is told of answers while they are made. */
export interface Listener {
  onToken?(request: number, token: number): void;
  /** Called in the order in which they are finished. */
  onAnswer(request: number, answer: Answer): void;
}

/**
 * Makes all answers, in batches: steered and unsteered ones together. Each is that of a run of its
 * own with its seed, whatever its neighbours.
 */
export async function makeAnswers(
  lm: LanguageModel,
  requests: Request[],
  settings: Settings,
  { onToken, onAnswer }: Listener,
): Promise<void> {
  const { style, temperature, topP, maxNewTokens } = settings;
  const conversations = requests.map(({ prompt, system = settings.system }) => ({
    prompt,
    system,
  }));
  const ids = conversations.map(({ prompt, system }) => lm.encode(prompt, { style, system }));
  const answerOf = (i: number, tokens: number[], stopped: Answer['stopped']): Answer => ({
    ...requests[i],
    ...conversations[i],
    text: lm.tokenizer.decode(tokens, { skipSpecialTokens: true }),
    promptTokens: ids[i].length,
    tokens,
    stopped,
  });
  const answers = await generate(lm.model, ids, {
    ...{ temperature, topP, maxNewTokens, onToken },
    stopIds: lm.tokenizer.stopIds,
    padId: lm.padId,
    seed: requests.map(({ seed }) => seed),
    edits: requests.map(({ edits }) => edits),
    onFinish(i, { tokens, stopped }) {
      if (!settings.trace) onAnswer(i, answerOf(i, tokens, stopped));
    },
  });
  if (!settings.trace) return;
  for (const [i, { tokens, stopped }] of answers.entries()) {
    const { edits } = requests[i];
    const greedy = !temperature;
    const trace = edits.length
      ? await traceEdits(lm.model, ids[i], tokens, edits, { greedy })
      : undefined;
    onAnswer(i, { ...answerOf(i, tokens, stopped), ...(trace && { trace }) });
  }
}
