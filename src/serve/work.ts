/** Carries a request out: its rows in the scheduler, its answers as they come. */
import type { Generation } from '../engine/row';
import { streamSeed } from '../engine/sampling';
import type { Scheduler } from '../engine/scheduler';
import type { LanguageModel } from '../language/languageModel';
import { Answer, type Delta, type PlacedToken } from './answer';
import { ApiError } from './errors';
import type { Job, Prompt } from './requests';
import { echoed, type Finish, type Usage } from './responses';

export interface Queue {
  scheduler: Scheduler;
  /** Rows that may wait. */
  most: number;
  /** What is under way. */
  running: Set<Work>;
}

/** What becomes of a request. */
export interface Work {
  /** When all answers are complete. @throws ApiError, or what the model failed with */
  done: Promise<Usage>;
  /** Takes the rows out; without an error, `done` stays open. */
  cancel(error?: Error): void;
}

/** Hears of the answers, by their index. */
export type Listener = (index: number, delta: Delta, finish: Finish | null) => void;

/**
 * Puts the rows of a request into the queue.
 * @param listen hears of every piece of a stream, and once of any other answer
 * @throws ApiError where the queue is full
 */
export function startWork(job: Job, lm: LanguageModel, queue: Queue, listen: Listener): Work {
  const { scheduler, running } = queue;
  const rows = job.prompts.length * job.n;
  checkQueue(rows, queue);
  const cancels: (() => void)[] = [];
  let written = 0;
  let cut = (_: Error) => {};
  const work: Work = {
    done: new Promise((resolve, reject) => {
      let left = rows;
      cut = reject;
      for (let index = 0; index < rows; index++) {
        const row = rowOf(job, index, lm, listen);
        const onFinish = (generation: Generation) => {
          written += generation.tokens.length;
          row.finish(generation);
          if (--left) return;
          running.delete(work);
          resolve(usageOf(job.prompts, written));
        };
        const onError = (error: unknown) => work.cancel(error as Error);
        cancels.push(scheduler.submit({ ...row.request, onFinish, onError }));
      }
    }),
    cancel(error) {
      running.delete(work);
      for (const one of cancels) one();
      if (error) cut(error);
    },
  };
  running.add(work);
  // None of the others is wanted when one fails.
  work.done.catch(() => work.cancel());
  void scheduler.run();
  return work;
}

function checkQueue(rows: number, { scheduler, most }: Queue) {
  if (rows > most) {
    throw new ApiError(400, `${rows} answers at once; this server's queue holds ${most}.`);
  }
  if (scheduler.waiting + rows <= most) return;
  const message = `The queue is full: ${scheduler.waiting} answers wait. Try again soon.`;
  const headers = { 'Retry-After': '1' };
  throw new ApiError(429, message, { code: 'rate_limit_exceeded', headers });
}

/** A prompt counts once, however many answers it gets. */
function usageOf(prompts: Prompt[], written: number): Usage {
  const read = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  return { prompt_tokens: read, completion_tokens: written, total_tokens: read + written };
}

/** One answer of a request: what the scheduler gets, and what is made of it. */
function rowOf(job: Job, index: number, lm: LanguageModel, listen: Listener) {
  const { maxNewTokens, temperature, topP, logprobs, edits } = job;
  const prompt = job.prompts[Math.floor(index / job.n)];
  const answer = new Answer(lm.tokenizer, job.stop);
  const scored = job.echo && logprobs !== undefined;
  const request = {
    ...{ maxNewTokens, temperature, topP, edits, logprobs },
    prompt: prompt.ids,
    promptLogprobs: scored ? logprobs : undefined,
    // As in `generate`, so that a request gets the texts that it would get there.
    seed: streamSeed(job.seed, index),
    stopIds: lm.tokenizer.stopIds,
    stopWhen: () => answer.stopped,
    onToken(token: number, score?: Parameters<Answer['push']>[1]) {
      answer.push(token, score);
      if (!job.stream || job.echo) return;
      const delta = answer.take(false);
      if (delta.text) listen(index, delta, null);
    },
  };
  const finish = (generation: Generation) => {
    answer.end();
    const delta = answer.take(true);
    const { stopLogprob } = generation;
    // Evaluation tools count on one more place than the prompt has, whatever token stands there.
    if (stopLogprob && job.kind === 'completion') {
      delta.scores.push({ ...stopLogprob, offset: answer.text.length });
    }
    const finish = answer.stopped ? 'stop' : generation.stopped;
    if (!job.echo) return listen(index, delta, finish);
    const before = echoed(prompt, generation.promptLogprobs, lm.tokenizer);
    const moved = delta.scores.map((score): PlacedToken => {
      return { ...score, offset: score.offset + before.text.length };
    });
    const scores = [...(before.scores as PlacedToken[]), ...moved];
    listen(index, { text: before.text + delta.text, scores }, finish);
  };
  return { request, finish };
}
