/** JSON as Python's json module writes it. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePythonJson } from '../../../src/util/json';

test('JSON proper is read as always', () => {
  for (const value of [{ a: [1, 'NaN', null] }, 'x', 1.5, true, []]) {
    assert.equal(parsePythonJson(JSON.stringify(value)), value);
  }
});

test('NaN is null, infinities are numbers; the same words in strings stay', () => {
  // json.dumps({"a": [nan, inf, -inf], "NaN": "NaN, \"Infinity\" \\"})
  const text = '{"a": [NaN, Infinity, -Infinity], "NaN": "NaN, \\"Infinity\\" \\\\"}';
  assert.equal(parsePythonJson(text), {
    a: [null, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    NaN: 'NaN, "Infinity" \\',
  });
});

test('anything else is refused', () => {
  for (const text of ['', 'nan', '{"a": NaNs}', '-NaN', "{'a': NaN}", '[NaN', 'xInfinity']) {
    assert.throws(
      () => parsePythonJson(text),
      (error: Error) => error instanceof SyntaxError,
      text,
    );
  }
});

test.run();
