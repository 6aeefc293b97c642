/** What the card of weights/tiny-gpt2 promises, on a small sample. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../models';
import { useBackend } from '../src/backend';
import { run } from '../src/cli';
import type { CausalLM } from '../src/model';
import { meanNll } from '../src/perplexity';
import { loadTokenizer } from '../src/tokenizer';
import { Safetensors } from '../weights/safetensors';
import { FAMILIES } from '../weights/tiny/corpus';
import { CHANGES, type Change, heldoutAnswers, judge, quantile } from '../weights/tiny/judge';
import { TINY_GPT2 } from '../weights/tiny/recipe';

const dir = path.join(__dirname, '..', 'weights', 'tiny-gpt2');
const missing = !fs.existsSync(path.join(dir, 'model.safetensors'));
if (missing) console.log(`Skipped: ${dir} has no weights. Train them: weights/tiny/train.ts`);
const judged = missing ? test.skip : test;

let model: CausalLM;
const tokenizer = loadTokenizer(dir);
test.before(async () => {
  await useBackend();
  if (!missing) model = loadModel(dir);
});
test.after(() => model?.dispose());

judged('the model is small enough to ship, in bfloat16, as the recipe says', () => {
  const bytes = fs
    .readdirSync(dir)
    .reduce((sum, file) => sum + fs.statSync(path.join(dir, file)).size, 0);
  assert.ok(bytes < 6e6, `${bytes} bytes`);
  const file = Safetensors.open(path.join(dir, 'model.safetensors'));
  for (const { dtype } of file.tensors.values()) assert.is(dtype, 'BF16');
  file.close();
  const config = JSON.parse(fs.readFileSync(path.join(dir, 'config.json'), 'utf8'));
  assert.equal(config, TINY_GPT2.model);
});

judged('raw texts have the tokens and losses of transformers', async () => {
  // Written by fixtures/perplexity/tiny_gpt2.py.
  const file = path.join(__dirname, 'fixtures/perplexity/tiny-gpt2.json');
  const { texts } = JSON.parse(fs.readFileSync(file, 'utf8')) as {
    texts: { text: string; tokens: number; loss: number | null }[];
  };
  const ids = texts.map(({ text }) => tokenizer.encode(text));
  assert.equal(
    ids.map((row) => row.length),
    texts.map(({ tokens }) => tokens),
  );
  const losses = await meanNll(model, ids);
  texts.forEach(({ text, loss }, i) => {
    const found = losses[i];
    if (loss === null || found === null) assert.is(found, loss, text);
    else assert.ok(Math.abs(found - loss) < 1e-4, `${text}: ${found}, not ${loss}`);
  });
});

/** Below this perplexity a text is stuck, above the other it is scrambled: from the card. */
const [STUCK, SCRAMBLED] = [1.4, 50];

for (const [what, families, n] of [
  ['answers to a question alone', ['none'], 40],
  ['answers of every family', FAMILIES, 3],
] as const) {
  judged(`${what}: stuck, clean and scrambled text keep apart`, async () => {
    const texts = families.flatMap((family) => heldoutAnswers(family, n, 7));
    for (const change of Object.keys(CHANGES) as Change[]) {
      const nlls = await judge(model, tokenizer, texts, change);
      assert.is(nlls.length, texts.length);
      const [low, high] = [0.05, 0.95].map((share) => Math.exp(quantile(nlls, share)));
      const found = `${change}: ${low} to ${high}`;
      if (change === 'as it is') assert.ok(low > STUCK && high < SCRAMBLED, found);
      else if (change === 'its words scrambled') assert.ok(low > SCRAMBLED, found);
      else assert.ok(high < STUCK, found);
    }
  });
}

judged('the command finds it by name', async () => {
  const { log } = console;
  const out: string[] = [];
  console.log = (line: string) => out.push(line);
  try {
    const file = path.join(dir, 'README.md');
    assert.is(await run(['node', 'cli', 'perplexity', '--model', 'tiny-gpt2', file, '--json']), 0);
  } finally {
    console.log = log;
  }
  const [{ judged: tokens, perplexity }] = JSON.parse(out[0]).texts;
  assert.is(tokens, TINY_GPT2.model.n_positions);
  assert.ok(perplexity > 50, 'the card is not an answer of the corpus');
});

test.run();
