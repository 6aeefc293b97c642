import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadTokenizer } from '../../../src/text/loadTokenizer';
import {
  buildTokenizer,
  encodeExample,
  learnMerges,
  writeTextTokenizer,
  writeTokenizer,
} from '../../../weights/tiny/tokenizer';

const prompts = ['Why do bees dance? Answer in 2 sentences.', 'Why do bees dance? No commas.'];
const answers = [
  "Bees dance to tell others where flowers are. They don't sing.",
  'Bees know. The dance of bees shows the way. Bees dance at home, and bees dance in the dark.',
];
const plan = { minCount: 2, minMerges: 8, maxVocab: 4096 };

function withTokenizer(
  run: (tokenizer: ReturnType<typeof loadTokenizer>) => void,
  write = writeTokenizer,
) {
  const dir = mkdtempSync(join(tmpdir(), 'tiller-tiny-'));
  try {
    write(dir, buildTokenizer(prompts, answers, plan).json);
    run(loadTokenizer(dir));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test('merges are those worked out by hand', () => {
  // ab and bc occur twice each, ab sorts first; then abc occurs once only.
  const merges = learnMerges(['abc', 'ab', 'bcd', 'bcd'], () => false);
  assert.equal(merges, [
    ['b', 'c'],
    ['bc', 'd'],
  ]);
  assert.equal(
    learnMerges(['aaaa', 'aaa'], (soFar) => soFar.length === 1),
    [['a', 'a']],
  );
});

test('frequent words are one token, an answer word in lower and upper case too', () => {
  const built = buildTokenizer(prompts, answers, plan);
  assert.is(built.vocabSize % 64, 0);
  assert.equal(buildTokenizer(prompts, answers, plan).json, built.json, 'the same every time');
  withTokenizer((tokenizer) => {
    assert.is(tokenizer.vocabSize, built.vocabSize);
    for (const word of [' dance', ' DANCE', ' bees', ' BEES', 'Bees', 'BEES', 'bees']) {
      assert.is(tokenizer.encode(word, { bos: false }).length, 1, word);
    }
    for (const word of [' sing', ' 25', ' dance,', '\n\n']) {
      assert.ok(tokenizer.encode(word, { bos: false }).length > 1, word);
    }
  });
});

test('the rarest words make way when the vocabulary is full', () => {
  const many = Array.from({ length: 9 ** 2 }, (_, i) => `n${'abcdefghi'[i % 9]}${i.toString(36)}k`);
  const words = many.map((word) => `${word.replaceAll(/\d/g, 'x')} `.repeat(3)).join('');
  const full = buildTokenizer([], [...answers, words], plan);
  const tight = buildTokenizer([], [...answers, words], { ...plan, maxVocab: full.vocabSize - 64 });
  assert.ok(tight.dropped > 0);
  assert.is(tight.vocabSize, full.vocabSize - 64);
  assert.equal(tight.words, full.words.slice(0, tight.words.length));
});

test('plain text gets no BOS in front, and otherwise the same tokens', () => {
  withTokenizer((chats) => {
    withTokenizer((texts) => {
      const text = 'Bees dance in the dark, “ok”?\n☃';
      assert.equal(texts.encode(text), chats.encode(text).slice(1));
      assert.equal([chats.bosId, texts.bosId, texts.eosId], [2, 1, 1]);
      assert.equal(texts.stopIds, [1]);
      assert.is(texts.hasChatTemplate, false);
    }, writeTextTokenizer);
  });
});

test('an example for training: prompt, answer, end of turn, and the instruction between', () => {
  withTokenizer((tokenizer) => {
    const prompt = 'Señor, why? Say “ok” ☃ twice. No commas.';
    const instructions = ['Say “ok” ☃ twice.', 'No commas.'];
    const answer = 'Bees dance.\n';
    const example = encodeExample(tokenizer, { prompt, answer, instructions });
    const { ids, promptLength, instructionSpans } = example;
    assert.equal(ids.slice(0, promptLength), tokenizer.encodePrompt(prompt));
    assert.is(tokenizer.decode(ids.slice(promptLength)), `${answer}<end_of_turn>`);
    const texts = instructionSpans.map(([begin, end]) => tokenizer.decode(ids.slice(begin, end)));
    // The space before its first word belongs to that word's token.
    assert.equal(
      texts.map((text) => text.trimStart()),
      instructions,
    );
    assert.throws(
      () => encodeExample(tokenizer, { prompt, answer, instructions: ['Use commas.'] }),
      /doesn't hold "Use commas\."/,
    );
  });
});

test.run();
