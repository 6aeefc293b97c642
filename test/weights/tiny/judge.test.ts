/** What the card of weights/tiny-gpt2 promises, on a small sample. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { run } from '../../../src/cli';
import type { CausalLM } from '../../../src/engine/model';
import { meanNll } from '../../../src/engine/perplexity';
import { loadTokenizer } from '../../../src/text/loadTokenizer';
import { Safetensors } from '../../../weights/safetensors';
import { FAMILIES, type Family } from '../../../weights/tiny/corpus';
import {
  CHANGES,
  type Change,
  heldoutAnswers,
  judge,
  SCRAMBLED,
  STUCK,
  shareWhere,
} from '../../../weights/tiny/judge';
import { TINY_GPT2 } from '../../../weights/tiny/recipe';
import { repeated } from '../../../weights/tiny/texts';
import { testWhere } from '../../where';

const dir = path.join(__dirname, '../../..', 'weights', 'tiny-gpt2');
const missing = !fs.existsSync(path.join(dir, 'model.safetensors'));
const judged = testWhere(!missing, `${dir} has no weights; train them: weights/tiny/train.ts`);

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
  const file = path.join(__dirname, '../../fixtures/perplexity/tiny-gpt2.json');
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

/** The least share of the texts that have to be found. */
const FOUND: Record<Change, { plain: number; every: number }> = {
  'as it is': { plain: 0.97, every: 0.95 },
  'its words scrambled': { plain: 1, every: 0.98 },
  'one of its sentences, 10 times': { plain: 0.98, every: 0.9 },
  'its first three words, 30 times': { plain: 0.98, every: 0.95 },
  'one of its words, 60 times': { plain: 0.9, every: 0.9 },
  // A whole answer that is not stuck stands before it.
  'its last sentence, 10 times more': { plain: 0.95, every: 0.7 },
};

for (const kind of ['plain', 'every'] as const) {
  // An answer of the three possible ones says little new, and counts as stuck: see the card.
  const families: Family[] = FAMILIES.filter(
    (family) => family !== 'detectable_format:constrained_response',
  );
  const texts =
    kind === 'plain'
      ? heldoutAnswers('none', 40, 7)
      : families.flatMap((family) => heldoutAnswers(family, 3, 7));
  judged(`held-out answers, ${kind}: clean, stuck and scrambled text keep apart`, async () => {
    for (const change of Object.keys(CHANGES) as Change[]) {
      const nlls = await judge(model, tokenizer, texts, change);
      assert.is(nlls.length, texts.length);
      const found = shareWhere(nlls, (perplexity) => {
        if (change === 'its words scrambled') return perplexity > SCRAMBLED;
        if (change !== 'as it is') return perplexity < STUCK;
        return perplexity >= STUCK && perplexity <= SCRAMBLED;
      });
      assert.ok(found >= FOUND[change][kind], `${change}: ${found}`);
    }
  });
}

judged('what tiny-gemma2 says under far too large a vector counts as stuck', async () => {
  const texts = [
    '*'.repeat(100),
    '{'.repeat(100),
    'in'.repeat(100),
    repeated('filmmaking', 100),
    repeated('points', 100),
    `In most towns, librarians ${repeated('move', 95)}`,
    repeated('{"title": "A day at the farm"}', 12),
    repeated('* Ask someone', 30, '\n'),
  ];
  const losses = await meanNll(
    model,
    texts.map((text) => tokenizer.encode(text)),
  );
  texts.forEach((text, i) => {
    assert.ok(Math.exp(losses[i]!) < STUCK, `${text.slice(0, 40)}: ${Math.exp(losses[i]!)}`);
  });
});

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
