/** The checkers of ifeval/ by themselves. test/ifeval/parity.test.ts compares them on real responses. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { detectLanguage } from '../../ifeval/detectLanguage';
import { DIVERGENCES } from '../../ifeval/divergences';
import { followLoose, followStrict, looseVariants } from '../../ifeval/follow';
import { InstructionError, parseInstruction } from '../../ifeval/instruction';
import { REGISTRY } from '../../ifeval/registry';
import { splitSentences } from '../../ifeval/sentences';
import { splitWords } from '../../ifeval/words';
import { assertEffort } from '../effort';

type Given = Record<string, unknown>;
const strict = (id: string, kwargs: Given, response: string) =>
  followStrict(parseInstruction(id, kwargs), response).followed;
const loose = (id: string, kwargs: Given, response: string) =>
  followLoose(parseInstruction(id, kwargs), response).followed;

/** Texts of ours with what the official code says about them (scripts/make_ifeval_fixtures.py). */
const official: {
  instructions: [id: string, kwargs: Given][];
  cases: { text: string; sentences: string[]; words: string[]; strict: string; loose: string }[];
} = JSON.parse(fs.readFileSync(path.join(__dirname, '../fixtures/ifeval/official.json'), 'utf8'));

test('sentences are those of NLTK', () => {
  for (const { text, sentences } of official.cases) assert.equal(splitSentences(text), sentences);
});

test('words are those of NLTK', () => {
  for (const { text, words } of official.cases) assert.equal(splitWords(text), words);
});

test('verdicts on corner cases are the official ones, strict and loose', () => {
  const bits = (follows: typeof strict, text: string) =>
    official.instructions.map((given) => Number(follows(...given, text))).join('');
  for (const { text, ...verdicts } of official.cases) {
    assert.is(bits(strict, text), verdicts.strict, `strict: ${JSON.stringify(text)}`);
    assert.is(bits(loose, text), verdicts.loose, `loose: ${JSON.stringify(text)}`);
  }
});

const ENGLISH = 'The quick brown fox jumps over the lazy dog while the children are watching it.';
const CHINESE = '我们今天去公园散步，天气非常好，大家都很高兴。';

