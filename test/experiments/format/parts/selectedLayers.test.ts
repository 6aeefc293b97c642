import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  parseSelected,
  selectedToJson,
  selectLayers,
} from '../../../../experiments/format/parts/selectedLayers';

const [A, B] = ['punctuation:no_comma', 'detectable_format:title'];
const parse = (text: string) => parseSelected('x.safetensors', text, [0, 2, 5]);

test('one choice, as files from before there were two have it, serves all prompts', () => {
  const { without, with: withIt } = parse(`{"${A}": 2, "${B}": null}`);
  assert.equal(
    [...without],
    [
      [A, 2],
      [B, null],
    ],
  );
  assert.equal(withIt, without);
});

test('two choices come back as they were stored', () => {
  const without: Record<string, number | null> = { [A]: 2, [B]: null };
  const withIt: Record<string, number | null> = { [A]: 0, [B]: 5 };
  const selected = selectLayers([A, B], [(id) => without[id], (id) => withIt[id]]);
  assert.equal(selectedToJson(selected), { without, with: withIt });
  assert.equal(parse(JSON.stringify(selectedToJson(selected))), selected);
  const one = selectLayers([A, B], [(id) => (id === A ? 5 : undefined)]);
  assert.equal(selectedToJson(one), { [A]: 5, [B]: null });
});

test('layers that the file has no vectors of, or that are none, are refused', () => {
  for (const text of [
    `{"${A}": 1}`,
    `{"${A}": "2"}`,
    `{"without": {"${A}": 2}}`,
    `{"without": {"${A}": 2}, "with": {"${A}": 3}}`,
    `{"without": {"${A}": 2}, "with": null}`,
    '[2]',
    'null',
    '{',
  ]) {
    assert.throws(() => parse(text), /x\.safetensors is damaged.*Run precompute_ivs again/, text);
  }
});

test.run();
