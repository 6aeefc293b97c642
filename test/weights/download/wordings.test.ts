/** Which wordings are found in scripts, and what is said where they are not. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  constraintWordings,
  keywordWordings,
  lengthWordings,
  WordingsError,
} from '../../../weights/download/wordings';
import { EVALUATION_SCRIPT, KEYWORD_SCRIPT, LENGTH_SCRIPT } from './fakeScripts';

const ways = (count: number, word: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => word(i));

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.instance(error, WordingsError);
    return (error as Error).message;
  }
  throw new Error('not refused');
}

test('length: five levels, several sentences, one sentence', () => {
  const { levels, sentences, one_sentence } = lengthWordings(LENGTH_SCRIPT);
  assert.equal(levels, {
    extremely_concise: [
      ...["Don't talk.", 'A "word".', 'Hush.', 'Three {{braces}}.', 'Still less.'],
      ...['Nearly nothing.', 'One breath.'],
    ],
    concise: ways(7, (i) => `Tiny it is, ${i}.`),
    moderate: ways(4, (i) => `Middling it is, ${i}.`),
    verbose: ways(4, (i) => `Long it is, ${i}.`),
    extremely_verbose: ways(4, (i) => `Longest it is, ${i}.`),
  });
  assert.equal(Object.keys(levels)[0], 'extremely_concise', 'the shortest comes first');
  assert.equal(
    sentences,
    ways(4, (i) => `Say it {n} times, way ${i}.`),
  );
  assert.equal(one_sentence, { sentences: ways(4, (i) => `Say it once, way ${i}.`) });
});

test('the order of levels is that of the list which puts them together', () => {
  const turned = LENGTH_SCRIPT.replace(/( {8}tiny = .*\n)( {8}middling = .*\n)/, '$2$1');
  assert.not.equal(turned, LENGTH_SCRIPT);
  assert.equal(lengthWordings(turned), lengthWordings(LENGTH_SCRIPT));
  // Without such a list it is the order of the script; the first list is about one sentence.
  const [, all] = /\n( {8}all_of_them = .*\n)/.exec(LENGTH_SCRIPT) as RegExpExecArray;
  assert.equal(lengthWordings(LENGTH_SCRIPT.replace(all, '')), lengthWordings(LENGTH_SCRIPT));
});

test('evaluation: a wording for each constraint, and for one sentence', () => {
  const each = (say: (constraint: string) => string) => ({
    at_most: [say('at most')],
    at_least: [say('at least')],
    exactly: [say('exactly')],
  });
  assert.equal(constraintWordings(EVALUATION_SCRIPT), {
    constraints: each((constraint) => `Speak ${constraint} {n} times.`),
    one_sentence: each((constraint) => `Speak ${constraint} one time.`),
  });
});

test('keywords: to include and to exclude', () => {
  const expected = {
    include: ways(5, (i) => `Do say {w}, way ${i}.`),
    exclude: ways(6, (i) => `Never say "{w}", way ${i}.`),
  };
  assert.equal(keywordWordings(KEYWORD_SCRIPT), expected);
  const named = KEYWORD_SCRIPT.replace('phrasings_exclude', 'no').replace(
    'phrasings_include',
    'yes',
  );
  assert.equal(keywordWordings(named), expected, 'by their numbers, if not by their names');
});

test('scripts that have changed are refused, with what they have', () => {
  const lines = (script: string, without: RegExp) =>
    script
      .split('\n')
      .filter((line) => !without.test(line))
      .join('\n');
  const cases: [() => unknown, RegExp][] = [
    [() => lengthWordings(''), /7, 7, 4, 4, 4 wordings .*found are none$/],
    [() => lengthWordings(LENGTH_SCRIPT.replace(', " Tiny it is, 6."', '')), /tiny \(6\)/],
    [() => lengthWordings(lines(LENGTH_SCRIPT, /some =/)), /found are lone \(4\), tiniest \(7\)/],
    [() => lengthWordings(lines(LENGTH_SCRIPT, /lone =/)), /one of 4 for one sentence; found/],
    [() => lengthWordings(lines(LENGTH_SCRIPT, / long =/)), /found are .*some \(4 with \{\}\)/],
    [() => lengthWordings(`${LENGTH_SCRIPT}\nmore = [' {} of it', ' {} a day']`), /more \(2 with/],
    [() => constraintWordings(lines(EVALUATION_SCRIPT, /one time/)), /found are 1$/],
    [() => constraintWordings(lines(EVALUATION_SCRIPT, /= 'exactly'/)), /found are 0$/],
    [() => constraintWordings(`${EVALUATION_SCRIPT}\nx = f'No {constr}.'`), /found are 3$/],
    [() => keywordWordings(lines(KEYWORD_SCRIPT, /_include/)), /5 wordings .* 6 .*_exclude \(6/],
    [() => keywordWordings(KEYWORD_SCRIPT.replace('", " Do say {}, way 4.', '')), /include \(4/],
    [() => keywordWordings('<html>'), /found are none/],
  ];
  for (const [act, message] of cases) assert.match(refusal(act), message);
});

test.run();
