/**
 * Builds the tokenizers of the tiny models from their corpus:
 *
 *     npx ts-node weights/tiny/tokenizer.ts --out /tmp/tokenizers
 *     npx ts-node weights/tiny/tokenizer.ts --out weights             in place of the shipped ones
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from '../../src/commands/command';
import { InputError } from '../../src/util/errors';
import { seededRandom } from '../../src/util/random';
import { runAsProgram } from '../../src/util/script';

export { encodeExample } from './encode';

/** Ids 0 to 5, as Gemma orders the first four. */
/** The first tokens of the vocabulary. */
export const SPECIAL = ['<pad>', '<eos>', '<bos>', '<unk>', '<start_of_turn>', '<end_of_turn>'];
/** A word (with its apostrophes) takes the space before it; any other character stands alone. */
const WORD = "▁?\\p{L}[\\p{L}\\p{M}]*(?:'[\\p{L}\\p{M}]+)*";
const PIECE = `${WORD}|[^\\p{L}]`;

export interface TokenizerPlan {
  /** Word forms seen less often than this are spelled from pieces. */
  minCount: number;
  /** At least so many merges, for words that aren't in the vocabulary. */
  minMerges: number;
  /** The vocabulary never grows beyond this; the rarest words go first. */
  maxVocab: number;
}

const PLAN: TokenizerPlan = { minCount: 2, minMerges: 192, maxVocab: 4096 };

/** Tokens of a text before any merge: what the pre-tokenizer cuts, `▁` for a space. */
export function piecesOf(text: string): string[] {
  return text.replaceAll(' ', '▁').match(new RegExp(PIECE, 'gu')) ?? [];
}

/**
 * Byte-pair merges: again and again the most frequent neighbours become one piece (ties: the pair
 * that sorts first). Each word counts once, because frequent words have their own token anyway and
 * the pieces are for the rare ones. Source: Sennrich et al. 2016, arXiv 1508.07909.
 */
