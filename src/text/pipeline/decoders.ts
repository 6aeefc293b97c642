import type { JsonPart } from '../jsonPart';
import { bytesOfToken } from './bytes';
import { patternOf, replaceAll } from './pieces';
import { prependSchemeOf } from './preTokenizers';

/** Turns the texts of tokens into those that, joined, are the decoded text. */
export type Decoder = (tokens: string[]) => string[];

/** Spaces that English text doesn't have before a sign or a short form. */
const CLEANED = [' .', ' ?', ' !', ' ,', " n't", " 'm", " 's", " 've", " 're"];

/** Takes the spaces away that a tokenizer of words leaves before signs, as transformers does. */
export function cleanUp(text: string): string {
  const signs = CLEANED.slice(0, 4).reduce((out, one) => out.replaceAll(one, one.slice(1)), text);
  const quotes = signs.replaceAll(" ' ", "'");
  return CLEANED.slice(4).reduce((out, one) => out.replaceAll(one, one.slice(1)), quotes);
}

/** Runs of byte tokens (`<0x41>`) become characters; one that isn't UTF-8 gives U+FFFD per byte. */
function byteFallback(tokens: string[]): string[] {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    try {
      out.push(utf8.decode(Uint8Array.from(bytes)));
    } catch {
      out.push('\uFFFD'.repeat(bytes.length));
    }
    bytes = [];
  };
  for (const token of tokens) {
    if (/^<0x[0-9A-Fa-f]{2}>$/.test(token)) {
      bytes.push(Number.parseInt(token.slice(3, 5), 16));
    } else {
      flush();
      out.push(token);
    }
  }
  flush();
  return out;
}

function byteLevel(tokens: string[]): string[] {
  const bytes = Buffer.concat(tokens.map(bytesOfToken));
  return [new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)];
}

function metaspace(part: JsonPart): Decoder {
  const sign = part.text('replacement', '▁');
  const drops = prependSchemeOf(part) !== 'never';
  return (tokens) =>
    tokens.map((token, i) => token.replaceAll(sign, () => (i === 0 && drops ? '' : ' ')));
}

function wordPiece(part: JsonPart): Decoder {
  const prefix = part.text('prefix', '##');
  const clean = part.flag('cleanup', true);
  return (tokens) =>
    tokens.map((token, i) => {
      let text = token;
      if (i > 0) text = token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      // The Rust library's own list of what to clean has one line more than transformers'.
      return clean ? cleanUp(text.replaceAll(' do not', " don't")) : text;
    });
}

function strip(part: JsonPart): Decoder {
  const content = part.text('content');
  const start = part.count('start', 0);
  const stop = part.count('stop', 0);
  return (tokens) =>
    tokens.map((token) => {
      const characters = Array.from(token);
      let from = 0;
      while (from < Math.min(start, characters.length) && characters[from] === content) from++;
      let to = characters.length;
      while (to > from && characters.length - to < stop && characters[to - 1] === content) to--;
      return characters.slice(from, to).join('');
    });
}

/**
 * The decoder of a tokenizer.json, computed as the Rust library does.
 *
 * @throws InputError for a type that isn't known here
 */
export function decoderOf(part: JsonPart): Decoder {
  const type = part.text('type');
  switch (type) {
    case 'Sequence': {
      const all = part.parts('decoders').map(decoderOf);
      return (tokens) => all.reduce((out, decode) => decode(out), tokens);
    }
    case 'ByteLevel':
      return byteLevel;
    case 'ByteFallback':
      return byteFallback;
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'Metaspace':
      return metaspace(part);
    case 'WordPiece':
      return wordPiece(part);
    case 'Strip':
      return strip(part);
    case 'Replace': {
      const pattern = patternOf(part);
      const content = part.text('content', '');
      return (tokens) => tokens.map((token) => replaceAll(token, pattern, content));
    }
    case 'BPEDecoder': {
      const suffix = part.text('suffix', '</w>');
      return (tokens) =>
        tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? '' : ' '));
    }
    default:
      throw part.error('type', `"${type}" is a decoder that Tiller doesn't know.`);
  }
}
