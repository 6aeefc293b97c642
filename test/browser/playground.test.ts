/** `tiller playground` in a browser, with the small model: what a user does, and what is then shown. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openModel } from '../../models/open';
import { residPost } from '../../src/engine/hookPoints';
import { runWithCache } from '../../src/engine/runWithCache';
import { generateText } from '../../src/language/generateText';
import type { LanguageModel } from '../../src/language/languageModel';
import { directionFromPairs, type VectorOfPairs } from '../../src/vectors/fromPairs';
import { steer } from '../../src/vectors/steer';
import { runHere } from '../src/commands/runHere';
import { assertAccessible, assertFits } from './checks';
import { program } from './chromium';
import { type RunningPlayground, startPlayground } from './playgroundCommand';
import {
  afterRun,
  answersOf,
  linkTo,
  PAIRS,
  PROMPT,
  parts,
  textOf,
  typePairs,
} from './playgroundPage';
import { testPage } from './testPage';

const MODEL = 'tiny-gemma2';
let running: RunningPlayground;
let lm: LanguageModel;
let vectors: VectorOfPairs;

if (program) {
  test.before(async () => {
    lm = await openModel(MODEL);
    vectors = await directionFromPairs(lm, PAIRS, { name: 'lowercase' });
    running = await startPlayground([MODEL]);
  });
  test.after(async () => {
    assert.is(await running.stop(), 0);
    lm.dispose();
  });
}

/** What the vector makes of the prompt, at the layer 0 and the last prompt token. */
async function written(weight: `${number}x`) {
  const edits = [steer(vectors, { layer: 0, positions: 'last', weight })];
  const [answer] = await generateText(lm, [PROMPT], { edits, maxNewTokens: 64 });
  return answer;
}

async function openLink(page: Page): Promise<void> {
  await page.goto(linkTo(running.url));
  await parts(page).status.getByText('Done.').waitFor();
}

testPage('pairs typed in make a vector; its slider moves the steered answer', async (page) => {
  const { prompt, layer, positions, strength } = parts(page);
  await page.goto(running.url);
  await prompt.fill(PROMPT);
  await typePairs(page, 'lowercase', PAIRS);
  const make = page.getByRole('button', { name: 'Make the vector' });
  assert.is(await afterRun(page, () => make.click()), 'Done.');
  assert.is(await layer.inputValue(), '0');
  assert.is(await positions.inputValue(), 'last');
  const plain = (await generateText(lm, [PROMPT], { maxNewTokens: 64 }))[0].text;
  for (const weight of ['0.5x', '1x', '1.5x', '0x'] as const) {
    await afterRun(page, () => strength.fill(weight.slice(0, -1)));
    const { text } = await written(weight);
    assert.equal(await answersOf(page), { unsteered: plain, steered: text });
    if (weight === '1x' || weight === '1.5x') assert.is(text, text.toLowerCase());
  }
  assert.is.not(plain, plain.toLowerCase());
  await assertAccessible(page);
});

testPage('a reload gives the same page, and back the one of the run before', async (page) => {
  const { prompt, strength, status, layer, positions } = parts(page);
  await openLink(page);
  const before = await answersOf(page);
  await afterRun(page, () => strength.fill('1.5'));
  const after = await answersOf(page);
  assert.is.not(before.steered, after.steered);
  const isDone = () => status.getByText('Done.').waitFor();
  await page.reload();
  await isDone();
  assert.equal(await answersOf(page), after);
  assert.is(await prompt.inputValue(), PROMPT);
  assert.is(await layer.inputValue(), '0');
  assert.is(await positions.inputValue(), 'last');
  assert.is(await strength.inputValue(), '1.5');
  await afterRun(page, () => page.goBack());
  assert.equal(await answersOf(page), before);
  assert.is(await strength.inputValue(), '1');
  await afterRun(page, () => page.goForward());
  assert.equal(await answersOf(page), after);
});

testPage('the heat map shows h·u as a forward pass gives it', async (page) => {
  const { heatMap } = parts(page);
  await openLink(page);
  const asked = lm.encode(PROMPT);
  const ids = [...asked, ...(await written('1x')).tokens];
  const { unit, norm } = vectors.directions.get('lowercase')!;
  // Not an edit: the vector is added by hand, where the prompt ends.
  const added = tf.tidy(() => {
    const at = tf.oneHot(tf.tensor1d([asked.length - 1], 'int32'), ids.length);
    const vector = tf.mul(tf.tensor1d(unit[0]), norm[0]);
    return tf.expandDims(tf.matMul(tf.cast(at, 'float32'), tf.expandDims(vector, 0), true), 0);
  });
  const hooks = { [residPost(0)]: (h: tf.Tensor) => tf.add(h, added) };
  const { logits, cache } = runWithCache(lm.model, [ids], { hooks });
  const rows = await heatMap.getByRole('row').allInnerTexts();
  const shown = rows
    .slice(1)
    .map((row) => row.replaceAll('−', '-').split(/\s+/).slice(-unit.length));
  assert.is(shown.length, ids.length);
  for (const [layer, u] of unit.entries()) {
    const h = (await cache.get(residPost(layer))!.array()) as number[][][];
    for (const [t, row] of h[0].entries()) {
      const right = row.reduce((sum, x, i) => sum + x * u[i], 0);
      const off = Math.abs(Number(shown[t][layer]) - right);
      // Three digits are shown.
      assert.ok(off <= 0.006 * Math.abs(right) + 1e-4, `${layer} ${t}: ${shown[t]}, not ${right}`);
    }
  }
  cache.dispose();
  tf.dispose([logits, added]);
});

