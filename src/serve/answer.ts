/** One text as it is written: pieces, stop texts, log-probabilities. */
import type { ScoredToken } from '../engine/logprobs';
import type { TextStream, Tokenizer } from '../text/tokenizer';

/** A token of an answer, and where it begins in the text. */
export interface PlacedToken extends ScoredToken {
  offset: number;
}

/** What has become certain of an answer. */
export interface Delta {
  text: string;
  scores: PlacedToken[];
}

/**
 * The text of a row. It ends before the first stop text; what may yet become one is held back until
 * it is clear.
 */
export class Answer {
  /** All of the text so far, up to a stop text. */
  text = '';
  stopped = false;
  private given = 0;
  private scores: PlacedToken[] = [];
  private readonly stream: TextStream;

  constructor(
    tokenizer: Tokenizer,
    private readonly stops: string[],
  ) {
    this.stream = tokenizer.stream();
  }

  push(token: number, score?: ScoredToken): void {
    const offset = this.text.length;
    this.add(this.stream.push(token));
    if (score) this.scores.push({ ...score, offset });
  }

  /** No token follows. */
  end(): void {
    if (!this.stopped) this.add(this.stream.end());
  }

  private add(piece: string) {
    const longest = Math.max(0, ...this.stops.map((stop) => stop.length));
    const from = Math.max(0, this.text.length - longest);
    this.text += piece;
    const ends = this.stops.map((stop) => this.text.indexOf(stop, from)).filter((at) => at >= 0);
    if (!ends.length) return;
    this.stopped = true;
    this.text = this.text.slice(0, Math.min(...ends));
  }

  /** What is new and certain; all that is left, when the answer is complete. */
  take(complete: boolean): Delta {
    const held = complete || this.stopped ? 0 : this.heldBack();
    const until = Math.max(this.given, this.text.length - held);
    const text = this.text.slice(this.given, until);
    this.given = until;
    // A token whose text is not whole yet goes with that text; one of a stop text goes with nothing.
    const isOut = ({ offset }: PlacedToken) => offset < until;
    const ready = held || !complete ? this.scores.filter(isOut) : this.scores;
    this.scores = this.scores.filter((score) => !ready.includes(score));
    return { text, scores: this.stopped ? ready.filter(isOut) : ready };
  }

  /** How long the end of the text is that begins a stop text. */
  private heldBack(): number {
    const lengths = this.stops.map((stop) => {
      let length = Math.min(stop.length - 1, this.text.length);
      while (length > 0 && !this.text.endsWith(stop.slice(0, length))) length--;
      return length;
    });
    return Math.max(0, ...lengths);
  }
}