export function learnMerges(words: string[], enough: (merges: [string, string][]) => boolean) {
  const spelled = words.map((word) => [...word]);
  const merges: [string, string][] = [];
  while (!enough(merges)) {
    const counts = new Map<string, number>();
    for (const parts of spelled) {
      for (let i = 1; i < parts.length; i++) {
        const pair = `${parts[i - 1]} ${parts[i]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    let best = '';
    let most = 1;
    for (const [pair, count] of counts) {
      if (count > most || (count === most && most > 1 && pair < best)) {
        best = pair;
        most = count;
      }
    }
    if (best === '') break; // No pair occurs twice: nothing left that would help another word.
    const [left, right] = best.split(' ');
    merges.push([left, right]);
    for (const parts of spelled) {
      for (let i = parts.length - 1; i > 0; i--) {
        if (parts[i - 1] === left && parts[i] === right) parts.splice(i - 1, 2, left + right);
      }
    }
  }
  return merges;
}

/**
 * The words that get a token of their own, most frequent first (ties in code point order): every
 * form seen `minCount` times, and for the words of answers their lower and upper case forms too,
 * since an instruction may ask for either.
 */
export function chooseWords(
  prompts: Iterable<string>,
  answers: Iterable<string>,
  minCount: number,
) {
  const isWord = new RegExp(`^${WORD}$`, 'u');
  const counts = new Map<string, number>();
  const answerWords = new Set<string>();
  const count = (text: string, isAnswer: boolean) => {
    for (const piece of piecesOf(text)) {
      if ([...piece].length < 2 || !isWord.test(piece)) continue;
      counts.set(piece, (counts.get(piece) ?? 0) + 1);
      if (isAnswer) answerWords.add(piece);
    }
  };
  for (const text of prompts) count(text, false);
  for (const text of answers) count(text, true);
  const chosen = new Map([...counts].filter(([, n]) => n >= minCount));
  for (const word of [...chosen.keys()]) {
    if (!answerWords.has(word)) continue;
    for (const form of [word.toLowerCase(), word.toUpperCase()]) {
      if (!chosen.has(form)) chosen.set(form, counts.get(form) ?? 0);
    }
  }
  const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const words = [...chosen].sort((a, b) => b[1] - a[1] || order(a[0], b[0])).map(([word]) => word);
  return { words, seen: [...counts.keys()].sort(order) };
}

/**
 * A tokenizer in the Hugging Face format, for Gemma's way of writing text: `▁` for spaces, byte
 * tokens for unknown characters, BOS in front. `ignore_merges` lets a word that is in the
 * vocabulary be one token without spending entries on its unfinished parts.
 */
export function buildTokenizer(prompts: string[], answers: string[], plan = PLAN) {
  const { words, seen } = chooseWords(prompts, answers, plan.minCount);
  const ascii = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
  const letters = new Set(['▁', '\n', ...ascii]);
  for (const text of [...prompts, ...answers]) {
    for (const char of text) if (char !== ' ') letters.add(char);
  }
  const bytes = Array.from({ length: 256 }, (_, i) =>
    i.toString(16).toUpperCase().padStart(2, '0'),
  );
  const base = [...SPECIAL, ...bytes.map((byte) => `<0x${byte}>`), ...[...letters].sort()];

  const kept = words.slice(0, Math.max(0, plan.maxVocab - base.length - plan.minMerges));
  const sizeWith = (merges: [string, string][]) =>
    new Set([...base, ...merges.map((pair) => pair.join('')), ...kept]).size;
  const merges = learnMerges(
    seen,
    (soFar) => soFar.length >= plan.minMerges && sizeWith(soFar) % 64 === 0,
  );
  const tokens = new Set([...base, ...merges.map((pair) => pair.join('')), ...kept]);
  for (let i = 0; tokens.size % 64 !== 0; i++) tokens.add(`<unused${i}>`);
  const vocab = Object.fromEntries([...tokens].map((token, id) => [token, id]));
  const piece = (id: string) => ({ Sequence: { id, type_id: id === 'A' ? 0 : 1 } });
  const bos = (type_id: number) => ({ SpecialToken: { id: '<bos>', type_id } });
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    pre_tokenizer: {
      type: 'Split',
      pattern: { Regex: PIECE },
      behavior: 'Isolated',
      invert: false,
    },
    post_processor: {
      type: 'TemplateProcessing',
      single: [bos(0), piece('A')],
      pair: [bos(0), piece('A'), bos(1), piece('B')],
      special_tokens: { '<bos>': { id: '<bos>', ids: [2], tokens: ['<bos>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: true,
      vocab,
      merges,
    },
  };
  return { json, vocabSize: tokens.size, words: kept, dropped: words.length - kept.length };
}

/** User and model turns in Gemma's marks; any other role is refused. */
const CHAT_TEMPLATE =
  '{{ bos_token }}{% for message in messages %}' +
  "{% set speaker = 'model' if message['role'] == 'assistant' else message['role'] %}" +
  "{% if speaker not in ['user', 'model'] %}" +
  "{{ raise_exception('Turns are by user or assistant, not by ' + message['role']) }}{% endif %}" +
  "{{ '<start_of_turn>' + speaker + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}";

const NAMED = { bos_token: '<bos>', eos_token: '<eos>', pad_token: '<pad>', unk_token: '<unk>' };

/** Writes the tokenizer's four files into the checkpoint folder of a model that chats. */
export function writeTokenizer(dir: string, json: object): void {
  writeFiles(dir, {
    'tokenizer.json': json,
    'tokenizer_config.json': {
      // The plain class reads tokenizer.json as it is; transformers' Gemma class rebuilds it.
      tokenizer_class: 'PreTrainedTokenizerFast',
      add_bos_token: true,
      add_eos_token: false,
      ...NAMED,
      clean_up_tokenization_spaces: false,
      model_max_length: 512,
      padding_side: 'left',
      chat_template: CHAT_TEMPLATE,
    },
    'special_tokens_map.json': {
      ...NAMED,
      additional_special_tokens: ['<start_of_turn>', '<end_of_turn>'],
    },
    'generation_config.json': {
      bos_token_id: 2,
      eos_token_id: [1, 5],
      pad_token_id: 0,
      do_sample: false,
    },
  });
}

/**
 * Writes the same vocabulary for a model that reads plain text in GPT-2's way: nothing is put in
 * front, and EOS, which separates texts, is named as BOS too.
 */
export function writeTextTokenizer(dir: string, json: object): void {
  const named = { ...NAMED, bos_token: NAMED.eos_token };
  writeFiles(dir, {
    'tokenizer.json': { ...json, post_processor: null },
    'tokenizer_config.json': {
      tokenizer_class: 'PreTrainedTokenizerFast',
      add_bos_token: false,
      add_eos_token: false,
      ...named,
      clean_up_tokenization_spaces: false,
      model_max_length: 256,
    },
    'special_tokens_map.json': named,
    'generation_config.json': {
      bos_token_id: 1,
      eos_token_id: 1,
      pad_token_id: 0,
      do_sample: false,
    },
  });
}

function writeFiles(dir: string, files: Record<string, object>): void {
  mkdirSync(dir, { recursive: true });
  for (const [name, value] of Object.entries(files)) {
    const indent = name === 'tokenizer.json' ? 1 : 2;
    writeFileSync(join(dir, name), `${JSON.stringify(value, null, indent)}\n`);
  }
}

/** Learns the vocabulary from training examples drawn with a fixed seed, and writes the files. */
function main(out: string): void {
  const { makeExample } = require('./corpus') as typeof import('./corpus');
  const random = seededRandom(20);
  const examples = Array.from({ length: 20_000 }, () => makeExample(random, { split: 'train' }));
  // With the chat template's own words, so that these are whole too.
  const prompts = examples.map((example) => `user\n${example.prompt}\nmodel`);
  const answers = examples.map((example) => example.answer);
  const { json, vocabSize, words, dropped } = buildTokenizer(prompts, answers);
  writeTokenizer(join(out, 'tiny-gemma2'), json);
  writeTextTokenizer(join(out, 'tiny-gpt2'), json);
  const left = dropped > 0 ? `, ${dropped} words left out for lack of room` : '';
  console.log(`${vocabSize} tokens, ${words.length} of them whole words${left}.`);
}

const OPTIONS = [['--out <folder>', 'Gets the folders tiny-gemma2 and tiny-gpt2']] as const;

runAsProgram(module, { options: OPTIONS }, ({ options }) => {
  const out = text(options, 'out');
  if (out === undefined) throw new InputError('Give the folder to write into: --out <folder>.');
  main(out);
});