testPage('the exported command writes the same answer', async (page) => {
  await openLink(page);
  const { steered } = await answersOf(page);
  await page.getByText('as a command').click();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-exported-'));
  const here = process.cwd();
  try {
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: /^Save lowercase\S+safetensors/ }).click();
    await (await saved).saveAs(path.join(folder, (await saved).suggestedFilename()));
    const command = await textOf(page.getByRole('region', { name: 'Command' }));
    const [, words] = /\bgenerate (.*)/s.exec(command)!;
    const split = execFileSync('sh', ['-c', `printf '%s\\0' ${words}`], { encoding: 'utf8' });
    process.chdir(folder);
    const { code, out, err } = await runHere(['generate', ...split.split('\0').slice(0, -1)]);
    assert.is(code, 0, err);
    assert.is(out.trim(), steered);
  } finally {
    process.chdir(here);
    fs.rmSync(folder, { recursive: true });
  }
});

/** The names of what Tab stops at, from here to the one that is named. */
async function tabTo(page: Page, name: string): Promise<void> {
  const label = `(({ activeElement: at }) => at.ariaLabel ??
    at.labels?.[0]?.textContent.trim() ?? at.textContent.trim())(document)`;
  const passed: unknown[] = [];
  for (let stops = 0; stops < 60; stops++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(label);
    if (at === name) return;
    passed.push(at);
  }
  throw new Error(`Tab does not lead to "${name}", but to ${passed.join(', ')}`);
}

testPage('the keyboard alone is enough', async (page) => {
  const { keyboard } = page;
  const { prompt, layer, positions, strength, status, heatMap } = parts(page);
  await page.goto(running.url);
  await prompt.waitFor();
  await tabTo(page, 'Prompt');
  await keyboard.press('Control+A');
  await keyboard.type(PROMPT);
  await tabTo(page, 'Make a vector from pairs');
  await keyboard.press('Enter');
  await tabTo(page, 'lowercase');
  await keyboard.press('Space');
  await tabTo(page, 'Make the vector');
  await afterRun(page, () => keyboard.press('Enter'));
  await page.evaluate('document.activeElement.blur()');
  for (const [name, part, first, then] of [
    ['Layer', layer, ['End', '5'], ['Home', '0']],
    ['Positions', positions, ['ArrowUp', 'prompt'], ['ArrowDown', 'last']],
  ] as const) {
    await tabTo(page, name);
    for (const [key, value] of [first, then]) {
      await afterRun(page, () => keyboard.press(key));
      assert.is(await part.inputValue(), value);
    }
  }
  await tabTo(page, 'Strength');
  const before = await answersOf(page);
  await afterRun(page, async () => {
    for (let step = 0; step < 10; step++) await keyboard.press('ArrowRight');
  });
  assert.is(await strength.inputValue(), '1.5');
  const { steered, unsteered } = await answersOf(page);
  assert.is.not(steered, before.steered);
  assert.is(steered, steered.toLowerCase());
  assert.is(unsteered, before.unsteered);
  assert.is(await afterRun(page, () => keyboard.press('Control+Enter')), 'Done.');
  assert.is(await textOf(status), 'Done.');
  // In the heat map, arrows walk; what stands in the cell is said beside it.
  const cell = heatMap.locator(':focus');
  for (let stops = 0; stops < 60 && !(await cell.count()); stops++) await keyboard.press('Tab');
  for (const key of ['Control+Home', 'ArrowDown', 'ArrowRight']) await keyboard.press(key);
  const said = page.getByText(/prompt token 1, layer 0: \S+ along lowercase/);
  assert.match(await textOf(said), `layer 0: ${await textOf(cell)} along`);
});

testPage('stop ends both answers where they are', async (page) => {
  const { status, run, steered, stop, positions, strength } = parts(page);
  await openLink(page);
  await page.getByText('Decoding').click();
  await page.getByRole('spinbutton', { name: 'Max tokens' }).fill('400');
  await afterRun(page, () => strength.fill('2'));
  const said = await afterRun(page, async () => {
    // Everywhere, it has the model write until it may no longer.
    await positions.selectOption('all');
    await status.getByText('Running').waitFor();
    await steered.getByText(/\S/).waitFor();
    await stop.click();
  });
  assert.is(said, 'Stopped.');
  const stopped = await answersOf(page);
  const edits = [steer(vectors, { layer: 0, positions: 'all', weight: '2x' })];
  const [whole] = await generateText(lm, [PROMPT], { edits, maxNewTokens: 400 });
  assert.ok(stopped.steered.length < whole.text.length, 'it had ended by itself');
  assert.ok(whole.text.startsWith(stopped.steered));
  // The model is free again.
  await positions.selectOption('last');
  assert.is(await afterRun(page, () => run.click()), 'Done.');
});

testPage(
  '400 pixels are enough, and axe-core finds nothing serious, light or dark',
  async (page) => {
    const check = async () => {
      await assertFits(page);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await assertAccessible(page);
      }
    };
    await page.goto(running.url);
    await parts(page).prompt.waitFor();
    await check();
    await openLink(page);
    await page.getByText('as a command').click();
    await page.getByRole('region', { name: 'Command' }).waitFor();
    await check();
  },
  { width: 400 },
);

test.run();
