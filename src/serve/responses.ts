/** What the API answers, as JSON: whole, and in pieces. */
import { randomUUID } from 'node:crypto';
import type { TokenLogprob } from '../engine/logprobs';
import type { Tokenizer } from '../text/tokenizer';
import { tokenText } from '../text/tokenText';
import type { Delta, PlacedToken } from './answer';
import type { Job, Prompt } from './requests';

/** How an answer ended. */
export type Finish = 'stop' | 'length';

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

/** A score of a prompt's first token, which nothing predicts, has no number. */
export type EchoedToken = Omit<PlacedToken, 'logprob'> & { logprob: number | null };

/** The shapes of one endpoint's answers. */
export class Responses {
  private readonly head;

  constructor(
    private readonly job: Job,
    private readonly tokenizer: Tokenizer,
    fingerprint: string,
  ) {
    const chat = job.kind === 'chat';
    this.head = {
      id: `${chat ? 'chatcmpl' : 'cmpl'}-${randomUUID().replaceAll('-', '')}`,
      created: Math.floor(Date.now() / 1000),
      model: job.model,
      system_fingerprint: fingerprint,
    };
  }

  whole(choices: { delta: Delta; finish: Finish }[], usage: Usage) {
    const { job, head } = this;
    const chat = job.kind === 'chat';
    return {
      ...head,
      object: chat ? 'chat.completion' : 'text_completion',
      choices: choices.map(({ delta, finish }, index) => {
        const logprobs = this.logprobs(delta.scores);
        const end = { logprobs, finish_reason: finish };
        if (!chat) return { index, text: delta.text, ...end };
        const message = { role: 'assistant', content: delta.text, refusal: null };
        return { index, message, ...end };
      }),
      usage,
    };
  }

  /** The first piece of a chat answer says who speaks. */
  opening(index: number) {
    return this.chunk([this.chatChoice(index, { role: 'assistant', content: '' }, [], null)]);
  }

  piece(index: number, { text, scores }: Delta, finish: Finish | null) {
    if (this.job.kind === 'chat') {
      // The last piece says how it ended; an empty text says nothing.
      const delta = text || !finish ? { content: text } : {};
      return this.chunk([this.chatChoice(index, delta, scores, finish)]);
    }
    const logprobs = this.logprobs(scores);
    return this.chunk([{ index, text, logprobs, finish_reason: finish }]);
  }

  usage(usage: Usage) {
    return { ...this.chunk([]), usage };
  }

  private chunk(choices: object[]) {
    const object = this.job.kind === 'chat' ? 'chat.completion.chunk' : 'text_completion';
    const usage = this.job.includeUsage ? { usage: null } : {};
    return { ...this.head, object, choices, ...usage };
  }

  private chatChoice(index: number, delta: object, scores: PlacedToken[], finish: Finish | null) {
    const logprobs = scores.length ? this.logprobs(scores) : null;
    return { index, delta, logprobs, finish_reason: finish };
  }

  private logprobs(scores: EchoedToken[]) {
    if (this.job.logprobs === undefined) return null;
    if (this.job.kind === 'completion') return this.completionLogprobs(scores);
    const content = scores.map(({ token, logprob, top }) => ({
      ...this.chatToken({ token, logprob: logprob! }),
      top_logprobs: top.map((one) => this.chatToken(one)),
    }));
    return { content, refusal: null };
  }

  private chatToken({ token, logprob }: TokenLogprob) {
    const text = tokenText(this.tokenizer, token);
    return { token: text, logprob, bytes: [...Buffer.from(text)] };
  }

  private completionLogprobs(scores: EchoedToken[]) {
    const text = (id: number) => tokenText(this.tokenizer, id);
    return {
      tokens: scores.map(({ token }) => text(token)),
      token_logprobs: scores.map(({ logprob }) => logprob),
      top_logprobs: scores.map(({ token, logprob, top }) => {
        if (logprob === null) return null;
        // The token itself is among them, however unlikely it was.
        const all = [...top, { token, logprob }];
        return Object.fromEntries(all.map((one) => [text(one.token), one.logprob]));
      }),
      text_offset: scores.map(({ offset }) => offset),
    };
  }
}

/** A prompt in front of its answer, for `echo`. */
export function echoed(
  { text, ids }: Prompt,
  scores: { token: number; logprob: number; top: TokenLogprob[] }[] | undefined,
  tokenizer: Tokenizer,
): { text: string; scores: EchoedToken[] } {
  const stream = tokenizer.stream({ skipSpecialTokens: false });
  let shown = '';
  const offsets = ids.map((id, i) => {
    const offset = shown.length;
    const piece = stream.push(id);
    // A BOS that was put in front of a text stands at no place in it.
    const added =
      i === 0 && text !== undefined && id === tokenizer.bosId && !text.startsWith(piece);
    if (!added) shown += piece;
    return offset;
  });
  shown += stream.end();
  const first = { token: ids[0], logprob: null, top: [], offset: 0 };
  const rest = scores?.map((score, i) => ({ ...score, offset: offsets[i + 1] }));
  return { text: text ?? shown, scores: rest ? [first, ...rest] : [] };
}