/** A response that follows, and others that miss by as little as can be. */
const examples: [id: string, kwargs: Given, follows: string, ...breaks: string[]][] = [
  [
    'change_case:capital_word_frequency',
    { capital_frequency: 3, capital_relation: 'at least' },
    'I saw NASA in the USA.',
    'I saw NASA in the Usa.',
  ],
  [
    'change_case:capital_word_frequency',
    { capital_frequency: 3, capital_relation: 'less than' },
    'I saw NASA in the Usa.',
    'I saw NASA in the USA.',
  ],
  [
    'change_case:english_capital',
    {},
    ENGLISH.toUpperCase(),
    ENGLISH.toUpperCase().replace('FOX', 'FOx'),
    'DIE KINDER SIND HEUTE MIT DEM ZUG NACH BERLIN GEFAHREN UND HABEN DORT EIN EIS GEGESSEN.',
  ],
  [
    'change_case:english_lowercase',
    {},
    ENGLISH.toLowerCase(),
    ENGLISH,
    'les enfants de la famille sont allés à la plage et ils ont mangé une glace.',
    '12',
  ],
  [
    'combination:repeat_prompt',
    { prompt_to_repeat: 'Write a poem.' },
    ' write a POEM. Roses are red.',
    'Write a poem Roses are red.',
    'Sure! Write a poem. Roses are red.',
  ],
  [
    'combination:two_responses',
    {},
    'One.\n******\nTwo.',
    'One.\n*****\nTwo.',
    'One.\n******\n One. ',
    'One.\n******\n\n******\nTwo.',
    '1 ****** 2 ****** 3',
  ],
  [
    'detectable_content:number_placeholders',
    { num_placeholders: 2 },
    'Dear [name], [] yours',
    'Dear [name], [ yours',
    'Dear [name], [your\nname]',
  ],
  [
    'detectable_content:postscript',
    { postscript_marker: 'P.S.' },
    'Bye. p. s. More',
    'Bye. P.S More',
    'Bye. PS. More',
  ],
  [
    'detectable_content:postscript',
    { postscript_marker: 'P.P.S' },
    'Bye. P. P. S More',
    'Bye. P.S. More',
  ],
  [
    'detectable_content:postscript',
    { postscript_marker: 'N.B.' },
    'Bye. n.b. More',
    'Bye. nxbx More',
  ],
  [
    'detectable_format:constrained_response',
    {},
    'Well: My answer is maybe. Or so.',
    'my answer is maybe.',
    'My answer is maybe',
  ],
  ['detectable_format:json_format', {}, '```json\n{"a": [1]}\n```', '{"a": [1}', 'So: {"a": [1]}'],
  [
    'detectable_format:multiple_sections',
    { section_spliter: 'SECTION', num_sections: 2 },
    'SECTION 1\na\nSECTION2\nb',
    'SECTION 1\na\nSection 2\nb',
    'SECTION 1\na\nSECTION  2\nb',
    'SECTION 1\na\nSECTION two\nb',
  ],
  [
    'detectable_format:number_bullet_lists',
    { num_bullets: 2 },
    'So:\n* a\n  - b',
    'So:\n* a\nb',
    'So:\n* a\n** b',
    'So:\n* a\n- b\n---',
    'So: * a\n* b',
  ],
  [
    'detectable_format:number_highlighted_sections',
    { num_highlights: 2 },
    'This *is* **it**.',
    'This *is* **it.',
    'This *is* * *',
    'This *is* *i\nt*',
  ],
  ['detectable_format:title', {}, 'So <<a>> b', 'So <a> b', '<< >>', '<<a\n>>', '<<>>'],
  ['keywords:existence', { keywords: ['Cat', 'dog'] }, 'concatenated dogs', 'concatenated dots'],
  ['keywords:forbidden_words', { forbidden_words: ['cat'] }, 'cats, cat_', 'A-CAT!'],
  [
    'keywords:frequency',
    { keyword: ' cat ', frequency: 2, relation: 'at least' },
    'Cat, concatenate.',
    'Cat, con-c-atenate.',
  ],
  [
    'keywords:frequency',
    { keyword: 'cat', frequency: 2, relation: 'less than' },
    'Cat.',
    'Cat, cat.',
  ],
  [
    'keywords:letter_frequency',
    { letter: 'C', let_frequency: 3, let_relation: 'at least' },
    'Cc c',
    'Cc k',
  ],
  [
    'keywords:letter_frequency',
    { letter: 'c', let_frequency: 3, let_relation: 'less than' },
    'cC',
    'cCc',
  ],
  [
    'language:response_language',
    { language: 'hi' },
    'यह एक बहुत अच्छा दिन है और हम सब बहुत खुश हैं।',
    ENGLISH,
    'आज आम्ही सगळे बाजारात गेलो आणि तिथे खूप मजा केली, नंतर घरी परत आलो.',
  ],
  ['language:response_language', { language: 'zh-cn' }, CHINESE, ENGLISH],
  [
    'length_constraints:nth_paragraph_first_word',
    { num_paragraphs: 2, nth_paragraph: 2, first_word: 'Weekend' },
    'A\n\n"weekend\'s fun',
    'A\n\nweekends are fun',
    'A\n\nthe weekend',
    'A\nweekend',
    'A\n\nweekend\n\nB',
    'A\n\n\n\nweekend',
  ],
  [
    'length_constraints:number_paragraphs',
    { num_paragraphs: 2 },
    'a\n***\nb\n***',
    'a\n\nb',
    '***',
    'a *** *** b',
  ],
  [
    'length_constraints:number_sentences',
    { num_sentences: 2, relation: 'at least' },
    'Mr. A came. He left.',
    'Mr. A came, he left.',
  ],
  [
    'length_constraints:number_sentences',
    { num_sentences: 2, relation: 'less than' },
    'Dr. A left',
    'He left. So did I',
  ],
  [
    'length_constraints:number_words',
    { num_words: 4, relation: 'at least' },
    "It's well-done",
    'Its well-done',
  ],
  [
    'length_constraints:number_words',
    { num_words: 3, relation: 'less than' },
    'under_score, two!',
    'under score, three!',
  ],
  ['punctuation:no_comma', {}, 'No، no， no', 'No, no'],
  [
    'startend:end_checker',
    { end_phrase: 'The end.' },
    '"So, the END."\n',
    'The end. Bye',
    'So the end',
  ],
  ['startend:quotation', {}, ' "So" \n', '"So', 'So"', "'So'", '“So”', '"'],
];

for (const [id, kwargs, follows, ...breaks] of examples) {
  test(`${id} ${JSON.stringify(kwargs)}`, () => {
    const instruction = parseInstruction(id, kwargs);
    for (const [response, expected] of [
      [follows, true] as const,
      ...breaks.map((text) => [text, false] as const),
    ]) {
      const { followed, evidence } = followStrict(instruction, response);
      assert.is(followed, expected, `${JSON.stringify(response)}: ${evidence}`);
      assert.match(evidence, /^[^\n]{3,250}$/);
      assert.equal(followStrict(instruction, response), { followed, evidence });
    }
  });
}

test('all 25 instructions are there, and each has an example', () => {
  assert.is(Object.keys(REGISTRY).length, 25);
  assert.equal(new Set(examples.map(([id]) => id)), new Set(Object.keys(REGISTRY)));
});

