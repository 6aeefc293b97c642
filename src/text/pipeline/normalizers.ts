import type { JsonPart } from '../jsonPart';
import { toByteCharacters } from './bytes';
import { patternOf, replaceAll } from './pieces';

export type Normalizer = (text: string) => string;

// Per character, as Rust does: JavaScript's own would write a final sigma another way.
const lowercase: Normalizer = (text) => Array.from(text, (c) => c.toLowerCase()).join('');

const CHINESE =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

function bert(part: JsonPart): Normalizer {
  const clean = part.flag('clean_text', true);
  const chinese = part.flag('handle_chinese_chars', true);
  const lower = part.flag('lowercase', true);
  const accents = part.flag('strip_accents', lower);
  return (text) => {
    let out = text;
    if (clean) {
      out = out.replace(/(?![\t\n\r])[\0\ufffd\p{Cc}\p{Cf}\p{Co}]/gu, '');
      out = out.replace(/\p{White_Space}/gu, ' ');
    }
    if (chinese) out = out.replace(CHINESE, ' $& ');
    if (accents) out = out.normalize('NFD').replace(/\p{Mn}/gu, '');
    return lower ? lowercase(out) : out;
  };
}

function strip(part: JsonPart): Normalizer {
  const left = part.flag('strip_left', true);
  const right = part.flag('strip_right', true);
  return (text) => {
    const cut = left ? text.replace(/^\p{White_Space}+/u, '') : text;
    return right ? cut.replace(/\p{White_Space}+$/u, '') : cut;
  };
}

function replace(part: JsonPart): Normalizer {
  const pattern = patternOf(part);
  const content = part.text('content', '');
  return (text) => replaceAll(text, pattern, content);
}

/**
 * The normalizer of a tokenizer.json, computed as the Rust library does.
 *
 * @throws InputError for a type that isn't known here
 */
export function normalizerOf(part: JsonPart): Normalizer {
  const type = part.text('type');
  switch (type) {
    case 'Sequence': {
      const all = part.parts('normalizers').map(normalizerOf);
      return (text) => all.reduce((out, normalize) => normalize(out), text);
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return (text) => text.normalize(type);
    case 'Lowercase':
      return lowercase;
    case 'StripAccents':
      return (text) => text.replace(/\p{M}/gu, '');
    case 'Strip':
      return strip(part);
    case 'BertNormalizer':
      return bert(part);
    case 'Prepend': {
      const prefix = part.text('prepend');
      return (text) => (text === '' ? '' : prefix + text);
    }
    case 'Replace':
      return replace(part);
    case 'ByteLevel':
      return toByteCharacters;
    default:
      throw part.error('type', `"${type}" is a normalizer that Tiller doesn't know.`);
  }
}
