import type { Tokenizer } from '../../src/text/tokenizer';

/** What training needs of an example of the corpus. */
export interface TrainingExample {
  prompt: string;
  answer: string;
  /** The sentences or clauses of the prompt that instruct, word for word. */
  instructions: readonly string[];
}

export interface EncodedExample {
  /**
   * BOS, the chat template with the prompt, the answer, end of turn; without a chat template
   * `Q: ... A: ...`, and the beginning of the next question.
   */
  ids: number[];
  /** ids[promptLength] is the answer's first token. */
  promptLength: number;
  /** Ranges [begin, end) of `ids` that hold the instructions. */
  instructionSpans: [number, number][];
}

const utf8 = new TextEncoder();
const bytesOf = (text: string) => utf8.encode(text).length;

/** UTF-8 length of the text that a token stands for (Gemma's way of writing: `▁` is a space). */
function tokenBytes(token: string): number {
  if (/^<0x[0-9A-F]{2}>$/.test(token)) return 1;
  return bytesOf(token.replaceAll('▁', ' '));
}

/**
 * Token ids of an example in the chat format, and where the prompt's instructions are among them. A
 * token that reaches into an instruction belongs to it.
 *
 * @throws Error when the prompt doesn't hold an instruction word for word, or the tokenizer doesn't
 *   write text in Gemma's way.
 */
export function encodeExample(tokenizer: Tokenizer, example: TrainingExample): EncodedExample {
  const { prompt, answer, instructions } = example;
  if (!tokenizer.hasChatTemplate) {
    const promptIds = tokenizer.encodePrompt(prompt, { style: 'qa' });
    const ids = [...promptIds, ...tokenizer.encode(` ${answer}\nQ:`, { bos: false })];
    return { ids, promptLength: promptIds.length, instructionSpans: [] };
  }
  const promptIds = tokenizer.encodePrompt(prompt);
  const ends: number[] = [];
  let length = 0;
  for (const id of promptIds) {
    length += tokenBytes(tokenizer.idToToken(id) ?? '');
    ends.push(length);
  }
  const text = tokenizer.formatPrompt(prompt);
  if (length !== bytesOf(text)) {
    throw new Error(`The tokens of ${JSON.stringify(text)} don't cover it byte for byte.`);
  }
  const instructionSpans = instructions.map((instruction): [number, number] => {
    const at = text.indexOf(instruction);
    if (at < 0 || instruction === '') {
      throw new Error(`The prompt ${JSON.stringify(prompt)} doesn't hold "${instruction}".`);
    }
    const from = bytesOf(text.slice(0, at));
    const to = from + bytesOf(instruction);
    const begin = ends.findIndex((end) => end > from);
    return [begin, ends.findIndex((end) => end >= to) + 1];
  });
  const close = tokenizer.endOfTurnId ?? tokenizer.eosId;
  if (close === undefined) throw new Error('The tokenizer has no end-of-turn and no EOS token.');
  return {
    ids: [...promptIds, ...tokenizer.encode(answer, { bos: false }), close],
    promptLength: promptIds.length,
    instructionSpans,
  };
}
