/** What the README and the card of weights/tiny-gemma2 promise, on a small sample. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { loadTokenizer } from '../../../src/text/loadTokenizer';
import { Safetensors } from '../../../weights/safetensors';
import { FAMILIES } from '../../../weights/tiny/corpus';
import { evaluate, share } from '../../../weights/tiny/evaluate';
import { TINY_GEMMA2 } from '../../../weights/tiny/recipe';
import { configText } from '../../../weights/tiny/train';

const root = path.join(__dirname, '../../..');
const dir = path.join(root, 'weights', 'tiny-gemma2');

test('the model is small enough to ship, in bfloat16, as the recipe says', () => {
  const bytes = fs
    .readdirSync(dir)
    .reduce((sum, file) => sum + fs.statSync(path.join(dir, file)).size, 0);
  assert.ok(bytes < 12e6, `${bytes} bytes`);
  const file = Safetensors.open(path.join(dir, 'model.safetensors'));
  let parameters = 0;
  for (const { dtype, shape } of file.tensors.values()) {
    assert.is(dtype, 'BF16');
    parameters += shape.reduce((a, b) => a * b, 1);
  }
  file.close();
  assert.ok(parameters > 2e6 && parameters < 4e6, `${parameters} parameters`);
  const config = fs.readFileSync(path.join(dir, 'config.json'), 'utf8');
  assert.is(config, configText(TINY_GEMMA2.model));
  // transformers refuses a whole number where its own default is a fraction.
  assert.match(config, '"final_logit_softcapping": 30.0,');
});

test('held-out instructions are obeyed, and not without them', async () => {
  await useBackend();
  const model = loadModel(dir);
  const outcomes = await evaluate(model, loadTokenizer(dir), {
    n: 4,
    families: FAMILIES.filter((family) => family !== 'none'),
    seed: 5,
  });
  model.dispose();
  const obeyed = share(outcomes.map((outcome) => outcome.obeyed));
  const byAccident = share(outcomes.map(({ plainObeyed }) => plainObeyed));
  assert.ok(obeyed >= 0.85, `${obeyed} with the instruction`);
  assert.ok(byAccident <= 0.15, `${byAccident} without`);
});

test('steering alone makes answers shorter and longer, as the README shows', () => {
  const output = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-tiny-'));
  try {
    const script = path.join(root, 'experiments', 'length', 'evaluate.ts');
    const settings = ['include_instructions=false', 'n_examples=4', `output_path=${output}`];
    const { status, stderr } = spawnSync(
      process.execPath,
      ['-r', 'ts-node/register', script, ...settings, 'name=test'],
      { cwd: root, encoding: 'utf8' },
    );
    assert.is(status, 0, stderr);
    const file = path.join(output, 'length', 'tiny-gemma2', 'test', 'summary.json');
    const { cells } = JSON.parse(fs.readFileSync(file, 'utf8'));
    const sentences = (steering: string): number[] =>
      cells
        .filter((cell: { steering: string }) => cell.steering === steering)
        .map((cell: { mean_sentences: number }) => cell.mean_sentences);
    const [plain] = sentences('none');
    assert.ok(Math.min(...sentences('add_vector_conciseness')) <= plain / 2);
    assert.ok(Math.max(...sentences('add_vector_verbosity')) >= plain * 1.5);
  } finally {
    fs.rmSync(output, { recursive: true });
  }
});

test.run();
