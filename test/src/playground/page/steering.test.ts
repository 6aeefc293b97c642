/** What the page knows of edits, against what the engine takes. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EDIT_KINDS, kindOf, POSITIONS } from '../../../../src/engine/edits';
import {
  complete,
  KIND_MEANINGS,
  newSpec,
  normOf,
  ofKind,
  POSITION_MEANINGS,
} from '../../../../src/playground/page/steering';
import type { VectorInfo } from '../../../../src/playground/protocol';
import { checkSteer } from '../../../../src/vectors/steerSpec';

const vector: VectorInfo = {
  ...{ id: 'v.gguf', from: 'file', names: ['a', 'b'], layers: [2, 4, 7] },
  norms: { a: [1, 2, 3], b: [10, 20, 30] },
  settings: { b: { layer: 4, source: 7, kind: 'clamp', min: 1, positions: 'last' } },
};

test('every kind and place of the engine has its words', () => {
  assert.equal(Object.keys(KIND_MEANINGS), EDIT_KINDS);
  assert.equal(Object.keys(POSITION_MEANINGS), [...POSITIONS]);
});

test('an edit changes its kind, and the engine takes it: no parameter of the old kind stays', () => {
  const when = { above: 1 };
  for (const from of EDIT_KINDS) {
    for (const to of EDIT_KINDS) {
      const begun = { ...ofKind({ file: 'v.gguf', layer: 4, when }, from), target: 1, min: 0 };
      const spec = ofKind(begun, to);
      checkSteer(spec, `${from} to ${to}`);
      assert.is(spec.kind, to);
      assert.is(spec.when, when);
      const kept = kindOf(to).parameters.filter((key) => key in begun);
      for (const key of kept) assert.ok(key in spec, `${from} to ${to}: ${key}`);
    }
  }
});

test('a new edit is as a search found it, else 1x at the last prompt token, in the middle of many layers', () => {
  assert.equal(newSpec(vector), {
    ...{ file: 'v.gguf', name: 'a', layer: 2, kind: 'add', weight: '1x', positions: 'last' },
  });
  assert.is(newSpec({ ...vector, layers: [...Array(26).keys()] }).layer, 13);
  assert.equal(newSpec(vector, 'b'), { file: 'v.gguf', name: 'b', ...vector.settings.b });
  // A layer that is given is not the search's: nor is the rest.
  assert.equal(complete({ file: 'v.gguf', name: 'b', layer: 2, weight: 3 }, vector), {
    ...{ file: 'v.gguf', name: 'b', layer: 2, kind: 'add', weight: 3 },
  });
});

test("a norm is that of the vector's own layer", () => {
  const spec = complete({ file: 'v.gguf', name: 'b', layer: 4 }, vector);
  assert.is(normOf(spec, vector), 20);
  assert.is(normOf({ ...spec, source: 7 }, vector), 30);
  assert.is(normOf({ ...spec, layer: 3 }, vector), undefined);
});

test.run();
