/** The pieces of a response that decided: by hand, between ⟦ and ⟧. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { marksOf, parseInstruction, REGISTRY } from '../../ifeval';

type Given = Record<string, unknown>;

function marked(id: string, kwargs: Given, text: string, mode: 'strict' | 'loose'): string {
  const spans = marksOf(parseInstruction(id, kwargs), text, mode);
  const pieces = spans.map(([start, end], i) => {
    assert.ok(start < end && end <= text.length && start >= (spans[i - 1]?.[1] ?? 0), 'in order');
    return `${text.slice(spans[i - 1]?.[1] ?? 0, start)}⟦${text.slice(start, end)}⟧`;
  });
  return pieces.join('') + text.slice(spans.at(-1)?.[1] ?? 0);
}

const strict: [id: string, kwargs: Given, ...texts: string[]][] = [
  [
    'change_case:capital_word_frequency',
    { capital_frequency: 3, capital_relation: 'at least' },
    '⟦A⟧ "Big" ⟦NASA⟧ rocket, said ⟦I⟧. ⟦DON\'T⟧ ask.',
  ],
  ['change_case:english_capital', {}, 'SO ⟦it⟧ ⟦i⟧S', 'ALL OF IT.'],
  ['change_case:english_lowercase', {}, 'so ⟦I⟧t ⟦IS⟧', 'all of it.'],
  [
    'combination:repeat_prompt',
    { prompt_to_repeat: 'Write a poem.' },
    ' ⟦write a POEM.⟧ Roses.',
    '⟦Write a ⟧song.',
    'Sure! Write a poem.',
  ],
  ['combination:two_responses', {}, 'One.\n⟦******⟧\nTwo.', 'One.\n*****\nTwo.'],
  [
    'detectable_content:number_placeholders',
    { num_placeholders: 2 },
    'Dear ⟦[name]⟧,\n⟦[]⟧ [ yours',
    '[a\n⟦[b]⟧',
  ],
  [
    'detectable_content:postscript',
    { postscript_marker: 'P.S.' },
    'İ bye. ⟦p. s.⟧ P.S.',
    'Bye PS.',
  ],
  [
    'detectable_format:constrained_response',
    {},
    'Well: ⟦My answer is maybe.⟧ No, ⟦My answer is no.⟧',
    'my answer is no.',
  ],
  ['detectable_format:json_format', {}, ' ```json\n⟦{"a": [1]}⟧\n```', 'So: {"a": [1]}'],
  [
    'detectable_format:multiple_sections',
    { section_spliter: 'PART', num_sections: 2 },
    '⟦PART 1⟧\na\n⟦PART2⟧\nPart 3',
  ],
  [
    'detectable_format:number_bullet_lists',
    { num_bullets: 2 },
    'So:\n⟦*⟧ a\n  ⟦-⟧ b\n** no\n⟦-⟧--',
    '⟦*⟧\n* one bullet',
  ],
  [
    'detectable_format:number_highlighted_sections',
    { num_highlights: 2 },
    'This ⟦*is*⟧ ⟦**it**⟧ * *',
  ],
  ['detectable_format:title', {}, 'So << >>\nmy ⟦<<title>>⟧\n<<two>>', 'So <a>'],
  ['keywords:existence', { keywords: ['Cat', 'dog'] }, 'con⟦cat⟧enated ⟦dog⟧s, ⟦CAT⟧', 'a bird'],
  ['keywords:forbidden_words', { forbidden_words: ['cat', 'dog'] }, 'A ⟦cat⟧, ⟦Dog⟧. cats', 'cats'],
  ['keywords:frequency', { keyword: ' cat ', frequency: 2, relation: 'at least' }, '⟦Cat⟧s ⟦cat⟧'],
  [
    'keywords:letter_frequency',
    { letter: 'C', let_frequency: 3, let_relation: 'at least' },
    'İ⟦Cc⟧ ⟦c⟧',
  ],
  ['language:response_language', { language: 'de' }, 'The whole text decides.'],
  [
    'length_constraints:nth_paragraph_first_word',
    { num_paragraphs: 2, nth_paragraph: 2, first_word: 'Weekend' },
    'A\n\n  "⟦weekend⟧\'s fun',
    'A\n\n⟦the⟧ weekend',
    'A',
  ],
  ['length_constraints:number_paragraphs', { num_paragraphs: 2 }, 'a\n⟦***⟧\nb', 'a\n\nb'],
  [
    'length_constraints:number_sentences',
    { num_sentences: 2, relation: 'at least' },
    'Mr. A came⟦.⟧ He "left.⟦"⟧',
  ],
  [
    'length_constraints:number_words',
    { num_words: 3, relation: 'less than' },
    'one two ⟦three⟧ four',
    'one two',
  ],
  ['punctuation:no_comma', {}, 'No⟦,⟧ no، no， no⟦,⟧', 'No no'],
  ['startend:end_checker', { end_phrase: 'The end.' }, '"So, ⟦the END.⟧"\n', 'The⟦ is end.⟧'],
  ['startend:quotation', {}, ' ⟦"⟧So⟦"⟧ \n', '⟦S⟧o⟦"⟧'],
];

for (const [id, kwargs, ...texts] of strict) {
  test(`${id}: what decided is marked`, () => {
    for (const text of texts) {
      assert.is(marked(id, kwargs, text.replace(/[⟦⟧]/g, ''), 'strict'), text);
    }
    assert.is(marked(id, kwargs, ' \n', 'strict'), ' \n', 'a blank response has nothing to mark');
  });
}

test('all 25 instructions have an example', () => {
  assert.equal(new Set(strict.map(([id]) => id)), new Set(Object.keys(REGISTRY)));
});

test('a loose verdict marks what the variant that followed has, where the response has it', () => {
  const quotation = ['startend:quotation', {}] as const;
  assert.is(marked(...quotation, 'Sure:\n\n**"so"**', 'loose'), 'Sure:\n\n**⟦"⟧so⟦"⟧**');
  const answer = { keyword: 'a*b', frequency: 1, relation: 'less than' };
  assert.is(marked('keywords:frequency', answer, 'a*b a*b', 'loose'), 'a*b a*b');
  const ab = { keyword: 'ab', frequency: 1, relation: 'at least' };
  assert.is(marked('keywords:frequency', ab, 'x\na*b', 'loose'), 'x\n⟦a⟧*⟦b⟧');
  assert.is(marked('punctuation:no_comma', {}, 'So, a:\nb, c', 'loose'), 'So⟦,⟧ a:\nb⟦,⟧ c');
});

test.run();