test('evidence says what was counted, or which span offends', () => {
  const evidence = (id: string, kwargs: Given, response: string) =>
    followStrict(parseInstruction(id, kwargs), response).evidence;
  const words = { num_words: 5, relation: 'at least' };
  assert.is(
    evidence('length_constraints:number_words', words, 'a b c'),
    '3 words, at least 5 wanted',
  );
  assert.match(evidence('punctuation:no_comma', {}, 'First, second'), /"First, second"/);
  assert.match(
    evidence('keywords:forbidden_words', { forbidden_words: ['cat'] }, 'my Cat sat'),
    /"Cat" in/,
  );
  assert.match(evidence('keywords:existence', { keywords: ['x', 'y'] }, 'x'), /"y"/);
  assert.match(evidence('change_case:english_lowercase', {}, 'so It is'), /"I" in "so It is"/);
});

test('a blank response follows nothing, strictly or loosely', () => {
  for (const [id, kwargs] of examples) {
    for (const blank of ['', ' \n\t', '\u3000\x1c', '\n\n']) {
      assert.not(strict(id, kwargs, blank), id);
      assert.not(loose(id, kwargs, blank), id);
    }
  }
});

test('loose variants: each of eight, and nothing beyond', () => {
  const response = 'Sure, here:\n*a*\n*b*\nBye, now';
  assert.equal(
    looseVariants(response).map(({ text }) => text),
    [
      response,
      '*a*\n*b*\nBye, now',
      'Sure, here:\n*a*\n*b*',
      '*a*\n*b*',
      'Sure, here:\na\nb\nBye, now',
      'a\nb\nBye, now',
      'Sure, here:\na\nb',
      'a\nb',
    ],
  );
  const comma: [string, Given] = ['punctuation:no_comma', {}];
  assert.ok(loose(...comma, 'Sure, so:\nno comma'));
  assert.ok(loose(...comma, 'no comma\nbye, then'));
  assert.ok(loose(...comma, 'Sure, so:\nno comma\nbye, then'));
  assert.not(loose(...comma, 'Sure, so:\na comma, here\nbye, then'));
  assert.not(loose(...comma, 'a, b'), 'without its only line a response is blank');
  assert.ok(loose('startend:quotation', {}, '**"so"**'));
  assert.not(loose('startend:quotation', {}, '__"so"__'));
  const verdict = followLoose(parseInstruction(...comma), 'Sure, so:\nno comma');
  assert.is(verdict.evidence, 'no comma (without the first line)');
});

test('languages are told by their letters and words, always the same way', () => {
  const texts: Record<string, string> = {
    ar: 'الطقس جميل اليوم وسنذهب إلى الحديقة مع الأطفال.',
    bg: 'Днес времето е много хубаво и ние ще отидем на разходка в парка с децата.',
    de: 'Heute ist das Wetter sehr schön und wir gehen mit den Kindern in den Park.',
    fa: 'امروز هوا بسیار خوب است و ما با بچه‌ها به پارک می‌رویم.',
    fi: 'Tänään sää on erittäin kaunis ja me menemme lasten kanssa puistoon.',
    ko: '오늘은 날씨가 아주 좋아서 아이들과 함께 공원에 갑니다.',
    ne: 'आज मौसम धेरै राम्रो छ र हामी केटाकेटीहरूसँग पार्कमा जाँदैछौं।',
    pa: 'ਅੱਜ ਮੌਸਮ ਬਹੁਤ ਵਧੀਆ ਹੈ ਅਤੇ ਅਸੀਂ ਬੱਚਿਆਂ ਨਾਲ ਪਾਰਕ ਜਾ ਰਹੇ ਹਾਂ।',
    ru: 'Сегодня очень хорошая погода, и мы идём с детьми гулять в парк.',
    sw: 'Leo hali ya hewa ni nzuri sana na tunakwenda bustanini pamoja na watoto.',
    ta: 'இன்று வானிலை மிகவும் நன்றாக உள்ளது, நாங்கள் பூங்காவிற்கு செல்கிறோம்.',
    ur: 'آج موسم بہت اچھا ہے اور ہم بچوں کے ساتھ باغ میں جا رہے ہیں۔',
    vi: 'Hôm nay thời tiết rất đẹp và chúng tôi đi công viên cùng với các cháu.',
  };
  for (const [language, text] of Object.entries(texts)) assert.is(detectLanguage(text), language);
  assert.is(detectLanguage('12 + 3 = 15 …'), undefined);
  assert.ok(strict('language:response_language', { language: 'ta' }, '12 + 3'), 'as officially');
  assert.is(detectLanguage(`${texts.fi} https://www.example.com/this-is-an-english-address`), 'fi');
});

