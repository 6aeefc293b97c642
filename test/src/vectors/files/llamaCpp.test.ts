/**
 * A control vector that llama.cpp (v0.5.0, the libllama of npm's node-llama-cpp 3.22.1) loaded with its
 * own `common_control_vector_load` and steered the fixture mistral-wide-heads by, converted to GGUF: its
 * greedy tokens are ours (scripts/llama_cpp makes them).
 */
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { generate, loadModel, loadVectors, steer, useBackend } from '../../../../src';

const fixtures = path.join(__dirname, '../../../fixtures');
const PROMPT = [2, 5, 9, 20, 31];
/** What llama.cpp wrote, without the control vector and with it. */
const PLAIN = [55, 61, 55, 61, 55, 61, 37, 61, 50, 57, 66, 41];
const STEERED = [55, 61, 55, 61, 55, 61, 37, 61, 15, 61, 50, 6];

test('llama.cpp and tiller write the same, steered by the same control vector', async () => {
  await useBackend();
  const model = loadModel(path.join(fixtures, 'mistral-wide-heads'));
  const vectors = loadVectors(path.join(fixtures, 'vectorFiles/llamaCpp.gguf'), {
    model: { name: 'mistral-wide-heads', fingerprint: '', model },
  });
  const edits = vectors.layers.map((layer) => steer(vectors, { layer, weight: '1x' }));
  const options = { maxNewTokens: 12, stopIds: [] };
  const write = async (rows: typeof edits) =>
    (await generate(model, [PROMPT], { ...options, edits: [rows] }))[0].tokens;
  assert.equal(await write([]), PLAIN);
  assert.equal(await write(edits), STEERED);
  const shifted = edits.map((edit) => ({ ...edit, layer: edit.layer - 1 }));
  assert.not.equal(await write(shifted), STEERED);
  model.dispose();
});

test.run();
