/**
 * Turns tokens into text as they come; multi-byte characters appear once they are whole. The pieces
 * add up to what `decode` gives for all ids, as long as these spell whole characters.
 */
export interface TextStream {
  /** Text that the new token completes; empty while a character is unfinished. */
  push(id: number): string;
  /** What is left at the end; bytes that never became a character come out as U+FFFD. */
  end(): string;
}

/**
 * A stream over a decoder. Only the last few tokens are decoded again at each step: those since the
 * text was last whole, and the ones just before them, which decide about spaces at the seam.
 */
export function textStream(decode: (ids: number[]) => string): TextStream {
  const ids: number[] = [];
  let start = 0;
  let shown = 0;
  const take = (final: boolean): string => {
    const before = decode(ids.slice(start, shown));
    const now = decode(ids.slice(start));
    if (now.length <= before.length || (!final && now.endsWith('\uFFFD'))) return '';
    start = shown;
    shown = ids.length;
    return now.slice(before.length);
  };
  return {
    push(id) {
      ids.push(id);
      return take(false);
    },
    end: () => take(true),
  };
}

/** A stream that shows its text at the end, for decoders that change what they have written. */
export function lateStream(decode: (ids: number[]) => string): TextStream {
  const ids: number[] = [];
  return {
    push(id) {
      ids.push(id);
      return '';
    },
    end: () => decode(ids),
  };
}