test('arguments that an instruction cannot be checked with are all named', () => {
  const problems = (id: string, kwargs: unknown): string[] => {
    try {
      parseInstruction(id, kwargs);
    } catch (error) {
      if (error instanceof InstructionError) return error.problems;
      throw error;
    }
    return [];
  };
  assert.match(problems('toString', {})[0], /unknown instruction id "toString"/);
  assert.match(problems('punctuation:no_comma', null)[0], /kwargs must be an object/);
  assert.equal(problems('punctuation:no_comma', { keywords: null }), [], 'null is not given');
  const words = 'length_constraints:number_words';
  assert.is(problems(words, { num_words: -1, relation: 'at most', letter: 'a' }).length, 3);
  assert.is(problems(words, { num_words: 1.5, relation: 'at least' }).length, 1);
  assert.is(problems('keywords:existence', { keywords: [] }).length, 1);
  assert.is(problems('keywords:existence', { keywords: ['a', 1] }).length, 1);
  assert.is(problems('language:response_language', { language: 'tlh' }).length, 1);
  const nth = 'length_constraints:nth_paragraph_first_word';
  assert.equal(problems(nth, { num_paragraphs: 2, nth_paragraph: 2, first_word: 'a' }), []);
  assert.match(
    problems(nth, { num_paragraphs: 2, nth_paragraph: 3, first_word: 'a' })[0],
    /from 1 to num_paragraphs/,
  );
});

/** By the order of the list: what each divergence says of ours. */
const divergences: (() => void)[] = [
  () => {
    const hash = { letter: '#', let_frequency: 2, let_relation: 'at least' };
    assert.ok(strict('keywords:letter_frequency', hash, '#a #b'));
    assert.not(strict('keywords:letter_frequency', hash, '#a aaaa bbbb cccc dddd eeee'));
    const bang = { letter: '!', let_frequency: 2, let_relation: 'less than' };
    assert.ok(strict('keywords:letter_frequency', bang, 'a! aaaa bbbb cccc'));
    assert.not(strict('keywords:letter_frequency', bang, 'a! b!'));
  },
  () => {
    const mixed = `${ENGLISH} Heute ist das Wetter sehr schön und wir gehen in den Park.`;
    const answers = new Set(Array.from({ length: 20 }, () => detectLanguage(mixed)));
    assert.is(answers.size, 1);
  },
  () => {
    const short = 'THE BIG DOG IS IN THE HOUSE';
    const answers = Array.from({ length: 20 }, () =>
      strict('change_case:english_capital', {}, short),
    );
    assert.is(new Set(answers).size, 1);
  },
  () => {
    assert.throws(() => parseInstruction('keywords:existence', {}), /keywords is missing/);
    const letters = { letter: 'ab', let_frequency: 1, let_relation: 'at least' };
    assert.throws(() => parseInstruction('keywords:letter_frequency', letters), /one character/);
  },
  () => {
    assert.ok(strict('keywords:existence', { keywords: ['C++', 'a.b'] }, 'c++ a.b'));
    assert.not(strict('keywords:existence', { keywords: ['a.b'] }, 'axb'));
    assert.not(strict('keywords:forbidden_words', { forbidden_words: ['a.b'] }, 'x a.b y'));
    const section = { section_spliter: 'Part (A)', num_sections: 1 };
    assert.ok(strict('detectable_format:multiple_sections', section, 'Part (A) 1'));
  },
  () => {
    const words = { num_words: 3, relation: 'at least' };
    assert.ok(strict('length_constraints:number_words', words, 'हिन्दी'));
  },
  () => {
    assert.equal(splitSentences('He said “Stop.” She left.'), ['He said “Stop.” She left.']);
    assert.equal(splitSentences('He said "Stop." She left.'), ['He said "Stop."', 'She left.']);
  },
];

test('each listed divergence is as listed', () => {
  assert.is(divergences.length, DIVERGENCES.length);
  for (const check of divergences) check();
});

// The slowest, splitting 350,000 sentences of one word, is some 80 times plain work.
const MOST = 400;

test('1 MB is checked at once, whatever it holds', () => {
  const pieces = [
    ' ',
    '\n',
    'a',
    'A. ',
    '"',
    '**',
    '* ',
    '<<',
    '[',
    "'",
    'Mr. ',
    'x@',
    'Word, word. ',
  ];
  const instructions = Object.keys(REGISTRY).map((id) =>
    parseInstruction(id, examples.find(([example]) => example === id)![1]),
  );
  for (const piece of pieces) {
    const text = piece.repeat(2 ** 20 / piece.length);
    for (const instruction of instructions) {
      const about = `${instruction.id} of ${JSON.stringify(piece)}`;
      assertEffort(MOST, about, () => followStrict(instruction, text));
    }
  }
  const escaped = `"${'\\"'.repeat(2 ** 19)}`;
  assertEffort(MOST, 'escapes', () => strict('detectable_format:json_format', {}, escaped));
});

test.run();
