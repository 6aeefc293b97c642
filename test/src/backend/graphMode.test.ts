import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { useBackend } from '../../../src/backend';
import { graphMode } from '../../../src/backend/graphMode';
import { InputError } from '../../../src/util/errors';

test('TILLER_GRAPHS is one of three words, whatever the backend', async () => {
  const { TILLER_GRAPHS } = process.env;
  try {
    for (const word of ['on', 'off', 'explain']) {
      process.env.TILLER_GRAPHS = word;
      assert.is(graphMode(), word);
    }
    process.env.TILLER_GRAPHS = '';
    assert.is(graphMode(), 'on');
    process.env.TILLER_GRAPHS = 'explian';
    const error = await useBackend('wasm').catch((thrown) => thrown);
    assert.instance(error, InputError);
    assert.match(
      error.message,
      /TILLER_GRAPHS is "explian", not one of on, off, explain.*"explain"/,
    );
  } finally {
    if (TILLER_GRAPHS === undefined) delete process.env.TILLER_GRAPHS;
    else process.env.TILLER_GRAPHS = TILLER_GRAPHS;
  }
});

test.run();
