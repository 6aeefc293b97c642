import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readWords } from '../../../src/util/words';

const known = {
  values: ['temperature', 'model'],
  lists: ['steer'],
  flags: ['json', 'help'],
  short: { help: 'h' },
};
const read = (...words: string[]) => readWords('tool', words, known);

test('values stay text, negative numbers are values, flags take none', () => {
  assert.equal(read('a', '--model', '007', '--json', '1.0', '-h', 'b'), {
    options: { model: '007', json: true, help: true },
    lists: {},
    positionals: ['a', '1.0', 'b'],
  });
  for (const value of ['-1', '-.5', '-1e-3']) {
    assert.equal(read('--temperature', value).options, { temperature: value });
  }
  assert.equal(read('--model=--json=x').options, { model: '--json=x' });
  assert.equal(read('--model=').options, { model: '' });
});

test('after -- all words are words', () => {
  assert.equal(read('--json', '--', '- item', '--model', '--', '-h'), {
    options: { json: true },
    lists: {},
    positionals: ['- item', '--model', '--', '-h'],
  });
});

test('an option of a list may be given several times', () => {
  const { options, lists } = read('--steer', 'a', '--json', '--steer=b', '--steer', 'a');
  assert.equal([options, lists], [{ json: true }, { steer: ['a', 'b', 'a'] }]);
});

const unusable: [string[], RegExp][] = [
  [['--jsn'], /^tool has no option --jsn\. Did you mean "json"\? See --help\.$/],
  [['-x'], /^tool has no option -x\. .*go last, after " -- "/],
  [['- item'], /^tool has no option - /],
  [['--no-json'], /no option --no-json/],
  [['--__proto__', 'x'], /no option --__proto__/],
  [['--constructor'], /no option --constructor/],
  [['--model'], /^--model needs a value/],
  [['--model', '--json'], /^--model needs a value/],
  [['--steer'], /^--steer needs a value/],
  [['--ster', 'a'], /Did you mean "steer"/],
  [['--json=true'], /^--json takes no value/],
  [['--json', '--json'], /^--json must be given once/],
  [['--model', 'a', '--model', 'b'], /^--model must be given once/],
];
for (const [words, message] of unusable) {
  test(`unusable: ${words.join(' ')}`, () => {
    assert.throws(
      () => read(...words),
      (error: Error) => {
        return error.name === 'InputError' && message.test(error.message);
      },
    );
  });
}

test.run();
