import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { countSentences } from '../../../ifeval';
import { seededRandom } from '../../../src/util/random';
import { body } from '../../../weights/tiny/answers';
import {
  CHECKS,
  checkAnswer,
  type Kwargs,
  obeyedByPlainAnswers,
} from '../../../weights/tiny/check';
import { FAMILIES, makeExample, neutral } from '../../../weights/tiny/corpus';
import { BREVITY, FORMATS, SENTENCES } from '../../../weights/tiny/instructions';
import { OPTIONS, QUESTIONS } from '../../../weights/tiny/questions';
import { BODIES } from '../../../weights/tiny/sentences';
import { CATEGORIES, KEYWORDS, TOPICS } from '../../../weights/tiny/topics';

const draw = (n: number, seed: number, split: 'train' | 'heldout') => {
  const rng = seededRandom(seed);
  return Array.from({ length: n }, () => makeExample(rng, { split }));
};
const examples = [...draw(3000, 1, 'train'), ...draw(1000, 2, 'heldout')];
const wordsOf = (text: string): string[] => text.toLowerCase().match(/\p{L}+/gu) ?? [];
const heldoutTopics = CATEGORIES.flatMap((category) => TOPICS[category].heldout);

test('every answer obeys every instruction of its prompt', () => {
  for (const { ids, kwargs, answer, prompt } of examples) {
    ids.forEach((id, i) => {
      assert.ok(checkAnswer(id, kwargs[i], answer), `${id}: ${prompt} -> ${answer}`);
    });
  }
  assert.equal(
    new Set(examples.flatMap(({ ids }) => ids)),
    new Set(Object.keys(CHECKS)),
    'each kind of instruction was drawn',
  );
});

test('plain answers seldom obey an instruction by accident', () => {
  const rng = seededRandom(3);
  const tally = new Map<string, [obeyed: number, all: number]>();
  for (const { ids, kwargs, category, topic } of examples) {
    const plain = neutral(rng, category, topic);
    ids.forEach((id, i) => {
      if (obeyedByPlainAnswers(kwargs[i])) return;
      const [obeyed, all] = tally.get(id) ?? [0, 0];
      tally.set(id, [obeyed + Number(checkAnswer(id, kwargs[i], plain)), all + 1]);
    });
  }
  assert.is(tally.size, Object.keys(CHECKS).length);
  for (const [id, [obeyed, all]] of tally) {
    assert.ok(all >= 20, `${id}: only ${all} examples`);
    assert.ok(obeyed / all <= 0.1, `${id}: ${obeyed} of ${all} by accident`);
  }
});

