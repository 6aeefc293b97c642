/** What the page holds and its address. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULTS, EXAMPLES } from '../../../../src/playground/page/defaults';
import { type PageState, readFragment, writeFragment } from '../../../../src/playground/page/url';

const full: PageState = {
  settings: {
    prompt: 'Tom & Jerry: 100 % = #1 + "quotes"\n日本語 🍅',
    system: 'Be kind.',
    style: 'raw',
    steer: [
      { file: 'a b.safetensors', name: 'x:y', layer: 3, kind: 'add', weight: '-1.5x' },
      { file: 'v.gguf', layer: 0, source: 2, kind: 'clamp', min: -1, when: { above: 0.25 } },
    ],
    maxNewTokens: 12,
    temperature: 0.7,
    topP: 0.9,
    seed: 42,
  },
  made: [{ id: 'lowercase-1a.safetensors', ...EXAMPLES[0] }],
  auto: false,
};

test('a state comes back from its address as it was', () => {
  const { fragment, left } = writeFragment(full);
  // As a browser keeps it.
  const { hash } = new URL(`http://localhost/#${fragment}`);
  assert.equal(readFragment(hash), { state: full, problems: [] });
  assert.equal(left, []);
});

test('no address gives what the page starts with, and an empty prompt stays empty', () => {
  const start = { settings: DEFAULTS, made: [], auto: true };
  assert.equal(readFragment(''), { state: start, problems: [] });
  const empty = { ...start, settings: { ...DEFAULTS, prompt: '' } };
  assert.equal(readFragment(writeFragment(empty).fragment).state, empty);
});

test('pairs that are too long are left out and named; shorter ones after them are not', () => {
  const long = {
    ...full.made[0],
    id: 'long',
    pairs: [{ positive: 'x'.repeat(9000), negative: 'y' }],
  };
  const { fragment, left } = writeFragment({ ...full, made: [long, ...full.made] });
  assert.equal(left, [long]);
  assert.equal(readFragment(fragment).state.made, full.made);
  assert.ok(fragment.length <= 8000);
});

test('what can not be read is said, and the rest stands', () => {
  const { state, problems } = readFragment(
    '#prompt=Hi&steer={"file":"v"}&steer={"file":&steer={}&made={"id":"a","pairs":[]}&seed=x&tokens=',
  );
  assert.equal(state.settings, { ...DEFAULTS, prompt: 'Hi', steer: [{ file: 'v' }] });
  assert.equal(state.made, []);
  assert.is(problems.length, 5);
  for (const part of ['{"file":', '{}', '"a"', 'seed', 'tokens']) {
    assert.ok(
      problems.some((problem) => problem.includes(part)),
      part,
    );
  }
});

test.run();