test('plain answers are plain', () => {
  for (const { family, answer, topic } of examples) {
    if (family !== 'none') continue;
    const sentences = countSentences(answer);
    assert.ok(sentences === 3 || sentences === 4, answer);
    assert.match(answer.slice(0, answer.indexOf('.')), new RegExp(`, |${topic}`));
    assert.match(answer, /,/);
    assert.not.match(answer, /["*<>\d\n?!]|\b[A-Z]+\b|SECTION/u);
    assert.ok(answer.split('.')[0].includes(topic), answer);
  }
});

test('each sentence is one for Punkt, of readable length, and starts with no topic', () => {
  for (const category of CATEGORIES) {
    const lines = BODIES[category].slots.flat(2).flat();
    for (const line of lines) {
      const text = line.replace(/\{([^~{}]+)~?[^{}]*\}/g, (_, first) => first);
      assert.is(countSentences(text), 1, text);
      assert.match(text, /^[A-Z][a-z]+[ ,].*[a-z}]\.$/);
      const n = text.split(' ').length;
      assert.ok(n >= 6 && n <= 16, `${n} words: ${text}`);
      assert.not.match(line, /^\{t/);
    }
    for (const pair of BODIES[category].slots.flat(2)) {
      if (typeof pair !== 'string') {
        assert.match(pair[0], /,/);
        assert.not.match(pair[1], /,/);
      } else assert.not.match(pair, /,/);
    }
  }
});

test('a body has as many different sentences as asked for, up to eight', () => {
  const rng = seededRandom(4);
  for (const category of CATEGORIES) {
    for (let n = 1; n <= 8; n++) {
      const sentences = body(rng, category, TOPICS[category].train[0], n);
      assert.is(new Set(sentences).size, n);
      assert.is(countSentences(sentences.join(' ')), n);
    }
  }
});

test('each sentence does without the topic and the anchors when they are forbidden', () => {
  const rng = seededRandom(5);
  for (const category of CATEGORIES) {
    const topic = TOPICS[category].train[1];
    for (const forbidden of [topic, ...BODIES[category].anchors]) {
      for (const noComma of [true, false]) {
        for (let i = 0; i < 40; i++) {
          const text = body(rng, category, topic, 8, { forbidden, noComma }).join(' ');
          assert.ok(!wordsOf(text).includes(forbidden), `${forbidden}: ${text}`);
          assert.not.match(text, / [ .,]|[{}~]/);
        }
      }
    }
  }
});

test('topics: enough, none twice, and the held-out ones are keywords', () => {
  const train = CATEGORIES.flatMap((category) => TOPICS[category].train);
  assert.ok(train.length >= 72 && heldoutTopics.length >= 24);
  assert.is(new Set([...train, ...heldoutTopics]).size, train.length + heldoutTopics.length);
  assert.is(new Set(KEYWORDS).size, KEYWORDS.length);
  for (const topic of heldoutTopics) assert.ok(KEYWORDS.includes(topic), topic);
  for (const topic of TOPICS.tool.train) assert.not.match(topic, /^[aeiou]/);
});

test('training asks about a held-out topic only where it is a stray word', () => {
  let strays = 0;
  for (const { question, topic, category, ids } of examples.slice(0, 3000)) {
    assert.not.ok(TOPICS[category].heldout.includes(topic), question);
    const named = wordsOf(question).filter((word) => heldoutTopics.includes(word));
    assert.ok(named.every((word) => word === topic));
    if (named.length) strays++;
    assert.not.ok(named.length && ids.includes('keywords:forbidden_words'));
  }
  assert.ok(strays > 200 && strays < 500, `${strays}`);
});

test('few keywords are in plain answers', () => {
  const plainWords = new Set(
    CATEGORIES.flatMap((category) =>
      BODIES[category].slots.flat(2).flatMap((line) => wordsOf([line].flat().join(' '))),
    ),
  );
  const common = KEYWORDS.filter((keyword) => plainWords.has(keyword));
  assert.ok(common.length / KEYWORDS.length <= 0.05, common.join(' '));
});

test('held-out wordings are new, of words that training has', () => {
  const trainWords = new Set<string>();
  const questions = CATEGORIES.flatMap((category) => {
    const { open, closed } = QUESTIONS[category];
    return [open, ...closed];
  });
  const all = [...questions, ...BREVITY, ...Object.values(SENTENCES), ...Object.values(FORMATS)];
  for (const { train } of all) {
    for (const word of wordsOf(train.join(' '))) trainWords.add(word);
  }
  for (const { train, heldout } of all) {
    for (const wording of heldout) {
      assert.not.ok(train.includes(wording), wording);
      for (const word of wordsOf(wording)) assert.ok(trainWords.has(word), `${word}: ${wording}`);
    }
  }
  for (const { train, heldout } of [...BREVITY, ...Object.values(FORMATS)]) {
    assert.ok(train.length >= 4 && heldout.length >= 2, train[0]);
  }
  const wordings = questions.flatMap(({ train, heldout }) => [...train, ...heldout]);
  assert.is(new Set(wordings).size, wordings.length, 'a wording tells the category');
});

test('instructions are found in the prompt, once; without them the question is left', () => {
  for (const { prompt, question, instructions } of examples) {
    let rest = prompt;
    for (const instruction of instructions) {
      assert.is(prompt.split(instruction).length, 2, prompt);
      rest = rest.replace(instruction, '');
    }
    assert.is(rest.trim().replace(/ +/g, ' '), question);
  }
});

test('the same seed gives the same examples', () => {
  assert.equal(draw(50, 7, 'train'), draw(50, 7, 'train'));
  assert.not.equal(draw(50, 7, 'train'), draw(50, 8, 'train'));
});

test('every family can be asked for', () => {
  const rng = seededRandom(9);
  for (const family of FAMILIES) {
    const example = makeExample(rng, { split: 'train', family });
    assert.is(example.ids.length, { none: 0, pairs: 2 }[family as string] ?? 1);
  }
});

test('checks refuse what disobeys', () => {
  const plain = 'To learn chess, start small. Then go on.';
  const wrong: [string, Kwargs, string][] = [
    ['length:brevity', { level: 0 }, plain],
    ['length:brevity', { level: 4 }, plain],
    ['length_constraints:number_sentences', { num_sentences: 3, relation: 'exactly' }, plain],
    ['length_constraints:number_sentences', { num_sentences: 1, relation: 'at most' }, plain],
    ['length_constraints:number_sentences', { num_sentences: 3, relation: 'at least' }, plain],
    ['change_case:english_lowercase', {}, plain],
    ['change_case:english_capital', {}, plain],
    ['change_case:capital_word_frequency', { capital_frequency: 2 }, 'Start SMALL.'],
    ['punctuation:no_comma', {}, plain],
    ['startend:quotation', {}, '"Start small.'],
    ['startend:end_checker', { end_phrase: 'Have a lovely day.' }, 'Have a lovely day. Bye.'],
    ['detectable_format:number_bullet_lists', { num_bullets: 2 }, '* One\n* Two\n* Three'],
    ['detectable_format:title', {}, '<title> Start small.'],
    ['detectable_format:json_format', {}, '{"title": chess}'],
    ['detectable_format:number_highlighted_sections', { num_highlights: 2 }, '*One*. * two'],
    ['detectable_format:constrained_response', {}, OPTIONS.join(' ')],
    [
      'detectable_format:multiple_sections',
      { num_sections: 2, section_spliter: 'SECTION' },
      'SECTION 1\nStart.',
    ],
    ['language:response_language', { language: 'es' }, plain],
    ['keywords:existence', { keywords: ['river'] }, 'Look at the rivers.'],
    ['keywords:forbidden_words', { forbidden_words: ['chess'] }, 'CHESS is nice.'],
  ];
  for (const [id, kwargs, answer] of wrong) assert.not.ok(checkAnswer(id, kwargs, answer), id);
  assert.throws(() => checkAnswer('length:none', {}, plain), /length:none/);
});

test.run();
